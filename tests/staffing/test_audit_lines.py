"""The auditor's desk: what was done is found again, and looking is itself an act."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.identity.auditing import Sought, audit_lines
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor, Scope
from app.kernel.errors import InvalidInput, NotAllowed
from tests.cases.filing import file_case
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller
from tests.portal import Portal


async def auditor(portal: Portal) -> Caller:
    return await caller_of(portal, await make_staff(Role.AUDITOR))


async def acts(caller: Caller, **sought: Any) -> list[str]:
    return [edge["node"]["act"] for edge in (await caller.do("AuditLines", **sought))["edges"]]


async def some_acts(actor: Actor, count: int) -> str:
    """A subject of its own that some acts are about, a minute apart."""
    subject = f"thing:{db.new_id()}"
    for number in range(count):
        with clock.standing_at(clock.now() + timedelta(minutes=number)):
            await audit.record(actor, f"thing.done{number}", subject)
    return subject


async def test_lines_are_found_by_person_actor_subject_and_act(portal: Portal) -> None:
    resident, caller = await make_resident(), await auditor(portal)
    case = await file_case(resident)

    assert await acts(caller, person=str(resident.id)) == ["case.submit"]
    assert await acts(caller, actor=resident.reference) == ["case.submit"]
    assert await acts(caller, subject=f"case:{case.id}") == ["case.submit"]
    assert await acts(caller, subject=f"case:{case.id}", act="case.accept") == []
    [edge] = (await caller.do("AuditLines", subject=f"case:{case.id}"))["edges"]
    line = edge["node"]
    assert (line["actor"], line["result"], line["person"]) == (resident.reference, "SUBMITTED", str(resident.id))


async def test_lines_are_found_by_time_and_page_by_page_newest_first(portal: Portal) -> None:
    staff, caller, start = await make_staff(Role.CASHIER), await auditor(portal), clock.now()
    with clock.standing_at(start):
        subject = await some_acts(staff, 5)

    seen, after = [], None
    while True:
        page = await caller.do("AuditLines", subject=subject, first=2, after=after)
        seen += [edge["node"]["act"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [f"thing.done{number}" for number in (4, 3, 2, 1, 0)]
    since, until = (start + timedelta(minutes=minutes, seconds=-1) for minutes in (1, 3))
    between = await acts(caller, subject=subject, since=since.isoformat(), until=until.isoformat())
    assert between == ["thing.done2", "thing.done1"]


async def test_the_look_is_a_line_of_its_own_with_what_was_asked(portal: Portal) -> None:
    looker, resident = await make_staff(Role.AUDITOR), await make_resident()
    caller = await caller_of(portal, looker)
    await caller.do("AuditLines", person=str(resident.id), act="case.seen")

    line = await audit.AuditLine.filter(actor=looker.reference).get()
    assert (line.act, line.subject, line.person, line.detail["act"]) == (
        "audit.read",
        "audit",
        resident.id,
        "case.seen",
    )
    assert ("audit.read", "done") in await audit_of("audit")


@pytest.mark.parametrize("scope", [Scope(None, "9901"), Scope("tax")])
async def test_an_act_belongs_to_no_part_of_the_city(portal: Portal, scope: Scope) -> None:
    """So who audits a part only cannot be shown just that, and is shown nothing."""
    looker = await make_staff(Role.AUDITOR, scope=scope)
    async with nothing_moves():
        with pytest.raises(NotAllowed):
            await audit_lines(looker, Sought(), limit=5, before=None)


@pytest.mark.parametrize(
    "sought", [Sought(subject="测试居民甲"), Sought(act=""), Sought(actor="a b"), Sought(act="x" * 121)]
)
async def test_text_no_line_holds_is_not_searched_and_not_kept(portal: Portal, sought: Sought) -> None:
    """A name typed into the search would stand in the audit for three years."""
    looker = await make_staff(Role.AUDITOR)
    async with nothing_moves():
        with pytest.raises(InvalidInput):
            await audit_lines(looker, sought, limit=5, before=None)


@pytest.mark.parametrize("after", ["MTIz-nonsense", "YWJj", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5"])
async def test_a_cursor_of_nobodys_is_refused(portal: Portal, after: str) -> None:
    answer = await (await auditor(portal)).ask("AuditLines", after=after)
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
