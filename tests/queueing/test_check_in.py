from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app.booking.errors import TooEarlyToCheckIn, TooLateToCheckIn
from app.booking.models import Booking
from app.booking.rules import BookingState
from app.kernel import clock, db
from app.kernel.errors import IllegalMove, NotFound
from app.queueing.models import Ticket
from app.queueing.queries import people_ahead
from tests.booking.places import make_slot
from tests.cases.filing import CARD
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import audit_of, nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.queueing.arrivals import check_in, told_by_phone
from tests.queueing.hall import Hall

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("after_start", [timedelta(minutes=-30), timedelta(0), timedelta(minutes=10)])
async def test_within_the_window_a_number_is_given(portal: Portal, after_start: timedelta) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))

    with clock.standing_at(visitor.booking.slot.starts_at + after_start):
        ticket = await check_in(visitor.actor, visitor.booking.id)

    assert (ticket.code, ticket.state, ticket.day) == ("D001", "WAITING", hall.day)
    await visitor.booking.refresh_from_db()
    assert visitor.booking.state is BookingState.CHECKED_IN
    assert await audit_of(f"ticket:{ticket.id}") == [("queue.checked_in", "done")]


@pytest.mark.parametrize(
    ("after_start", "refusal"),
    [(timedelta(minutes=-30) - SECOND, TooEarlyToCheckIn), (timedelta(minutes=10) + SECOND, TooLateToCheckIn)],
)
async def test_outside_the_window_no_number_is_given(
    portal: Portal, after_start: timedelta, refusal: type[Exception]
) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    with clock.standing_at(visitor.booking.slot.starts_at + after_start):
        async with nothing_moves():
            with pytest.raises(refusal):
                await check_in(visitor.actor, visitor.booking.id)


async def test_checking_in_again_or_five_times_at_once_gives_the_same_number(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    with hall.at(9):
        tickets = await asyncio.gather(*(check_in(visitor.actor, visitor.booking.id) for _ in range(5)))
        async with nothing_moves():
            tickets.append(await check_in(visitor.actor, visitor.booking.id))
    assert len({ticket.id for ticket in tickets}) == 1
    assert await Ticket.filter(booking_id=visitor.booking.id).count() == 1


async def test_thirty_check_ins_at_once_get_thirty_numbers_in_a_row(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    slot = await hall.slot(9)
    visitors = [await hall.visitor(slot) for _ in range(30)]
    with hall.at(9):
        tickets = await asyncio.gather(*(check_in(visitor.actor, visitor.booking.id) for visitor in visitors))
    assert sorted(ticket.code for ticket in tickets) == [f"D{number:03d}" for number in range(1, 31)]


async def test_numbers_begin_anew_each_day_place_and_business(portal: Portal) -> None:
    first = Hall.on_a_day_of_its_own()
    halls = [first, Hall.on_a_day_of_its_own(), Hall(first.day, place="wangyue-hall"), Hall(first.day, business="E")]
    codes = []
    for hall in halls:
        slot = await hall.slot(9)
        with hall.at(9):
            for _ in range(2):
                visitor = await hall.visitor(slot, "passport" if hall.business == "E" else CARD)
                codes.append((await check_in(visitor.actor, visitor.booking.id)).code)
    assert codes == ["D001", "D002", "D001", "D002", "D001", "D002", "E001", "E002"]


async def test_a_number_given_shortly_before_midnight_belongs_to_the_day_it_was_given(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(23, 50))
    with hall.at(23, 55):
        ticket = await check_in(visitor.actor, visitor.booking.id)
    assert ticket.day == hall.day


@pytest.mark.parametrize("state", sorted({*BookingState} - {BookingState.BOOKED}))
async def test_only_a_visit_still_ahead_gets_a_number(portal: Portal, state: BookingState) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    await Booking.filter(id=visitor.booking.id).update(state=state)
    with hall.at(9):
        async with nothing_moves():
            with pytest.raises(IllegalMove):
                await check_in(visitor.actor, visitor.booking.id)


async def test_nobody_checks_in_for_somebody_else(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor, other = await hall.visitor(await hall.slot(9)), await make_resident()
    with hall.at(9):
        async with nothing_moves():
            for booking_id in (visitor.booking.id, db.new_id()):
                with pytest.raises(NotFound):
                    await check_in(other, booking_id)


async def test_people_ahead_are_those_of_an_earlier_slot_then_those_who_came_sooner(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    nine, half_past = await hall.slot(9), await hall.slot(9, 30)
    with hall.at(9):
        later_slot = await hall.ticket(half_past)
        first = await hall.ticket(nine)
    with hall.at(9, 1):
        second = await hall.ticket(nine)
    assert await people_ahead([first.id, second.id, later_slot.id, db.new_id()]) == [0, 1, 2, 0]


async def test_over_the_phone_the_resident_sees_the_number_and_who_is_ahead(portal: Portal) -> None:
    slot = await make_slot(9, hours_ahead=0.2, place="wangyue-hall")
    callers = [await caller_of(portal, await make_resident()) for _ in range(2)]
    bookings = [
        await caller.do("Book", slotId=str(slot.id), items=[{"itemKey": CARD}], idempotencyKey=new_key())
        for caller in callers
    ]

    here = await told_by_phone("wangyue-hall")
    tickets = [
        await caller.do("CheckIn", bookingId=booking["id"], **here)
        for caller, booking in zip(callers, bookings, strict=True)
    ]
    mine = (await callers[1].do("MyBookings"))["edges"][0]["node"]

    assert [ticket["state"] for ticket in tickets] == ["WAITING", "WAITING"]
    assert tickets[1]["ahead"] == tickets[0]["ahead"] + 1
    assert mine["state"] == "CHECKED_IN"
    assert mine["ticket"] == {
        "code": tickets[1]["code"],
        "state": "WAITING",
        "ahead": tickets[1]["ahead"],
        "window": None,
    }
    early = await make_slot(1, hours_ahead=3)
    too_early = await callers[0].do(
        "Book", slotId=str(early.id), items=[{"itemKey": "passport"}], idempotencyKey=new_key()
    )
    assert too_early["code"] == "SLOT_FOR_OTHER_ITEMS"
