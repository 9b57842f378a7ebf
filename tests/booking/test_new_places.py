"""Places that are new go to who waits for them first, like those that somebody gave back."""

from __future__ import annotations

from datetime import timedelta

from app.booking.models import Slot
from app.identity.rules import Role
from app.kernel.clock import at_local
from tests.booking.lines import PLACE, a_day, certainly_offered, counted, state_of, wait
from tests.identity.accounts import caller_of, make_staff
from tests.portal import Portal


async def test_the_places_of_an_extra_session_are_offered_to_the_line_before_anybody_takes_them(portal: Portal) -> None:
    """Four places: two people wait for that evening, one of them with a child; nobody waits for its morning."""
    day = a_day()
    _, alone = await wait(day, time_from="18:00")
    _, with_child = await wait(day, party=2, time_from="18:00")
    manager = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER))
    morning_at, evening_at = at_local(day, 9), at_local(day, 18)

    for start in (morning_at, evening_at):
        opened = await manager.do(
            "OpenExtraSession",
            servicePoint=PLACE,
            category="D",
            opensAt=start.isoformat(),
            closesAt=(start + timedelta(minutes=30)).isoformat(),
            capacity=4,
        )
        assert opened["__typename"] == "ExtraSession"
    evening, morning = [
        await Slot.get(service_point_id=PLACE, category="D", layer="EXTRA", starts_at=start)
        for start in (evening_at, morning_at)
    ]
    assert (await counted(evening), await counted(morning)) == ((0, 3), (0, 0))
    await portal.run_jobs()

    assert await counted(evening) == (3, 0)
    for entry in (alone, with_child):
        assert (await certainly_offered(entry)).slot_id == evening.id
        assert await state_of(entry) == ("OFFERED", 0)


async def test_a_visit_to_the_home_is_offered_to_nobody_who_waits_for_the_hall(portal: Portal) -> None:
    day = a_day()
    _, entry = await wait(day)
    manager = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER))
    at = {"opensAt": at_local(day, 9).isoformat(), "closesAt": at_local(day, 10).isoformat()}
    home = await manager.do("OpenExtraSession", servicePoint=PLACE, category="D", capacity=1, layer="HOME_VISIT", **at)
    assert [slot["free"] for slot in home["slots"]] == [1, 1]
    assert await state_of(entry) == ("WAITING", 0)


async def test_new_places_too_few_for_who_waits_are_everybodys(portal: Portal) -> None:
    day = a_day()
    await wait(day, party=3)
    manager = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER))
    at = {"opensAt": at_local(day, 18).isoformat(), "closesAt": at_local(day, 19).isoformat()}
    opened = await manager.do("OpenExtraSession", servicePoint=PLACE, category="D", capacity=2, **at)
    assert [slot["free"] for slot in opened["slots"]] == [2, 2]
