"""A hall closes a session: everybody is moved, or cancelled by the hall with another place held, once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.booking import holds
from app.booking.commands import book
from app.booking.events import (
    BookingCancelled,
    BookingHallCancelled,
    BookingMoved,
    FaultRecorded,
    PlaceOffered,
    SessionClosed,
)
from app.booking.halls.closing import close_session
from app.booking.halls.layout import lay_out_slots
from app.booking.halls.rehousing import see_to_everybody
from app.booking.models import Booking, SessionClosure, Slot
from app.booking.outcomes import record_check_in
from app.booking.queries import locked_booking
from app.booking.rules import BookingState
from app.cases.models import Case
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor, Scope
from app.kernel.clock import at_local
from tests.booking.hearing import hearing
from tests.booking.places import make_slot, places_taken, visit
from tests.cases.filing import file_case
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.people import new_key, until
from tests.portal import Portal

HALL, BUSINESS, ITEM = "liushu-station", "B", "sscard-apply"
ELSEWHERE = "hubin-station"
REASON = "停电检修"
_days = iter(range(40, 400))


@pytest.fixture
async def day(portal: Portal) -> AsyncIterator[date]:
    """A day nobody else uses, with the village's closures undone afterwards."""
    yield clock.today() + timedelta(days=next(_days) * 9)
    await SessionClosure.filter(service_point_id=HALL).delete()


async def slot_at(day: date, hour: int, capacity: int = 2, place: str = HALL, minutes: int = 60) -> Slot:
    return await make_slot(capacity, starts_at=at_local(day, hour), place=place, business=BUSINESS, minutes=minutes)


async def booked_in(slot: Slot, **wanted: Any) -> tuple[Actor, Booking]:
    resident = await make_resident()
    return resident, await book(resident, slot.id, visit(ITEM), idempotency_key=new_key(), **wanted)


async def close(day: date, hour: int, until_hour: int) -> SessionClosure:
    boss = await make_staff(Role.DEPARTMENT_MANAGER)
    return await close_session(boss, HALL, BUSINESS, at_local(day, hour), at_local(day, until_hour), REASON)


async def state_of(booking: Booking) -> tuple[BookingState, UUID]:
    row = await Booking.get(id=booking.id)
    return row.state, row.slot_id


def told(closure: SessionClosure) -> tuple[int, int, int, int]:
    return closure.bookings, closure.moved, closure.offered, closure.cancelled


async def facts(kind: type) -> list[dict[str, Any]]:
    """Facts of one kind that wait for whoever reacts to them, or none when nobody does."""
    rows = await db.rows("SELECT args FROM procrastinate_jobs WHERE task_name LIKE $1", f"%<{kind.__name__}>")
    return [row["args"] for row in rows]


async def test_people_are_moved_to_the_nearest_free_time_of_the_day_until_it_is_full(portal: Portal, day: date) -> None:
    """Three were booked at nine; ten o'clock has room for two of them, and the third gets a place held elsewhere."""
    nine, ten, twelve = await slot_at(day, 9, 3), await slot_at(day, 10), await slot_at(day, 12, 0 + 1)
    await booked_in(twelve)
    other = await slot_at(day + timedelta(days=1), 9, place=ELSEWHERE)
    people = [await booked_in(nine) for _ in range(3)]
    boss = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER))
    stretch = {
        "servicePoint": HALL, "category": BUSINESS,
        "closesFrom": at_local(day, 8).isoformat(), "closesUntil": at_local(day, 10).isoformat(),
    }  # fmt: skip

    async with nothing_moves("session"):
        preview = await boss.do("PreviewClosure", **stretch)
    closure = await boss.do("CloseSession", **stretch, reason=REASON)
    assert (closure["bookings"], closure["finishedAt"]) == (3, None)
    await portal.run_jobs()

    assert (preview["slots"], preview["bookings"], preview["movable"]) == (1, 3, 2)
    outcomes = [await state_of(booking) for _, booking in people]
    assert outcomes == [(BookingState.BOOKED, ten.id)] * 2 + [(BookingState.HALL_CANCELLED, nine.id)]
    seen = await boss.do("SessionClosure", id=closure["id"])
    assert (seen["bookings"], seen["moved"], seen["offered"], seen["cancelled"]) == (3, 2, 1, 0)
    assert seen["finishedAt"]
    listed = await boss.do("SessionClosures", servicePoint=HALL)
    assert [edge["node"]["id"] for edge in listed["edges"]] == [closure["id"]]
    held = await Booking.get(instead_of_id=people[2][1].id)
    assert (held.state, held.slot_id, held.day) == (BookingState.HELD, other.id, other.day)
    assert held.held_until is not None
    assert timedelta(hours=23) < held.held_until - clock.now() <= timedelta(hours=24)
    for slot in (nine, ten, other):
        counted, kept = await places_taken(slot)
        assert counted == kept


async def test_what_was_offered_is_confirmed_like_any_hold_or_free_again(portal: Portal, day: date) -> None:
    nine, other = await slot_at(day, 9), await slot_at(day, 9, place=ELSEWHERE)
    (taker, taken), (_, passed) = [await booked_in(nine) for _ in range(2)]
    await see_to_everybody((await close(day, 9, 10)).id)
    accepted, left = [await Booking.get(instead_of_id=booking.id) for booking in (taken, passed)]

    await holds.confirm(taker, accepted.id)
    assert left.held_until is not None
    with clock.standing_at(left.held_until + timedelta(seconds=1)):
        assert await holds.expire(left.id)

    assert [(await state_of(one))[0] for one in (accepted, left)] == [BookingState.BOOKED, BookingState.EXPIRED]
    assert await places_taken(other) == (1, 1)


async def test_without_room_within_a_week_the_hall_cancels_and_nobody_is_to_blame(portal: Portal, day: date) -> None:
    nine = await slot_at(day, 9)
    await slot_at(day + timedelta(days=8), 9)
    resident = await make_resident()
    case = await file_case(resident)
    await Case.filter(id=case.id).update(item_key=ITEM)
    booking = await book(resident, nine.id, visit(ITEM, case.id), idempotency_key=new_key())

    closure = await close(day, 9, 10)
    await see_to_everybody(closure.id)

    await booking.refresh_from_db()
    assert (booking.state, booking.late, booking.excused_at) == (BookingState.HALL_CANCELLED, False, None)
    assert await Booking.filter(instead_of_id=booking.id).count() == 0
    assert (await Case.get(id=case.id)).visit_at is None
    assert told(await SessionClosure.get(id=closure.id)) == (1, 0, 0, 1)


async def test_who_had_to_leave_is_told_of_once_with_what_is_offered_instead(portal: Portal, day: date) -> None:
    """The first is moved, the second is offered another hall, the third whatever is left: each is told."""
    nine, ten, _ = [
        await slot_at(day, hour, capacity, place)
        for hour, capacity, place in ((9, 3, HALL), (10, 1, HALL), (9, 1, ELSEWHERE))
    ]
    moved, offered, left = [(await booked_in(nine))[1] for _ in range(3)]
    closure = await close(day, 9, 10)

    async with hearing(BookingMoved, BookingHallCancelled, BookingCancelled, FaultRecorded) as heard:
        for _ in range(2):
            await see_to_everybody(closure.id)
        facts = await heard()

    instead = await Booking.get(instead_of_id=offered.id)
    elsewhere = await Booking.get_or_none(instead_of_id=left.id)
    assert facts == [
        {"booking_id": str(moved.id), "from_slot_id": str(nine.id), "to_slot_id": str(ten.id), "by_hall": True},
        {"booking_id": str(offered.id), "offered_booking_id": str(instead.id)},
        {"booking_id": str(left.id), "offered_booking_id": str(elsewhere.id) if elsewhere else None},
    ]


async def test_a_hold_ends_and_who_has_checked_in_is_left_to_the_hall(portal: Portal, day: date) -> None:
    nine, ten = await slot_at(day, 9), await slot_at(day, 10)
    resident = await make_resident()
    hold = await holds.hold(resident, nine.id, visit(ITEM), idempotency_key=new_key())
    _, here = await booked_in(nine)
    with clock.standing_at(nine.starts_at - timedelta(minutes=5)):
        async with db.transaction():
            await record_check_in(await locked_booking(here.id))
        closure = await close(day, 9, 10)
        await see_to_everybody(closure.id)

    assert await state_of(hold) == (BookingState.EXPIRED, nine.id)
    assert await state_of(here) == (BookingState.CHECKED_IN, nine.id)
    assert told(await SessionClosure.get(id=closure.id)) == (0, 0, 0, 0)
    assert (await Slot.get(id=ten.id)).taken == 0


async def test_two_slots_in_a_row_are_moved_together(portal: Portal, day: date) -> None:
    """Only the second of them closes, and only from one o'clock there are two in a row."""
    nine, ten, _noon, one, two = [await slot_at(day, hour, 1) for hour in (9, 10, 11, 13, 14)]
    resident = await make_resident()
    items = [*visit(ITEM), *visit("sscard-replace")]
    booking = await book(resident, nine.id, items, idempotency_key=new_key())
    assert booking.slots == [nine.id, ten.id]

    await see_to_everybody((await close(day, 10, 11)).id)

    await booking.refresh_from_db()
    assert (booking.state, booking.slots, booking.until) == (BookingState.BOOKED, [one.id, two.id], two.ends_at)
    assert [(await places_taken(slot))[0] for slot in (nine, ten, one, two)] == [0, 0, 1, 1]


async def test_nobody_is_sent_to_a_day_on_which_they_come_for_the_same_thing(portal: Portal, day: date) -> None:
    nine, tomorrow = await slot_at(day, 9), await slot_at(day + timedelta(days=1), 9, 9)
    resident, booking = await booked_in(nine)
    twin = await slot_at(day + timedelta(days=1), 14, 1)
    await Booking.filter(id=booking.id).update(party=1)
    second = await book_again(resident, twin)
    await see_to_everybody((await close(day, 9, 10)).id)
    assert await state_of(second) == (BookingState.BOOKED, twin.id)
    assert await Booking.filter(instead_of_id=booking.id).count() == 0
    assert (await Slot.get(id=tomorrow.id)).taken == 0


async def book_again(resident: Actor, slot: Slot) -> Booking:
    """What joining two accounts can leave: two live bookings of one item on two days."""
    other, booking = await booked_in(slot)
    await Booking.filter(id=booking.id, resident_id=other.id).update(resident_id=resident.id)
    return await Booking.get(id=booking.id)


async def test_closed_slots_take_nobody_and_none_are_laid_where_the_hall_is_closed(portal: Portal) -> None:
    """The village's station opens on Monday, Wednesday and Friday; a morning two weeks ahead is closed in advance."""
    wednesday = date(2026, 4, 15)
    with clock.standing_at(at_local(date(2026, 4, 6), 12)):
        closure = await close(wednesday, 8, 12)
    with clock.standing_at(at_local(wednesday, 0, 5)):
        await lay_out_slots()
    await closure.delete()
    laid = await Slot.filter(service_point_id=HALL, category=BUSINESS, day=wednesday).order_by("starts_at")
    assert [clock.local(slot.starts_at).hour for slot in laid] == [14, 14, 15, 15, 16, 16]


async def crowd(day: date) -> tuple[list[Booking], list[Slot]]:
    """Twelve people at nine; two find room the same day, four the next day elsewhere."""
    nine, ten = await slot_at(day, 9, 12), await slot_at(day, 10, 2)
    other = await slot_at(day + timedelta(days=1), 9, 4, place=ELSEWHERE)
    return [(await booked_in(nine))[1] for _ in range(12)], [nine, ten, other]


async def check_outcome(closure: SessionClosure, bookings: list[Booking], slots: list[Slot]) -> None:
    """Whatever happened meanwhile: each was seen to exactly once, and every place is accounted for."""
    assert told(await SessionClosure.get(id=closure.id)) == (12, 2, 4, 6)
    rows = await Booking.filter(id__in=[booking.id for booking in bookings])
    assert sorted(row.moves for row in rows) == [0] * 10 + [1] * 2
    assert sorted(row.state for row in rows) == [BookingState.BOOKED] * 2 + [BookingState.HALL_CANCELLED] * 10
    assert await Booking.filter(instead_of_id__in=[booking.id for booking in bookings]).count() == 4
    for slot in slots:
        counted, kept = await places_taken(slot)
        assert counted == kept


async def test_two_workers_at_once_and_again_see_to_everybody_once(portal: Portal, day: date) -> None:
    bookings, slots = await crowd(day)
    closure = await close(day, 9, 10)
    assert await at_once(*(see_to_everybody(closure.id) for _ in range(3))) == [None] * 3
    await check_outcome(closure, bookings, slots)
    async with nothing_moves():
        await see_to_everybody(closure.id)


WORKER = """
import asyncio, sys
from uuid import UUID
from app import wiring
from app.booking.halls.rehousing import see_to_everybody

async def work():
    async with wiring.connected():
        await see_to_everybody(UUID(sys.argv[1]))

asyncio.run(work())
"""


async def test_a_worker_that_is_killed_half_way_is_followed_by_one_that_ends_it(portal: Portal, day: date) -> None:
    bookings, slots = await crowd(day)
    closure = await close(day, 9, 10)
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, str(closure.id), env=dict(os.environ))

    async def some_are_seen_to() -> int:
        row = await SessionClosure.get(id=closure.id)
        return row.moved + row.offered + row.cancelled

    before = await until(some_are_seen_to, what="the first to be moved")
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    assert before < 12
    await until(lambda: _nobody_locks(bookings), what="the killed worker's locks to go")

    await see_to_everybody(closure.id)
    await check_outcome(closure, bookings, slots)


async def _nobody_locks(bookings: list[Booking]) -> bool:
    ids = [booking.id for booking in bookings]
    free = await db.rows("SELECT id FROM booking WHERE id = ANY($1::uuid[]) FOR UPDATE SKIP LOCKED", ids)
    return len(free) == len(bookings)


async def test_people_who_book_while_it_closes_are_refused_or_seen_to(portal: Portal, day: date) -> None:
    nine, ten = await slot_at(day, 9, 20), await slot_at(day, 10, 20)
    residents = [await make_resident() for _ in range(12)]

    async def book_nine(resident: Actor) -> Booking:
        return await book(resident, nine.id, visit(ITEM), idempotency_key=new_key())

    closure, *outcomes = await at_once(close(day, 9, 10), *(book_nine(resident) for resident in residents))
    assert isinstance(closure, SessionClosure)
    await see_to_everybody(closure.id)

    made = [outcome for outcome in outcomes if isinstance(outcome, Booking)]
    refused = {type(outcome).__name__ for outcome in outcomes if not isinstance(outcome, Booking)}
    assert refused <= {"SlotClosed"}
    assert {await state_of(booking) for booking in made} <= {(BookingState.BOOKED, ten.id)}
    assert await places_taken(ten) == (len(made), len(made))
    assert await places_taken(nine) == (0, 0)


def hours(day: date, start: int, end: int) -> tuple[datetime, datetime]:
    return at_local(day, start), at_local(day, end)


async def test_a_closure_that_cannot_be_is_refused(portal: Portal, day: date) -> None:
    boss = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER, scope=Scope(None, "990121")))
    start, end = hours(day, 9, 12)
    past = hours(clock.today() - timedelta(days=1), 9, 12)
    good = {"servicePoint": HALL, "category": BUSINESS, "reason": REASON}
    asked = [
        ({}, past, "DAY_OVER"),
        ({}, (end, start), "INVALID_INPUT"),
        ({}, (start, start + timedelta(days=32)), "INVALID_INPUT"),
        ({"reason": " "}, (start, end), "INVALID_INPUT"),
        ({"reason": "长" * 201}, (start, end), "INVALID_INPUT"),
        ({"category": "F"}, (start, end), "NOT_FOUND"),
        ({"servicePoint": "city-hall"}, (start, end), "NOT_FOUND"),
        ({"servicePoint": "nowhere"}, (start, end), "NOT_FOUND"),
    ]
    foreign = await SessionClosure.create(
        service_point_id="city-hall", closes_from=start, closes_until=end, reason=REASON,
        asked_by_id=(await make_staff(Role.DEPARTMENT_MANAGER)).id, asked_at=clock.now(),
    )  # fmt: skip
    try:
        async with nothing_moves("session"):
            for wrong, (closes_from, closes_until), code in asked:
                stretch = {"closesFrom": closes_from.isoformat(), "closesUntil": closes_until.isoformat()}
                refused = await boss.do("CloseSession", **{**good, **wrong}, **stretch)
                assert (refused.get("code"), wrong) == (code, wrong)
            for unknown in (foreign.id, db.new_id(), "nonsense"):
                assert (await boss.do("SessionClosure", id=str(unknown)))["code"] == "NOT_FOUND"
    finally:
        await foreign.delete()


def test_what_others_react_to_is_a_fact_of_its_own() -> None:
    assert {fact.about for fact in (BookingHallCancelled, BookingMoved, PlaceOffered)} == {"booking_id"}
    assert SessionClosed.about == "closure_id"
