"""Who looked at my data: every look of the staff at personal fields leaves a line, and the resident sees it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_union_type

from app.booking.commands import book
from app.cases.rules import CaseState, DeliveryMethod
from app.identity.disclosure import Purpose
from app.identity.looks import LOOKS, PURPOSES
from app.identity.models import Resident, Staff
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Actor, ActorKind, Scope
from app.kernel.audit import AuditLine
from tests.architecture.contracts import ROOT
from tests.architecture.test_schema import entries, guards_of
from tests.booking.places import make_slot, visit
from tests.cases.filing import CARD, file_case
from tests.delivery.stage import new_number
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import nothing_moves
from tests.people import Caller, new_key
from tests.personal_data.everything import make_case
from tests.portal import Portal

PERSONAL = {
    "maskedName", "maskedIdNumber", "maskedPhone", "maskedApplicant", "maskedAgent", "idNumber", "receiver",
    "grounds", "ground", "written",
}  # fmt: skip
"""Fields that tell something of a person who is not the caller."""

LOGGED = {
    "Query.desk": "case.listed",
    "Query.case": "case.seen",
    "Query.applicant": "case.applicant_seen",
    "Query.homeVisits": "booking.home_seen",
    "Query.shippingLabel": "case.address_seen",
    "Query.unitBill": "bill.seen",
    "Query.unitBills": "bill.listed",
    "Query.mandatesAtWindow": "mandate.seen",
    "Query.representationClaim": "representation.claim_seen",
    "Query.creditAppeal": "credit.appeal_seen",
    "Query.creditExemptions": "credit.exemptions_seen",
    "Mutation.endCreditExemption": "credit.exemption_ended",
    "Mutation.grantCreditExemption": "credit.exempted",
    "Query.casesToPost": "case.listed",
    "Query.billRefunds": "refund.seen",
    "Query.unitRefunds": "refund.listed",
    "Mutation.requestRefund": "refund.requested",
    "Mutation.approveRefund": "refund.approved",
    "Mutation.declineRefund": "refund.declined",
    "Mutation.retryRefund": "refund.retried",
    "Mutation.giveUpRefund": "refund.given_up",
    "Mutation.confirmWindowRefund": "refund.settled",
    "Mutation.returnWhatCame": "refund.requested",
    "Query.textsToReview": "text.listed",
    "Mutation.reviewText": "text.reviewed",
    "Mutation.checkInAtDesk": "queue.checked_in",
    "Mutation.acceptCase": "case.accept",
    "Mutation.approveCase": "case.approve",
    "Mutation.denyCase": "case.deny",
    "Mutation.handOverResult": "case.hand_over",
    "Mutation.confirmRepresentationClaim": "representation.decided",
    "Mutation.grantMandateAtWindow": "mandate.granted",
    "Mutation.endMandateAtWindow": "mandate.revoked",
    "Mutation.registerLegalPerson": "mandate.granted",
}
"""Entries by which staff see a person, each with the act its audit line names."""

NEVER_BY_STAFF = {
    "booking.released", "booking.moved_by_hall", "booking.hall_cancelled", "booking.expired", "queue.ended",
    "booking.offered", "queue.left",
    "case.withdraw", "mandate.resigned", "identity.accounts_joined", "identity.number_lost",
    "bill.expired", "booking.made", "booking.reinstated", "refund.promised",
}  # fmt: skip
"""Acts upon somebody's data that only the portal itself, or another resident, does."""


async def looks(caller: Caller, **page: object) -> list[dict[str, Any]]:
    answer = await caller.do("LookedAtMyData", **page)
    return [edge["node"] for edge in answer["edges"]]


async def department_clerk(role: Role, department: str | None) -> Actor:
    staff = await make_staff(role)
    await Staff.filter(id=staff.id).update(title="一窗受理员", department_key=department)
    return Actor(ActorKind.STAFF, staff.id, roles=staff.roles, name="一窗受理员", scope=Scope(department))


async def test_a_look_says_when_who_what_and_which_case(portal: Portal) -> None:
    resident = await make_resident()
    case = await file_case(resident)
    await case.fetch_related("item__department")
    department = case.item.department
    clerk = await caller_of(portal, await department_clerk(Role.HANDLER, department.key))
    before = clock.now().replace(microsecond=0)

    assert (await clerk.do("CaseDetail", id=str(case.id)))["maskedApplicant"] == "测**民"

    [look] = await looks(await caller_of(portal, resident))
    assert look.pop("at") >= clock.local(before).isoformat(timespec="seconds")
    assert look.pop("id")
    assert look == {
        "title": "一窗受理员",
        "department": department.name_zh,
        "kind": "LOOKED",
        "text": "查看了您的办件",
        "purpose": None,
        "caseId": str(case.id),
        "caseNumber": case.number,
    }


async def test_whoever_changes_posts_afterwards_was_still_who_they_were_that_day(portal: Portal) -> None:
    resident = await make_resident()
    case = await file_case(resident)
    staff = await make_staff(Role.HANDLER)
    await (await caller_of(portal, staff)).do("CaseDetail", id=str(case.id))
    await Staff.filter(id=staff.id).update(title="局长", department_key="civil-affairs", login=f"x-{staff.id}")

    [look] = await looks(await caller_of(portal, resident, "en"))

    assert (look["title"], look["department"], look["text"]) == ("测试工位", "city level", "looked at your case")


async def test_a_desk_leaves_a_line_for_everybody_on_it_and_only_for_them(portal: Portal) -> None:
    shown, hidden = await make_resident(), await make_resident()
    first, _ = await file_case(shown), await file_case(hidden)
    clerk = await caller_of(portal, await make_staff(Role.HANDLER))
    page = await clerk.do("Desk", states=["SUBMITTED"], first=50)
    while (ids := [edge["node"]["id"] for edge in page["edges"]]) and str(first.id) not in ids:
        page = await clerk.do("Desk", states=["SUBMITTED"], first=50, after=page["pageInfo"]["endCursor"])
    on_it = str(await AuditLine.filter(person=hidden.id, act="case.listed").count())

    seen = await looks(await caller_of(portal, shown))

    assert [(look["text"], look["caseNumber"]) for look in seen] == [("在待办列表中看到您的姓名和办件", first.number)]
    assert on_it == ("1" if len(ids) > 1 and ids[-1] != str(first.id) else "0")


async def test_an_empty_desk_leaves_nothing(portal: Portal) -> None:
    clerk = await caller_of(portal, await make_staff(Role.HANDLER))
    await clerk.do("Desk", states=[])  # being signed in is noted once
    async with nothing_moves("session"):
        await clerk.do("Desk", states=[])


async def test_the_label_the_parcel_and_the_decision_are_told_newest_first(portal: Portal) -> None:
    resident = await make_resident()
    case = await file_case(resident, posted=True)
    accept, approve = [await caller_of(portal, await make_staff(role)) for role in (Role.PRE_REVIEWER, Role.APPROVER)]
    issuer = await caller_of(portal, await make_staff(Role.ISSUER))
    await accept.do("AcceptCase", id=str(case.id))
    await approve.do("DenyCase", id=str(case.id), reason="材料不符")
    other = await make_case(
        resident.own_id(), CaseState.RESULT_READY, item="residence-permit",
        delivery_method=DeliveryMethod.POST, delivery_address_sealed=case.delivery_address_sealed,
    )  # fmt: skip
    await issuer.do("ShippingLabel", caseId=str(other.id))
    parcel = await issuer.do("RegisterParcel", caseId=str(other.id), carrier="ems", trackingNumber=new_number())
    assert parcel["__typename"] == "Parcel", parcel

    mine = await caller_of(portal, resident)
    assert [(look["kind"], look["text"], look["caseNumber"]) for look in await looks(mine)] == [
        ("ACTED", "登记了寄给您的包裹", other.number),
        ("ACTED", "交寄了您的办理结果", other.number),
        ("LOOKED", "查看了您的完整收件地址", other.number),
        ("ACTED", "对您的申请作出不予许可决定", case.number),
        ("ACTED", "受理了您的申请", case.number),
    ]
    page = await mine.do("LookedAtMyData", first=2)
    rest = await looks(mine, first=50, after=page["pageInfo"]["endCursor"])
    assert (page["pageInfo"]["hasNextPage"], len(page["edges"]), len(rest)) == (True, 2, 3)


async def test_a_look_at_everything_tells_what_it_was_needed_for(portal: Portal) -> None:
    resident = await make_resident()
    case = await file_case(resident)
    clerk = await caller_of(portal, await make_staff(Role.HANDLER))
    assert (await clerk.do("Applicant", caseId=str(case.id), purpose="CONTACT_APPLICANT"))["name"] == "测试居民"
    [look] = await looks(await caller_of(portal, resident))
    assert (look["text"], look["purpose"]) == ("查看了您的完整姓名、证件号码等信息", "与您联系")


async def test_what_i_do_myself_and_what_others_suffer_is_not_told(portal: Portal) -> None:
    resident, other = await make_resident(), await make_resident()
    await book(resident, (await make_slot(1)).id, visit(CARD), idempotency_key=new_key())
    case = await file_case(other)
    await (await caller_of(portal, await make_staff(Role.HANDLER))).do("CaseDetail", id=str(case.id))
    assert await looks(await caller_of(portal, resident)) == []


async def test_looks_at_an_account_that_was_joined_with_mine_are_told_too(portal: Portal) -> None:
    absorbed, survivor = await make_resident(), await make_resident()
    case = await file_case(absorbed)
    await (await caller_of(portal, await make_staff(Role.HANDLER))).do("CaseDetail", id=str(case.id))
    await Resident.filter(id=absorbed.id).update(merged_into_id=survivor.id)
    assert [look["caseId"] for look in await looks(await caller_of(portal, survivor))] == [str(case.id)]


async def test_the_log_is_for_residents_and_a_broken_cursor_is_refused(portal: Portal) -> None:
    clerk = await caller_of(portal, await make_staff(Role.SUPERVISOR))
    assert (await clerk.ask("LookedAtMyData"))["errors"][0]["extensions"]["code"] == "NOT_ALLOWED"
    mine = await caller_of(portal, await make_resident())
    answer = await mine.ask("LookedAtMyData", after="bm90LWEtbnVtYmVy")
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


def personal_entries() -> Iterator[str]:
    """Entries for staff through which a field about a person can be reached."""
    for name, field in entries():
        kinds = guards_of(field)[0].audience.kinds
        for_staff = ActorKind.STAFF in kinds and ActorKind.ANONYMOUS not in kinds
        if for_staff and PERSONAL & set(_fields_below(get_named_type(field.type), set())):
            yield name


def _fields_below(kind: Any, seen: set[str]) -> Iterator[str]:
    for member in kind.types if is_union_type(kind) else [kind]:
        if isinstance(member, GraphQLObjectType) and member.name not in seen:
            seen.add(member.name)
            for name, field in member.fields.items():
                yield name
                yield from _fields_below(get_named_type(field.type), seen)


def test_every_way_by_which_staff_see_a_person_is_known_and_logged() -> None:
    """Fails when a new field or entry shows people to staff: write an audit line with `person`, then name it here."""
    assert sorted(personal_entries()) == sorted(LOGGED)
    assert [act for act in LOGGED.values() if act not in LOOKS] == []


def acts_upon_somebody() -> Iterator[str]:
    """The act of every audit line that says whose data it is about."""
    for path in (ROOT / "app").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
            if isinstance(call, ast.Call) and name in {"audit.record", "audit.record_each"}:
                told = name == "audit.record_each" or any(keyword.arg == "person" for keyword in call.keywords)
                act = call.args[1]
                if told and isinstance(act, ast.Constant):
                    yield str(act.value)


def test_whatever_staff_do_to_somebodys_data_has_words() -> None:
    acts = set(acts_upon_somebody())
    assert len(acts) > 15
    assert acts - NEVER_BY_STAFF - LOOKS.keys() == set()
    assert set(PURPOSES) == {*Purpose, "label"}
