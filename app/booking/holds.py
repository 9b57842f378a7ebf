"""Without this module somebody who fills in a form slowly would lose the place they chose, or keep it for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.booking import places
from app.booking.commands import admitted, asked, home_of, put
from app.booking.errors import HoldOver
from app.booking.events import SlotBooked
from app.booking.line import entries as line
from app.booking.models import Booking
from app.booking.outcomes import end, tell_cases
from app.booking.queries import booking_of, locked_booking
from app.booking.rules import LIFE, BookingState
from app.booking.visits import VisitItem
from app.kernel import audit, clock, db, jobs
from app.kernel.actor import SYSTEM, Actor
from app.kernel.facts.publishing import publish
from app.kernel.inbox.requests import claim
from app.representation.queries import locked_subject


async def hold(
    actor: Actor,
    slot_id: UUID,
    items: Sequence[VisitItem],
    *,
    party: int = 1,
    address_id: UUID | None = None,
    turn: str | None = None,
    idempotency_key: str,
) -> Booking:
    """Keep the places of a visit for some minutes while the rest is filled in. Raises like `book`.

    Not confirmed in time, the places are free again within seconds.
    """
    body = asked(slot_id, items, party, address_id)
    async with db.transaction():
        request = await claim(actor.resident_id(), idempotency_key, "hold", **body)
        if request.earlier is not None:
            return await booking_of(request.earlier, actor)
        visit = await admitted(actor, slot_id, items, party, turn=turn)
        until = min(clock.now() + timedelta(minutes=visit.policy.hold_minutes), visit.starts_at)
        home = await home_of(actor, visit.layer, address_id)
        booking = await put(actor, visit, BookingState.HELD, held_until=until, home=home)
        await expire_at_its_end(booking)
        await request.answered_with(booking.id)
        await audit.record(actor, "booking.held", f"booking:{booking.id}")
        return booking


async def confirm(actor: Actor, booking_id: UUID) -> Booking:
    """Make a held place a booking; again is harmless. Raises `NotFound`, `HoldOver` or `IllegalMove`."""
    async with db.transaction():
        await locked_subject(actor)
        seen = await booking_of(booking_id, actor)
        await places.lock(seen.slots)
        booking = await locked_booking(booking_id)
        if booking.state is BookingState.BOOKED:
            return booking
        if booking.state is BookingState.EXPIRED or _is_over(booking):
            raise HoldOver
        booking.state = LIFE.next_state(booking.state, "confirm")
        booking.held_until = None
        await booking.save(update_fields=["state", "held_until"])
        await line.record_served(booking)
        await tell_cases(booking_id)
        await publish(SlotBooked(booking.id))
        await audit.record(actor, "booking.made", f"booking:{booking.id}")
    return booking


def _is_over(booking: Booking) -> bool:
    over = booking.held_until is not None and booking.held_until <= clock.now()
    return over or booking.slot.starts_at <= clock.now()


async def expire(booking_id: UUID) -> bool:
    """Free the places of a hold whose time is over; False when it was confirmed, given up or prolonged."""
    async with db.transaction():
        seen = await Booking.get_or_none(id=booking_id)
        if seen is None:
            return False
        await places.lock(seen.slots)
        booking = await locked_booking(booking_id)
        if booking.state is not BookingState.HELD or not _is_over(booking):
            return False
        await places.free(booking)
        await end(booking, LIFE.next_state(booking.state, "expire"))
        await audit.record(SYSTEM, "booking.expired", f"booking:{booking.id}", person=booking.resident_id)
    return True


async def overdue_holds(limit: int) -> list[UUID]:
    """Holds whose time is over, the longest over first."""
    due = Booking.filter(state=BookingState.HELD, held_until__lte=clock.now())
    return [booking.id for booking in await due.order_by("held_until").limit(limit)]


@jobs.job("booking.expire_hold")
async def _expire_hold(booking_id: str) -> None:
    await expire(UUID(booking_id))


async def expire_at_its_end(booking: Booking) -> None:
    """Have the worker look at a hold the moment it ends; the timetable finds what the worker missed."""
    await _expire_hold.defer(booking_id=str(booking.id), not_before=booking.held_until)
