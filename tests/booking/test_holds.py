"""A place is kept while somebody fills in the rest, and for no longer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.booking import commands, holds
from app.booking.errors import HoldOver, SlotFull
from app.booking.models import Booking, Slot
from app.booking.rules import BookingState
from app.booking.tasks import expire_forgotten_holds
from app.kernel import clock, db
from app.kernel.actor import Actor
from tests.booking.places import make_slot, places_taken, visit
from tests.cases.filing import CARD, PERMIT, file_case
from tests.identity.accounts import caller_of, make_resident
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal

DUE_NOW = """
    UPDATE procrastinate_jobs SET scheduled_at = now() - interval '1 second'
    WHERE task_name = 'booking.expire_hold' AND args ->> 'booking_id' = $1 RETURNING id
"""
JOB_LOST = """
    DELETE FROM procrastinate_jobs WHERE task_name = 'booking.expire_hold' AND args ->> 'booking_id' = $1 RETURNING id
"""


async def ask(caller: Caller, slot: Slot, **more: Any) -> dict[str, Any]:
    wanted = {"slotId": str(slot.id), "items": [{"itemKey": CARD}], "idempotencyKey": new_key(), **more}
    answer: dict[str, Any] = await caller.do("HoldPlaces", **wanted)
    return answer


async def held(resident: Actor, slot: Slot, item: str = CARD) -> Booking:
    return await holds.hold(resident, slot.id, visit(item), idempotency_key=new_key())


async def test_held_places_are_taken_and_become_a_booking_when_confirmed(portal: Portal) -> None:
    resident, slot, key = await make_resident(), await make_slot(3), new_key()
    caller, case = await caller_of(portal, resident), await file_case(resident)
    items = [{"itemKey": CARD, "caseId": str(case.id)}]

    kept = await ask(caller, slot, items=items, party=2, idempotencyKey=key)
    async with nothing_moves():
        replayed = await ask(caller, slot, items=items, party=2, idempotencyKey=key)

    assert kept == replayed
    minutes = datetime.fromisoformat(kept["heldUntil"]) - clock.now()
    assert timedelta(minutes=9) < minutes <= timedelta(minutes=10)
    assert (kept["state"], await places_taken(slot)) == ("HELD", (2, 2))
    await case.refresh_from_db()
    assert case.visit_at is None

    confirmed = await caller.do("ConfirmBooking", id=kept["id"])
    async with nothing_moves():
        again = await caller.do("ConfirmBooking", id=kept["id"])

    assert confirmed == again
    assert (confirmed["state"], confirmed["heldUntil"]) == ("BOOKED", None)
    assert await places_taken(slot) == (2, 2)
    await case.refresh_from_db()
    assert case.visit_at == slot.starts_at
    assert await audit_of(f"booking:{kept['id']}") == [("booking.held", "done"), ("booking.made", "done")]


async def test_a_hold_whose_time_is_over_is_freed_by_its_own_job(portal: Portal) -> None:
    slot = await make_slot(1)
    booking = await held(await make_resident(), slot)
    assert len(await db.rows(DUE_NOW, str(booking.id))) == 1
    await portal.run_jobs()
    assert await places_taken(slot) == (1, 1)  # the job came before the time was over

    await Booking.filter(id=booking.id).update(held_until=clock.now())
    await holds.expire_at_its_end(await Booking.get(id=booking.id))
    await portal.run_jobs()

    await booking.refresh_from_db()
    assert (booking.state, booking.held_until) == (BookingState.EXPIRED, None)
    assert await places_taken(slot) == (0, 0)
    assert (await audit_of(f"booking:{booking.id}"))[-1] == ("booking.expired", "done")


async def test_a_hold_whose_job_was_lost_is_freed_by_the_timetable(portal: Portal) -> None:
    slot = await make_slot(1)
    booking = await held(await make_resident(), slot)
    assert booking.held_until is not None
    await db.rows(JOB_LOST, str(booking.id))
    with clock.standing_at(booking.held_until - timedelta(seconds=1)):
        await expire_forgotten_holds()
    assert await places_taken(slot) == (1, 1)
    with clock.standing_at(booking.held_until):
        await expire_forgotten_holds()
        async with nothing_moves():
            await expire_forgotten_holds()
    assert await places_taken(slot) == (0, 0)


async def test_what_was_held_too_long_cannot_be_confirmed(portal: Portal) -> None:
    """Neither before nor after somebody freed it."""
    resident, slot = await make_resident(), await make_slot(1)
    booking = await held(resident, slot)
    assert booking.held_until is not None
    with clock.standing_at(booking.held_until):
        async with nothing_moves():
            with pytest.raises(HoldOver):
                await holds.confirm(resident, booking.id)
        await holds.expire(booking.id)
        async with nothing_moves():
            with pytest.raises(HoldOver):
                await holds.confirm(resident, booking.id)
            assert not await holds.expire(booking.id)
    await commands.book(await make_resident(), slot.id, visit(CARD), idempotency_key=new_key())


async def test_a_confirmation_racing_the_end_leaves_one_of_them(portal: Portal) -> None:
    for round_ in range(8):
        resident, slot = await make_resident(), await make_slot(1)
        booking = await held(resident, slot)
        over = booking.held_until
        assert over is not None

        async def confirm(resident: Actor, booking: Booking, over: datetime) -> str:
            with clock.standing_at(over - timedelta(milliseconds=1)):
                await holds.confirm(resident, booking.id)
            return "confirmed"

        async def expire(booking: Booking, over: datetime) -> str:
            with clock.standing_at(over):
                return "expired" if await holds.expire(booking.id) else "too late"

        acts = [confirm(resident, booking, over), expire(booking, over)]
        outcomes = set(await at_once(*(acts if round_ % 2 else reversed(acts))))
        await booking.refresh_from_db()
        if "confirmed" in outcomes:
            assert (outcomes, booking.state) == ({"confirmed", "too late"}, BookingState.BOOKED)
        else:
            assert booking.state is BookingState.EXPIRED
        assert await places_taken(slot) == ((1, 1) if booking.state is BookingState.BOOKED else (0, 0))


async def test_two_hold_the_last_place_and_one_gets_it(portal: Portal) -> None:
    for _ in range(5):
        slot = await make_slot(1)
        outcomes = await at_once(held(await make_resident(), slot), held(await make_resident(), slot))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Booking", "SlotFull"]
        assert await places_taken(slot) == (1, 1)
        [refused] = [outcome for outcome in outcomes if isinstance(outcome, SlotFull)]
        assert len(refused.alternatives) == 3


async def test_a_hold_counts_like_a_booking(portal: Portal) -> None:
    resident, slot, other = await make_resident(), await make_slot(5), await make_slot(5)
    caller = await caller_of(portal, resident)
    kept = await ask(caller, slot)
    wanted = {"slotId": str(other.id), "idempotencyKey": new_key()}

    async with nothing_moves():
        same_item = await caller.do("Book", items=[{"itemKey": CARD}], **wanted)
    await held(resident, other, PERMIT)
    async with nothing_moves():
        third = await caller.do("Book", items=[{"itemKey": "id-card-renew"}], **wanted)

    assert (same_item["code"], same_item["suggestedId"]) == ("ALREADY_BOOKED", kept["id"])
    assert third["code"] == "TOO_MANY_BOOKINGS"
    given_up = await caller.do("CancelBooking", id=kept["id"])
    assert (given_up["state"], given_up["late"]) == ("CANCELLED", False)
    assert await places_taken(slot) == (0, 0)


async def test_a_hold_given_up_shortly_before_the_slot_is_no_late_cancellation(portal: Portal) -> None:
    resident, slot = await make_resident(), await make_slot(1)
    with clock.standing_at(slot.starts_at - timedelta(minutes=5)):
        booking = await held(resident, slot)
        given_up = await commands.cancel(resident, booking.id)
    assert (given_up.state, given_up.late) == (BookingState.CANCELLED, False)


async def test_a_hold_ends_at_the_latest_when_its_slot_begins(portal: Portal) -> None:
    resident, slot = await make_resident(), await make_slot(1)
    with clock.standing_at(slot.starts_at - timedelta(minutes=5)):
        booking = await held(resident, slot)
    assert booking.held_until == slot.starts_at
    with clock.standing_at(slot.starts_at):
        with pytest.raises(HoldOver):
            await holds.confirm(resident, booking.id)
        assert await holds.expire(booking.id)


async def test_only_ones_own_hold_is_confirmed_and_only_a_hold(portal: Portal) -> None:
    resident, slot = await make_resident(), await make_slot(2)
    booking = await held(resident, slot)
    caller, stranger = await caller_of(portal, resident), await caller_of(portal, await make_resident())
    async with nothing_moves():
        answers = [await stranger.do("ConfirmBooking", id=id_) for id_ in (str(booking.id), str(db.new_id()), "1")]
    await commands.cancel(resident, booking.id)
    async with nothing_moves():
        cancelled = await caller.do("ConfirmBooking", id=str(booking.id))
    assert [answer["code"] for answer in answers] == ["NOT_FOUND"] * 3
    assert cancelled["code"] == "ILLEGAL_MOVE"
