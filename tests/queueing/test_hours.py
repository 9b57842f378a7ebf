"""Numbers and the end of the day follow the hours a hall keeps that very day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.booking.models import OpeningException, SessionClosure, Slot
from app.booking.rules import Layer
from app.identity.rules import Role
from app.kernel.actor import Actor
from app.kernel.clock.calendar import DayKind
from app.kernel.clock.days import CalendarDay
from app.kernel.errors import Refusal
from app.queueing.errors import ClosedToday, HallStillOpen, WalkInsClosed
from app.queueing.leaving import end_day
from app.queueing.models import Ticket
from app.queueing.rules import OPEN_STATES, TicketState
from tests.booking.places import make_slot
from tests.identity.accounts import make_staff
from tests.identity.traces import nothing_moves
from tests.portal import Portal
from tests.queueing.hall import Hall

PLACE = "wangyue-hall"


@pytest.fixture
async def manager(portal: Portal) -> AsyncIterator[Actor]:
    await Ticket.filter(service_point_id=PLACE, state__in=OPEN_STATES).update(state=TicketState.ABANDONED)
    yield await make_staff(Role.DEPARTMENT_MANAGER)
    await OpeningException.filter(service_point_id=PLACE).delete()
    await SessionClosure.filter(service_point_id=PLACE).delete()
    await CalendarDay.filter(day__gte="2031-01-01").delete()


async def answer_at(hall: Hall, hour: int, minute: int = 0) -> str:
    """What somebody without a booking is told, who moves nothing when they are refused."""
    with hall.at(hour, minute):
        try:
            return (await hall.walk_in()).state
        except Refusal as refusal:
            return refusal.sentence("zh")


CLOSED = ClosedToday().sentence("zh")


def hours(text: str) -> str:
    return WalkInsClosed(hours=text).sentence("zh")


async def test_on_an_ordinary_day_from_early_on_through_noon_until_it_closes(manager: Actor) -> None:
    hall = Hall.on_a_day_of_its_own(PLACE)
    told = [await answer_at(hall, *at) for at in ((7, 59), (8, 0), (12, 30), (17, 29), (17, 30), (23, 59))]
    assert told == [hours("08:30-12:00, 14:00-17:30"), "WAITING", "WAITING", "WAITING", CLOSED, CLOSED]


async def test_on_a_holiday_nobody_gets_a_number_and_the_day_may_end(manager: Actor) -> None:
    hall = Hall.on_a_day_of_its_own(PLACE)
    await CalendarDay.create(day=hall.day, kind=DayKind.HOLIDAY, name_zh="测试节")
    async with nothing_moves():
        assert await answer_at(hall, 9) == CLOSED
    with hall.at(9):
        assert await end_day(manager, hall.place) == 0


async def test_a_worked_saturday_keeps_mondays_hours_and_another_none(manager: Actor) -> None:
    hall = Hall.on_a_day_of_its_own(PLACE)
    saturday = Hall(hall.day + timedelta(days=6 - hall.day.isoweekday()), PLACE)
    assert await answer_at(saturday, 9) == CLOSED
    await CalendarDay.create(day=saturday.day, kind=DayKind.ADJUSTED_WORKDAY, name_zh="测试调休")
    assert await answer_at(saturday, 9) == "WAITING"
    with saturday.at(15):
        async with nothing_moves():
            with pytest.raises(HallStillOpen):
                await end_day(manager, saturday.place)


async def test_an_exception_decides_alone(manager: Actor) -> None:
    hall = Hall.on_a_day_of_its_own(PLACE)
    evening = [{"open": "18:00", "close": "20:00"}]
    await OpeningException.create(
        service_point_id=PLACE, day=hall.day, periods=evening, reason="夜间", set_at=hall.time(0)
    )
    told = [await answer_at(hall, *at) for at in ((9, 0), (18, 0), (20, 0))]
    assert told == [hours("18:00-20:00"), "WAITING", CLOSED]
    with hall.at(19, 59), pytest.raises(HallStillOpen) as refused:
        await end_day(manager, hall.place)
    assert "20:00" in refused.value.sentence("zh")
    with hall.at(20):
        assert await end_day(manager, hall.place) == 1


async def close(hall: Hall, category: str, from_hour: int, until_hour: int) -> None:
    await SessionClosure.create(
        service_point_id=hall.place, category=category, closes_from=hall.time(from_hour), reason="停电",
        closes_until=hall.time(until_hour), asked_at=hall.time(0),
        asked_by_id=(await make_staff(Role.DEPARTMENT_MANAGER)).id,
    )  # fmt: skip


async def test_a_closed_session_gives_no_numbers_of_its_business_and_others_go_on(manager: Actor) -> None:
    hall = Hall.on_a_day_of_its_own(PLACE)
    other = Hall(hall.day, PLACE, "G")
    await close(hall, "D", 10, 12)
    told = [await answer_at(hall, *at) for at in ((9, 59), (10, 0), (11, 59), (12, 0))]
    assert told == ["WAITING", hours("14:00-17:30"), hours("14:00-17:30"), "WAITING"]
    assert await answer_at(other, 10, 30) == "WAITING"


async def test_closed_for_the_rest_of_the_day_it_is_over_and_may_be_ended(manager: Actor) -> None:
    hall = Hall.on_a_day_of_its_own(PLACE)
    await close(hall, "", 11, 18)
    assert await answer_at(hall, 10) == "WAITING"
    with hall.at(10), pytest.raises(HallStillOpen):
        await end_day(manager, hall.place)
    assert await answer_at(hall, 11) == CLOSED
    with hall.at(11):
        assert await end_day(manager, hall.place) == 1


async def test_the_day_does_not_end_before_who_is_booked_in_an_extra_session(manager: Actor) -> None:
    hall = Hall.on_a_day_of_its_own(PLACE)
    extra = await make_slot(2, starts_at=hall.time(18), place=PLACE, layer=Layer.EXTRA, minutes=60)
    with hall.at(17, 45):
        assert await end_day(manager, hall.place) == 0
    await Slot.filter(id=extra.id).update(taken=1)
    with hall.at(18, 30), pytest.raises(HallStillOpen) as refused:
        await end_day(manager, hall.place)
    assert "19:00" in refused.value.sentence("zh")
    await extra.delete()
