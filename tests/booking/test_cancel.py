from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app.booking import commands
from app.booking.errors import CancelTooLate
from app.booking.models import Booking
from app.booking.rules import BookingState
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import IllegalMove, Refusal
from app.queueing.models import Ticket
from tests.booking.places import make_slot, places_taken, visit
from tests.cases.filing import CARD, file_case
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import audit_of, nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.queueing.arrivals import check_in


async def test_a_place_given_back_is_free_for_the_next(portal: Portal) -> None:
    resident, slot = await make_resident(), await make_slot(1)
    case = await file_case(resident)
    caller, other = await caller_of(portal, resident), await caller_of(portal, await make_resident())
    held = await commands.book(resident, slot.id, visit(CARD, case.id), idempotency_key=new_key())
    wanted = {"slotId": str(slot.id), "items": [{"itemKey": CARD}]}
    assert (await other.do("Book", idempotencyKey=new_key(), **wanted))["code"] == "SLOT_FULL"

    cancelled = await caller.do("CancelBooking", id=str(held.id))
    async with nothing_moves():
        again = await caller.do("CancelBooking", id=str(held.id))

    assert cancelled == again == {"__typename": "Booking", "id": str(held.id), "state": "CANCELLED", "late": False}
    assert await places_taken(slot) == (0, 0)
    await case.refresh_from_db()
    assert case.visit_at is None
    assert (await audit_of(f"booking:{held.id}"))[-1] == ("booking.cancelled", "done")
    assert (await other.do("Book", idempotencyKey=new_key(), **wanted))["__typename"] == "Booking"


async def test_five_cancellations_at_once_give_one_place_back(portal: Portal) -> None:
    resident, slot = await make_resident(), await make_slot(2)
    await commands.book(await make_resident(), slot.id, visit(CARD), idempotency_key=new_key())
    held = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
    caller = await caller_of(portal, resident)
    answers = await asyncio.gather(*(caller.do("CancelBooking", id=str(held.id)) for _ in range(5)))
    assert {answer["state"] for answer in answers} == {"CANCELLED"}
    assert await places_taken(slot) == (1, 1)


@pytest.mark.parametrize(("seconds", "late"), [(7200, False), (7199, True), (1, True)])
async def test_a_place_given_back_late_is_free_for_others_and_is_remembered(
    portal: Portal, seconds: int, *, late: bool
) -> None:
    resident, slot = await make_resident(), await make_slot(1)
    held = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
    with clock.standing_at(slot.starts_at - timedelta(seconds=seconds)):
        cancelled = await commands.cancel(resident, held.id)
    assert (cancelled.state, cancelled.late) == (BookingState.CANCELLED, late)
    assert await places_taken(slot) == (0, 0)


async def test_once_the_slot_has_begun_it_is_too_late(portal: Portal) -> None:
    resident, slot = await make_resident(), await make_slot(1)
    held = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
    with clock.standing_at(slot.starts_at):
        async with nothing_moves():
            with pytest.raises(CancelTooLate):
                await commands.cancel(resident, held.id)
    assert await places_taken(slot) == (1, 1)


async def test_somebody_elses_booking_is_not_found_like_one_that_never_was(portal: Portal) -> None:
    slot = await make_slot(1)
    held = await commands.book(await make_resident(), slot.id, visit(CARD), idempotency_key=new_key())
    caller = await caller_of(portal, await make_resident())
    async with nothing_moves():
        answers = [await caller.do("CancelBooking", id=id_) for id_ in (str(held.id), str(db.new_id()))]
    assert [answer["code"] for answer in answers] == ["NOT_FOUND"] * 2
    assert answers[0]["message"] == answers[1]["message"]


@pytest.mark.parametrize(
    "state", [BookingState.CHECKED_IN, BookingState.SERVED, BookingState.NO_SHOW, BookingState.HALL_CANCELLED]
)
async def test_only_a_visit_still_ahead_is_cancelled(portal: Portal, state: BookingState) -> None:
    resident, slot = await make_resident(), await make_slot(1)
    held = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
    await Booking.filter(id=held.id).update(state=state)
    async with nothing_moves():
        with pytest.raises(IllegalMove):
            await commands.cancel(resident, held.id)


async def test_a_cancellation_racing_a_check_in_leaves_one_of_them(portal: Portal) -> None:
    """Two phones of one resident, two clocks: one cancels in time while the other stands in the hall."""

    async def cancel_in_time(resident: Actor, booking: Booking) -> str:
        with clock.standing_at(booking.slot.starts_at - timedelta(hours=2)):
            await commands.cancel(resident, booking.id)
        return "cancelled"

    async def come(resident: Actor, booking: Booking) -> str:
        with clock.standing_at(booking.slot.starts_at - timedelta(minutes=5)):
            await check_in(resident, booking.id)
        return "checked in"

    for round_ in range(8):
        resident, slot = await make_resident(), await make_slot(1)
        held = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
        acts = [cancel_in_time(resident, held), come(resident, held)]
        outcomes = await asyncio.gather(*(acts if round_ % 2 else reversed(acts)), return_exceptions=True)

        done = [outcome for outcome in outcomes if isinstance(outcome, str)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
        assert (len(done), len(refused)) == (1, 1)
        assert isinstance(refused[0], IllegalMove)
        await held.refresh_from_db()
        tickets = await Ticket.filter(booking_id=held.id).count()
        expected = (BookingState.CANCELLED, 0) if done == ["cancelled"] else (BookingState.CHECKED_IN, 1)
        assert (held.state, tickets) == expected
        counter, held_places = await places_taken(slot)
        assert counter == held_places == tickets
