from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.identity.models import Staff
from app.identity.rules import Role
from app.kernel.actor import Actor
from app.kernel.errors import NotFound, Refusal
from app.queueing.commands import call_next
from app.queueing.errors import CategoryNotServed, NoSuchWindow, NoWindowOpen, WindowBusy, WindowTaken
from app.queueing.models import Window
from app.queueing.windows import close_window, open_window
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import nothing_moves
from tests.portal import Portal
from tests.queueing.hall import Hall

STATION = "donghu-station"  # three windows, businesses A, B and Z


async def test_a_clerk_sits_down_moves_and_leaves(portal: Portal) -> None:
    clerk = await make_staff(Role.WINDOW_ACCEPTOR)
    caller = await caller_of(portal, clerk)

    opened = await caller.do("OpenWindow", servicePoint=STATION, number=1)
    for_some = await caller.do("OpenWindow", servicePoint=STATION, number=1, categories=["A"])
    moved = await caller.do("OpenWindow", servicePoint=STATION, number=2)
    desk = await caller.do("MyWindow")
    left = await caller.do("CloseWindow")

    assert opened["categories"] == ["A", "B", "Z"]
    assert (for_some["id"], for_some["categories"]) == (opened["id"], ["A"])
    assert desk == {
        "window": {"number": 2, "servicePoint": STATION, "categories": ["A", "B", "Z"], "paused": False},
        "ticket": None,
        "visitFor": [],
        "waiting": [{"category": category, "count": 0} for category in ("A", "B", "Z")],
        "upcoming": [],
        "hung": [],
    }
    assert left == {"__typename": "Window", "id": moved["id"], "number": 2, "open": False}
    assert await Window.filter(staff_id=clerk.id).count() == 0
    nowhere = await caller.ask("MyWindow")
    assert nowhere["errors"][0]["extensions"]["code"] == "NO_WINDOW_OPEN"
    assert (await caller.do("CloseWindow"))["code"] == "NO_WINDOW_OPEN"
    assert (await caller.do("CallNext"))["code"] == "NO_WINDOW_OPEN"


async def test_a_window_somebody_sits_at_is_taken(portal: Portal) -> None:
    sitting, other = await make_staff(Role.WINDOW_ACCEPTOR), await make_staff(Role.WINDOW_ACCEPTOR)
    await open_window(sitting, STATION, 3, ())
    async with nothing_moves():
        with pytest.raises(WindowTaken) as refused:
            await open_window(other, STATION, 3, ())
    assert refused.value.sentence("zh") == "3号窗口已由测试工位使用,请换一个窗口"
    await close_window(sitting)
    await open_window(other, STATION, 3, ())
    await close_window(other)


@pytest.mark.parametrize(
    "moved",
    [{"active": False}, {"roles": ["CASHIER"]}, {"division_code": "990199"}],
    ids=["closed", "other work", "elsewhere"],
)
async def test_who_no_longer_works_here_does_not_keep_the_window(portal: Portal, moved: dict[str, Any]) -> None:
    """They can no longer close it themselves: without this nobody could sit there again."""
    gone, other = await make_staff(Role.WINDOW_ACCEPTOR), await make_staff(Role.WINDOW_ACCEPTOR)
    await open_window(gone, STATION, 3, ())
    await Staff.filter(id=gone.id).update(**moved)
    opened = await open_window(other, STATION, 3, ())
    assert (opened.number, opened.staff_id) == (3, other.id)
    await close_window(other)


async def test_four_clerks_at_once_share_three_windows(portal: Portal) -> None:
    """Each wants the same window, then the next one: nobody shares and nobody sits twice."""
    clerks = [await make_staff(Role.WINDOW_ACCEPTOR) for _ in range(4)]

    async def sit(clerk: Actor, number: int) -> bool:
        try:
            await open_window(clerk, STATION, number, ())
        except WindowTaken:
            return False
        return True

    for number in (1, 2, 3):
        free = [clerk for clerk in clerks if not await Window.exists(staff_id=clerk.id)]
        assert sum(await asyncio.gather(*(sit(clerk, number) for clerk in free))) == 1
    assert await Window.filter(service_point_id=STATION, staff_id__in=[clerk.id for clerk in clerks]).count() == 3
    await Hall.on_a_day_of_its_own(STATION).close()


async def test_a_clerk_who_opens_two_windows_at_once_sits_at_one(portal: Portal) -> None:
    clerk = await make_staff(Role.WINDOW_ACCEPTOR)
    outcomes = await asyncio.gather(
        *(open_window(clerk, STATION, number, ()) for number in (1, 2)), return_exceptions=True
    )
    assert all(isinstance(outcome, Window | Refusal) for outcome in outcomes)
    assert await Window.filter(staff_id=clerk.id).count() == 1
    await close_window(clerk)


async def test_two_clerks_who_change_places_at_once_wait_for_each_other_in_one_order(portal: Portal) -> None:
    """Rows are locked in the order of their keys, so neither dies of a deadlock; each finds the other's taken."""
    clerks = [await make_staff(Role.WINDOW_ACCEPTOR) for _ in range(2)]
    for _ in range(5):
        for number, clerk in enumerate(clerks, start=1):
            await open_window(clerk, STATION, number, ())
        outcomes = await asyncio.gather(
            open_window(clerks[0], STATION, 2, ()), open_window(clerks[1], STATION, 1, ()), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [WindowTaken, WindowTaken]
    for clerk in clerks:
        await close_window(clerk)


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        (("nowhere", 1, ()), NotFound),
        ((STATION, 0, ()), NoSuchWindow),
        ((STATION, 4, ()), NoSuchWindow),
        ((STATION, -1, ()), NoSuchWindow),
        ((STATION, 1, ("D",)), CategoryNotServed),
        ((STATION, 1, ("A", "")), CategoryNotServed),
    ],
)
async def test_a_window_that_cannot_be_is_refused(portal: Portal, wanted: Any, refusal: type[Exception]) -> None:
    clerk = await make_staff(Role.WINDOW_ACCEPTOR)
    async with nothing_moves():
        with pytest.raises(refusal):
            await open_window(clerk, *wanted)


async def test_who_is_serving_does_not_leave(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("qinghe-hall")
    slot = await hall.slot(9)
    with hall.at(9):
        ticket = await hall.ticket(slot)
        clerk = await hall.clerk_at(1)
        await call_next(clerk)
        async with nothing_moves():
            with pytest.raises(WindowBusy) as refused:
                await close_window(clerk)
            with pytest.raises(WindowBusy):
                await open_window(clerk, hall.place, 2, ())
            with pytest.raises(WindowBusy):
                await call_next(clerk)
    assert refused.value.sentence("zh") == f"请先办结当前的{ticket.code}号"
    await hall.close()


async def test_only_window_staff_sit_at_windows(portal: Portal) -> None:
    others = [await make_staff(role) for role in Role if role is not Role.WINDOW_ACCEPTOR]
    callers = [await caller_of(portal, actor) for actor in (*others, await make_resident())]
    async with nothing_moves():
        codes = {
            answer["code"]
            for caller in callers
            for answer in [
                await caller.do("OpenWindow", servicePoint=STATION, number=1),
                await caller.do("CallNext"),
                await caller.do("CloseWindow"),
            ]
        }
    assert codes == {"NOT_ALLOWED"}
    with pytest.raises(NoWindowOpen):
        await close_window(await make_staff(Role.WINDOW_ACCEPTOR))
