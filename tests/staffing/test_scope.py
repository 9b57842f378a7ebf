"""Rows of another part of the city are rows that do not exist (等保三级: department × division)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from app.booking.halls.extra_sessions import open_extra_session
from app.cases import commands as cases
from app.cases.applicants import applicant_in_full
from app.cases.queries import address_for_posting, case_for, cases_waiting
from app.cases.rules import CaseState
from app.delivery.commands import register_parcel
from app.delivery.queries import unknown_pushes
from app.identity.disclosure import Purpose
from app.identity.models import Staff
from app.identity.queries import recent_sessions
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor, Scope
from app.kernel.errors import NotFound, Refusal
from app.queueing.commands import call_next, finish_serving, pass_ticket, start_serving
from app.queueing.errors import NoWindowOpen
from app.queueing.models import Window
from app.queueing.queries import window_of
from app.queueing.windows import open_window
from tests.delivery.stage import new_number
from tests.identity.accounts import caller_of, make_staff
from tests.identity.traces import nothing_moves
from tests.portal import Portal
from tests.queueing.hall import Hall
from tests.staffing.city import ELSEWHERE, WITHIN, district_case

Act = Callable[[Actor, UUID], Awaitable[object]]
ACTS: dict[str, tuple[Role, Act]] = {
    "see": (Role.SUPERVISOR, case_for),
    "read the applicant": (Role.HANDLER, lambda actor, one: applicant_in_full(actor, one, Purpose.REVIEW_CASE)),
    "accept": (Role.WINDOW_ACCEPTOR, cases.accept),
    "approve": (Role.APPROVER, lambda actor, one: cases.approve(actor, one, {})),
    "deny": (Role.APPROVER, lambda actor, one: cases.deny(actor, one, "材料不实")),
    "hand over": (Role.ISSUER, cases.hand_over),
    "read the label": (Role.ISSUER, address_for_posting),
    "post": (Role.ISSUER, lambda actor, one: register_parcel(actor, one, "ems", new_number())),
}
every_act = pytest.mark.parametrize(("role", "act"), list(ACTS.values()), ids=list(ACTS))
within = pytest.mark.parametrize("scope", list(WITHIN.values()), ids=list(WITHIN))
elsewhere = pytest.mark.parametrize("scope", list(ELSEWHERE.values()), ids=list(ELSEWHERE))


async def code_of(act: Awaitable[object]) -> str | None:
    """The code an act was refused with; None when it was done."""
    try:
        await act
    except Refusal as refusal:
        return refusal.code
    return None


@every_act
@within
async def test_a_case_of_ones_part_of_the_city_is_found(portal: Portal, role: Role, act: Act, scope: Scope) -> None:
    case, actor = await district_case(), await make_staff(role, scope=scope)
    assert await code_of(act(actor, case.id)) not in {"NOT_FOUND", "NOT_ALLOWED"}


@every_act
@elsewhere
async def test_a_case_elsewhere_is_answered_like_one_nobody_filed(
    portal: Portal, role: Role, act: Act, scope: Scope
) -> None:
    case, actor = await district_case(), await make_staff(role, scope=scope)
    async with nothing_moves():
        with pytest.raises(NotFound) as foreign:
            await act(actor, case.id)
        with pytest.raises(NotFound) as none:
            await act(actor, db.new_id())
    assert foreign.value.sentence("zh") == none.value.sentence("zh")


async def on_the_desk(actor: Actor, wanted: UUID) -> bool:
    after = None
    while True:
        page = await cases_waiting(actor, [CaseState.SUBMITTED], limit=50, after=after)
        if wanted in {case.id for case in page.cases}:
            return True
        if not page.has_more:
            return False
        after = page.cases[-1].id


@pytest.mark.parametrize("name", [*WITHIN, *ELSEWHERE])
async def test_a_desk_holds_the_cases_of_ones_part_of_the_city(portal: Portal, name: str) -> None:
    case = await district_case()
    actor = await make_staff(Role.HANDLER, scope={**WITHIN, **ELSEWHERE}[name])
    assert await on_the_desk(actor, case.id) is (name in WITHIN)


@pytest.mark.parametrize(
    ("operation", "role", "extra"),
    [
        ("CaseDetail", Role.SUPERVISOR, {}),
        ("AcceptCase", Role.PRE_REVIEWER, {}),
        ("ApproveCase", Role.APPROVER, {}),
        ("DenyCase", Role.APPROVER, {"reason": "材料不实"}),
        ("HandOverResult", Role.WINDOW_ACCEPTOR, {}),
    ],
)
async def test_the_phone_line_tells_no_more_of_a_case_elsewhere(
    portal: Portal, operation: str, role: Role, extra: dict[str, str]
) -> None:
    """Also over HTTP code and sentence are those of an id nobody ever gave out."""
    case = await district_case()
    clerk = await caller_of(portal, await make_staff(role, scope=Scope(None, "990103")))
    foreign, invented, nonsense = [
        await clerk.do(operation, id=one, **extra) for one in (str(case.id), str(db.new_id()), "never-one-of-ours")
    ]
    assert foreign["code"] == invented["code"] == nonsense["code"] == "NOT_FOUND"
    assert foreign["message"] == invented["message"]


HALLS = {"city-hall": "990100", "marriage-office": "990102", "wangyue-hall": "990103", "donghu-station": "990102001"}
REACH: dict[str, set[str]] = {
    "": set(HALLS),
    "9901": set(HALLS),
    "990102": {"marriage-office", "donghu-station"},
    "990103": {"wangyue-hall"},
    "990102001": {"donghu-station"},
    "990102002": set(),
    "9902": set(),
}


@pytest.mark.parametrize("division", list(REACH), ids=lambda division: division or "all")
async def test_one_sits_down_in_the_halls_of_ones_division(portal: Portal, division: str) -> None:
    clerk = await make_staff(Role.WINDOW_ACCEPTOR, scope=Scope(None, division))
    found = set()
    for hall in HALLS:
        code = await code_of(open_window(clerk, hall, 1, ()))
        assert code in {None, "NOT_FOUND"}
        if code is None:
            found.add(hall)
    await Window.filter(staff_id=clerk.id).update(staff_id=None, opened_at=None)
    assert found == REACH[division]


@pytest.mark.parametrize("division", list(REACH), ids=lambda division: division or "all")
async def test_hours_are_added_in_the_halls_of_ones_division(portal: Portal, division: str) -> None:
    """The hours asked for are of a business nobody has, so that a hall within reach is refused for that."""
    manager = await make_staff(Role.DEPARTMENT_MANAGER, scope=Scope(None, division))
    start, found = clock.now() + timedelta(days=2), set()
    for hall in HALLS:
        async with nothing_moves():
            with pytest.raises(Refusal) as refused:
                await open_extra_session(manager, hall, "?", start, start + timedelta(hours=1), 1)
        if refused.value.code == "SESSION_INVALID":
            found.add(hall)
        else:
            assert refused.value.code == "NOT_FOUND"
    assert found == REACH[division]


async def test_who_is_moved_to_another_district_leaves_the_window_behind(portal: Portal) -> None:
    clerk = await make_staff(Role.WINDOW_ACCEPTOR, scope=Scope(None, "990103"))
    caller = await caller_of(portal, clerk)
    await open_window(clerk, "wangyue-hall", 2, ())
    assert (await caller.do("MyWindow"))["window"]["servicePoint"] == "wangyue-hall"

    await Staff.filter(id=clerk.id).update(division_code="990102")
    recent_sessions.forget_account(clerk.staff_id())

    [fault] = (await caller.ask("MyWindow"))["errors"]
    assert fault["extensions"]["code"] == "NO_WINDOW_OPEN"
    assert (await caller.do("CallNext"))["code"] == "NO_WINDOW_OPEN"
    moved = await make_staff(Role.WINDOW_ACCEPTOR, scope=Scope(None, "990102"))
    await Window.filter(staff_id=clerk.id).update(staff_id=None)
    with pytest.raises(NoWindowOpen):
        await window_of(moved)


async def test_a_number_of_another_hall_is_one_that_does_not_exist(portal: Portal) -> None:
    here, there = Hall.on_a_day_of_its_own(), Hall.on_a_day_of_its_own("wangyue-hall")
    slot = await there.slot(9)
    with there.at(9):
        ticket = await there.ticket(slot)
        clerk = await here.clerk_at(11)
        async with nothing_moves():
            for act in (start_serving, finish_serving, pass_ticket):
                with pytest.raises(NotFound) as foreign:
                    await act(clerk, ticket.id)
                with pytest.raises(NotFound) as none:
                    await act(clerk, db.new_id())
                assert foreign.value.sentence("zh") == none.value.sentence("zh")
    await here.close()


async def test_a_closed_account_does_not_keep_its_window(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    slot = await hall.slot(9)
    with hall.at(9):
        gone = await hall.clerk_at(12)
        await Staff.filter(id=gone.id).update(active=False)
        successor = await hall.clerk_at(12)
        ticket = await hall.ticket(slot)
        assert (await call_next(successor)).id == ticket.id
    await hall.close()


async def test_pushes_nobody_can_place_are_for_the_whole_citys_staff(portal: Portal) -> None:
    for scope in (Scope(None, "9901"), Scope("tax")):
        assert await unknown_pushes(await make_staff(Role.ISSUER, scope=scope), limit=5, before=None) == []
