"""Without this module somebody who fills in a form slowly would lose the place they chose, or keep it for ever."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.booking import places
from app.booking.commands import admitted, asked, hold_ends, home_of, put
from app.booking.errors import DepositOwed, HoldOver
from app.booking.events import SlotBooked
from app.booking.line import entries as line
from app.booking.models import Booking, BookingItem
from app.booking.outcomes import end, tell_cases
from app.booking.queries import booking_of, items_of, locked_booking
from app.booking.rules import LIFE, BookingState
from app.booking.visits import VisitItem
from app.kernel import audit, clock, db, jobs
from app.kernel.actor import SYSTEM, Actor
from app.kernel.facts.publishing import publish
from app.kernel.inbox.requests import claim
from app.kernel.money import Fen, yuan
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
        home = await home_of(actor, visit.layer, address_id)
        booking = await put(actor, visit, BookingState.HELD, held_until=hold_ends(visit), home=home)
        await expire_at_its_end(booking)
        await request.answered_with(booking.id)
        await audit.record(actor, "booking.held", f"booking:{booking.id}")
        return booking


async def confirm(actor: Actor, booking_id: UUID) -> Booking:
    """Make a held place a booking; again is harmless.

    Raises `NotFound`, `HoldOver`, `DepositOwed` (paying it confirms the booking) or `IllegalMove`.
    """
    async with db.transaction():
        await locked_subject(actor)
        seen = await booking_of(booking_id, actor)
        await places.lock(seen.slots)
        booking = await locked_booking(booking_id)
        if booking.state is BookingState.BOOKED:
            return booking
        if booking.state is BookingState.EXPIRED or _is_over(booking):
            raise HoldOver
        if booking.deposit_fen is not None:
            raise DepositOwed(yuan=yuan(Fen(booking.deposit_fen)))
        await make_sure(actor, booking)
    return booking


async def make_sure(actor: Actor, booking: Booking) -> None:
    """Confirm a held booking of locked slots, in the caller's transaction. Raises `IllegalMove`."""
    booking.state = LIFE.next_state(booking.state, "confirm")
    booking.held_until = None
    await booking.save(update_fields=["state", "held_until"])
    await line.record_served(booking)
    await tell_cases(booking.id)
    await publish(SlotBooked(booking.id))
    await audit.record(actor, "booking.made", f"booking:{booking.id}", person=booking.resident_id)


async def locked_with_slots(booking_id: UUID) -> Booking:
    """A booking after its slots, locked in the written order, in the caller's transaction."""
    while True:
        seen = await Booking.get(id=booking_id)
        await places.lock(seen.slots)
        booking = await locked_booking(booking_id)
        if booking.slots == seen.slots:  # not moved meanwhile
            return booking


def _is_over(booking: Booking) -> bool:
    over = booking.held_until is not None and booking.held_until <= clock.now()
    return over or booking.slot.starts_at <= clock.now()


async def expire(booking_id: UUID) -> bool:
    """Free the places of a hold whose time is over; False when it was confirmed, given up or prolonged.

    A hold that waits for a deposit is let go by who takes the money, once the provider has said that none came.
    """
    async with db.transaction():
        seen = await Booking.get_or_none(id=booking_id)
        if seen is None:
            return False
        await places.lock(seen.slots)
        booking = await locked_booking(booking_id)
        if booking.state is not BookingState.HELD or booking.deposit_fen is not None or not _is_over(booking):
            return False
        await free_hold(booking)
    return True


async def free_hold(booking: Booking) -> None:
    """End a held booking of locked slots, in the caller's transaction. Raises `IllegalMove`."""
    state = LIFE.next_state(booking.state, "expire")
    await places.free(booking)
    await end(booking, state)
    await audit.record(SYSTEM, "booking.expired", f"booking:{booking.id}", person=booking.resident_id)


async def can_reinstate(booking: Booking) -> bool:
    """Whether an expired hold of locked slots could be had again: there is room, and nothing else took its place."""
    if booking.state is not BookingState.EXPIRED:
        return False
    keys = [item.item_key for item in await items_of(booking.id)]
    taken = BookingItem.filter(resident_id=booking.resident_id, item_key__in=keys, live=True)
    return not await taken.exists() and await places.has_room(booking.slots, booking.party, booking.channel)


async def reinstate(actor: Actor, booking: Booking) -> None:
    """Take the places of an expired hold again and confirm it: its deposit was paid after all. For `can_reinstate`."""
    state = LIFE.next_state(booking.state, "reinstate")
    if not await places.take(booking.slots, booking.party, booking.channel):
        raise HoldOver
    booking.state, booking.held_until, booking.ended_at = state, None, None
    await booking.save(update_fields=["state", "held_until", "ended_at"])
    await tell_cases(booking.id)
    await publish(SlotBooked(booking.id))
    await audit.record(actor, "booking.reinstated", f"booking:{booking.id}", person=booking.resident_id)


async def overdue_holds(limit: int) -> list[UUID]:
    """Holds whose time is over, the longest over first."""
    due = Booking.filter(state=BookingState.HELD, deposit_fen__isnull=True, held_until__lte=clock.now())
    return [booking.id for booking in await due.order_by("held_until").limit(limit)]


@jobs.job("booking.expire_hold")
async def _expire_hold(booking_id: str) -> None:
    await expire(UUID(booking_id))


async def overdue_deposits(limit: int) -> list[UUID]:
    """Holds whose time is over and whose deposit has not been seen to, the longest over first."""
    due = Booking.filter(state=BookingState.HELD, deposit_fen__isnull=False, held_until__lte=clock.now())
    return [booking.id for booking in await due.order_by("held_until").limit(limit)]


async def expire_at_its_end(booking: Booking) -> None:
    """Have the worker look at a hold the moment it ends; the timetable finds what the worker missed."""
    await _expire_hold.defer(booking_id=str(booking.id), not_before=booking.held_until)
