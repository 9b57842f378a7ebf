"""Without this module nobody could say how a visit came out: kept, missed, or called off by the hall."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app.booking import places
from app.booking.events import BookingCancelled, FaultRecorded, VisitKept, VisitMissed
from app.booking.line import entries as line
from app.booking.models import Booking
from app.booking.policies import policy_of
from app.booking.queries import items_of, locked_booking, waiting_bookings_of
from app.booking.rules import LIFE, BookingState, check_may_check_in, is_missed
from app.cases.commands import record_visit
from app.cases.queries import any_open
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM, Actor
from app.kernel.facts.publishing import publish

# Who is booked in a closed session is moved or offered another place, however late the worker comes to it.
_CLOSING = """
    SELECT c.id FROM session_closure c JOIN slot s ON s.service_point_id = c.service_point_id
    WHERE s.id = ANY($1::uuid[]) AND c.finished_at IS NULL AND c.category IN ('', s.category)
      AND s.starts_at < c.closes_until AND s.ends_at > c.closes_from LIMIT 1
"""


# Two accounts that became one may have brought two visits for one case: when one is over, the other is still ahead.
_EXPECTED = """
    SELECT i.case_id, (
        SELECT min(s.starts_at)
        FROM booking_item o JOIN booking b ON b.id = o.booking_id JOIN slot s ON s.id = b.slot_id
        WHERE o.case_id = i.case_id AND b.state IN ('BOOKED', 'CHECKED_IN')
    ) AS visit_at
    FROM booking_item i WHERE i.booking_id = $1 AND i.case_id IS NOT NULL ORDER BY i.case_id
"""


async def end(booking: Booking, state: BookingState) -> None:
    """Write down how a locked booking ended, in the caller's transaction."""
    booking.state = state
    booking.ended_at = clock.now()
    booking.held_until = None
    await booking.save(update_fields=["state", "ended_at", "held_until", "late"])
    await line.record_offer_over(booking)


async def tell_cases(booking_id: UUID, *, kept_at: datetime | None = None) -> None:
    """Let the cases of a visit know when their resident is expected next, or when they were there (`kept_at`).

    In the caller's transaction, after the booking was written; in key order like everybody who locks cases.
    """
    for row in await db.rows(_EXPECTED, booking_id):
        await record_visit(row["case_id"], kept_at or row["visit_at"], visited=kept_at is not None)


async def release_places_of(case_id: UUID) -> int:
    """Give back the places held for a case that is over; gives how many. Twice changes nothing.

    A visit that is for something else too goes on.
    """
    return sum([await _release(booking_id, case_id) for booking_id in await waiting_bookings_of(case_id)])


async def _release(booking_id: UUID, case_id: UUID) -> bool:
    """One booking, in a transaction of its own: the slots of two could not be locked in the order of all."""
    while True:
        async with db.transaction():
            seen = await Booking.get(id=booking_id)
            await places.lock(seen.slots)
            booking = await locked_booking(booking_id)
            if booking.slots != seen.slots:  # moved meanwhile
                continue
            if not LIFE.may(booking.state, "cancel") or await _is_needed(booking, case_id):
                return False
            await give_back(booking)
            return True


async def _is_needed(booking: Booking, over: UUID) -> bool:
    """Whether a visit is for anything else than cases that are over."""
    cases = [item.case_id for item in await items_of(booking.id)]
    others = [case_id for case_id in cases if case_id is not None and case_id != over]
    return None in cases or await any_open(others)


async def give_back(booking: Booking) -> None:
    """Give back places that are no longer needed; it is not held against the resident.

    For a locked booking of locked slots, in the caller's transaction. Raises `IllegalMove`.
    """
    state = LIFE.next_state(booking.state, "cancel")
    await places.free(booking)
    await end(booking, state)
    await publish(BookingCancelled(booking.id))
    await audit.record(SYSTEM, "booking.released", f"booking:{booking.id}", person=booking.resident_id)


async def record_check_in(booking: Booking) -> None:
    """The resident is there. For a locked booking, in the caller's transaction.

    Raises `IllegalMove`, `TooEarlyToCheckIn` or `TooLateToCheckIn`.
    """
    LIFE.next_state(booking.state, "check_in")
    policy = await policy_of(booking.slot.service_point_id, booking.slot.category)
    check_may_check_in(booking.slot.starts_at, clock.now(), policy)
    await record_arrival(booking)


async def record_arrival(booking: Booking) -> None:
    """The resident was there in time, as a scanner at the door has seen. For a locked booking, in the caller's
    transaction. Raises `IllegalMove`.
    """
    booking.state = LIFE.next_state(booking.state, "check_in")
    await booking.save(update_fields=["state"])


async def record_served(booking: Booking) -> None:
    """The visit was kept. For a locked booking, in the caller's transaction."""
    await end(booking, LIFE.next_state(booking.state, "serve"))
    await tell_cases(booking.id, kept_at=booking.slot.starts_at)
    await publish(VisitKept(booking.id))


async def record_hall_cancelled(booking: Booking) -> None:
    """The hall could not serve a resident who was there; it is not held against them.

    For a locked booking, in the caller's transaction. The places stay used. Raises `IllegalMove`.
    """
    await end(booking, LIFE.next_state(booking.state, "hall_cancel"))
    await tell_cases(booking.id)
    await publish(BookingCancelled(booking.id))
    await audit.record(SYSTEM, "booking.hall_cancelled", f"booking:{booking.id}", person=booking.resident_id)


async def mark_missed(booking_id: UUID) -> bool:
    """Nobody checked in: False when somebody did after all, or still may, or the hall has closed and will see to them.

    The places stay used.
    """
    async with db.transaction():
        booking = await locked_booking(booking_id)
        policy = await policy_of(booking.slot.service_point_id, booking.slot.category)
        if booking.state is not BookingState.BOOKED or not is_missed(booking.until, clock.now(), policy):
            return False
        if await db.row(_CLOSING, booking.slots) is not None:
            return False
        await record_missed(SYSTEM, booking)
    return True


async def record_missed(actor: Actor, booking: Booking) -> None:
    """The visit did not take place. For a locked booking, in the caller's transaction. Raises `IllegalMove`."""
    await end(booking, LIFE.next_state(booking.state, "miss"))
    await tell_cases(booking.id)
    await publish(VisitMissed(booking.id))
    await publish(FaultRecorded(booking.id, booking.resident_id))
    await audit.record(actor, "booking.missed", f"booking:{booking.id}", person=booking.resident_id)
