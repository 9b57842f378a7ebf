"""What staff can come to see: every field of every type they reach, and each role's view of a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLObjectType, GraphQLUnionType, get_named_type

from app.cases.models import Case
from app.cases.rules import CaseState
from app.identity.disclosure import VIEWS, PersonalField, View, view_of
from app.identity.models import Resident
from app.identity.rules import Role
from app.kernel.actor import ActorKind
from app.kernel.audit import AuditLine
from app.kernel.privacy import seal
from tests.architecture.test_schema import entries, guards_of
from tests.cases.filing import ADDRESS, file_case
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import audit_of, nothing_moves
from tests.portal import Portal
from tests.staffing.decided import IS_PERSONAL, IS_SECRET, NAMES_NOBODY, REACHED_FROM

REASON = "本人陈述与登记不符"
NAME, NUMBER, PHONE = "测试居民甲", "990102199001011234", "13000001234"
M_NAME, M_NUMBER, M_PHONE = "测***甲", "990***********1234", "130****1234"

Seen = tuple[str | None, str | None, str | None]

AT_A_GLANCE: dict[Role, tuple[Seen, str] | None] = {
    Role.WINDOW_ACCEPTOR: ((M_NAME, M_NUMBER, M_PHONE), REASON),
    Role.PRE_REVIEWER: ((M_NAME, M_NUMBER, M_PHONE), REASON),
    Role.HANDLER: ((M_NAME, M_NUMBER, M_PHONE), REASON),
    Role.APPROVER: ((M_NAME, M_NUMBER, None), REASON),
    Role.ISSUER: ((M_NAME, None, M_PHONE), ""),
    Role.SUPERVISOR: ((M_NAME, M_NUMBER, M_PHONE), REASON),
    Role.CASHIER: None,
    Role.HOTLINE_AGENT: None,
    Role.ITEM_EDITOR: None,
    Role.DEPARTMENT_MANAGER: None,
    Role.STATISTICS_VIEWER: None,
    Role.SECURITY_ADMINISTRATOR: None,
    Role.AUDITOR: None,
    Role.SYSTEM_ADMINISTRATOR: None,
}
IN_FULL: dict[Role, tuple[Seen, list[str]]] = {
    Role.WINDOW_ACCEPTOR: ((NAME, NUMBER, M_PHONE), ["NAME", "ID_NUMBER"]),
    Role.PRE_REVIEWER: ((NAME, NUMBER, M_PHONE), ["NAME", "ID_NUMBER"]),
    Role.HANDLER: ((NAME, NUMBER, M_PHONE), ["NAME", "ID_NUMBER"]),
    Role.APPROVER: ((NAME, NUMBER, None), ["NAME", "ID_NUMBER"]),
    Role.ISSUER: ((NAME, None, M_PHONE), ["NAME"]),
}
LABEL = frozenset({Role.ISSUER})
every_role = pytest.mark.parametrize("role", sorted(Role))


def reached_from(kind: Any, seen: dict[str, GraphQLObjectType]) -> None:
    """Add every object type that can be come to from a type."""
    named = get_named_type(kind)
    if isinstance(named, GraphQLUnionType):
        for member in named.types:
            reached_from(member, seen)
    elif isinstance(named, GraphQLObjectType) and named.name not in seen:
        seen[named.name] = named
        for field in named.fields.values():
            reached_from(field.type, seen)


def reached_by_staff() -> Iterator[tuple[str, dict[str, GraphQLObjectType]]]:
    for name, field in entries():
        if ActorKind.STAFF in guards_of(field)[0].audience.kinds:
            seen: dict[str, GraphQLObjectType] = {}
            reached_from(field.type, seen)
            yield name, seen


def test_every_field_staff_can_reach_is_decided() -> None:
    """A new one fails here until it is in one of the tables."""
    reached = {name: kind for _, seen in reached_by_staff() for name, kind in seen.items()}
    pages = {name for name in reached if name.endswith(("Connection", "Edge"))}
    told = {name: set(kind.fields) for name, kind in reached.items() if name not in pages}
    decided: dict[str, set[str]] = {}
    for table in (NAMES_NOBODY, IS_PERSONAL, IS_SECRET):
        for name, fields in table.items():
            assert not decided.get(name, set()) & set(fields.split()), f"{name} is decided twice"
            decided[name] = decided.get(name, set()) | set(fields.split())
    assert told == decided
    for name in pages:
        assert set(reached[name].fields) in ({"edges", "pageInfo"}, {"node", "cursor"}), name


@pytest.mark.parametrize("kind", sorted(REACHED_FROM))
def test_no_path_through_the_schema_leads_around(kind: str) -> None:
    """What is sensitive is come to by these entries only, however deeply a document is nested."""
    assert {name for name, seen in reached_by_staff() if kind in seen} == REACHED_FROM[kind]


def test_every_role_has_a_row_in_the_table_of_views() -> None:
    assert set(VIEWS) == set(AT_A_GLANCE) == set(Role)


@pytest.mark.parametrize("field", list(PersonalField))
def test_who_holds_no_role_sees_nothing(field: PersonalField) -> None:
    assert view_of([], field) is View.HIDDEN


def test_of_two_roles_the_wider_view_counts() -> None:
    both = [Role.SUPERVISOR, Role.WINDOW_ACCEPTOR]
    assert [view_of(both, field).value for field in PersonalField] == ["FULL", "FULL", "MASKED", "HIDDEN", "FULL"]


async def denied_case() -> Case:
    """Denied with a reason, of somebody of whom everything is known."""
    resident = await make_resident()
    await Resident.filter(id=resident.id).update(
        name_sealed=seal(NAME), id_number_sealed=seal(NUMBER), phone_sealed=seal(PHONE)
    )
    case = await file_case(resident, posted=True)
    await Case.filter(id=case.id).update(reason=REASON, state=CaseState.CLOSED)
    return case


@every_role
async def test_what_a_role_sees_of_an_applicant_at_a_glance(portal: Portal, role: Role) -> None:
    case = await denied_case()
    clerk = await caller_of(portal, await make_staff(role))

    seen = await clerk.do("CaseDetail", id=str(case.id))

    expected = AT_A_GLANCE[role]
    if expected is None:
        assert seen["code"] == "NOT_ALLOWED"
        return
    (name, number, phone), reason = expected
    assert seen["applicant"] == {"name": name, "idNumber": number, "phone": phone}
    assert (seen["maskedApplicant"], seen["reason"]) == (name, reason)
    for full in (NAME, NUMBER, PHONE, ADDRESS.detail):
        assert full not in str(seen)


@every_role
async def test_what_a_role_reads_of_an_applicant_in_full(portal: Portal, role: Role) -> None:
    """With a purpose, and kept together with it."""
    case = await denied_case()
    clerk = await caller_of(portal, await make_staff(role))
    if role not in IN_FULL:
        async with nothing_moves():
            refused = await clerk.do("Applicant", caseId=str(case.id), purpose="VERIFY_IDENTITY")
        assert refused["code"] == "NOT_ALLOWED"
        return

    seen = await clerk.do("Applicant", caseId=str(case.id), purpose="VERIFY_IDENTITY")

    (name, number, phone), fields = IN_FULL[role]
    assert (seen["name"], seen["idNumber"], seen["phone"]) == (name, number, phone)
    line = await AuditLine.filter(subject=f"case:{case.id}", act="case.applicant_seen").get()
    assert (line.person, line.detail["purpose"], line.detail["fields"]) == (
        case.resident_id,
        "VERIFY_IDENTITY",
        fields,
    )
    assert NUMBER not in str(line.detail)


@every_role
async def test_which_role_reads_the_address_for_the_label(portal: Portal, role: Role) -> None:
    case = await denied_case()
    clerk = await caller_of(portal, await make_staff(role))
    label = await clerk.do("ShippingLabel", caseId=str(case.id))
    if role in LABEL:
        assert (label["receiver"], label["detail"]) == (ADDRESS.receiver, ADDRESS.detail)
        assert (await audit_of(f"case:{case.id}"))[-1] == ("case.address_seen", "done")
    else:
        assert label["code"] == "NOT_ALLOWED"
        assert ("case.address_seen", "done") not in await audit_of(f"case:{case.id}")


async def test_the_applicant_sees_themself_masked_and_learns_the_reason(portal: Portal) -> None:
    case = await denied_case()
    owner = await make_resident()
    await Case.filter(id=case.id).update(resident_id=owner.id)
    seen = await (await caller_of(portal, owner)).do("CaseDetail", id=str(case.id))
    assert (seen["maskedApplicant"], seen["reason"]) == ("测**民", REASON)
