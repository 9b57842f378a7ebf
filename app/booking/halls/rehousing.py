"""Without this module people booked in a session that the hall closed would come in vain.

Each booking is seen to in a transaction of its own, with the locks in the written order, and counted in it: run
twice, by two workers, or after a worker was killed half-way, it comes out the same and nobody is moved twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.booking import places
from app.booking.alternatives import nearest_free
from app.booking.commands import change_time, insert
from app.booking.events import BookingHallCancelled, PlaceOffered
from app.booking.halls.closing import booked_in, closure_asked, open_slot
from app.booking.halls.runs import EARLIER_NOTICE, Need, OpenSlot, runs_with_room
from app.booking.holds import expire_at_its_end
from app.booking.models import Booking, BookingItem, SessionClosure, Slot
from app.booking.outcomes import end, tell_cases
from app.booking.planning import visit_in
from app.booking.policies import policy_of
from app.booking.queries import locked_booking, visit_items_of
from app.booking.rules import LIFE, BookingState, Channel
from app.booking.visits import Visit, VisitItem
from app.identity.errors import AccountEnded
from app.identity.queries import locked_resident
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM
from app.kernel.facts.publishing import publish

OFFER_WITHIN = timedelta(days=7)
OFFER_STANDS = timedelta(hours=24)
_MOVABLE = ("HELD", "BOOKED")
_ROUNDS = 3
_RUNS_MOST = 10
_OF_DAY = """
    SELECT id, starts_at, ends_at, capacity - taken AS free, phone_capacity - phone_taken AS phones
    FROM slot WHERE service_point_id = $1 AND category = $2 AND layer = $3 AND day = $4
      AND starts_at > $5 AND closed_at IS NULL AND (opens_at IS NULL OR opens_at <= $5)
    ORDER BY starts_at
"""
_COUNT = """
    UPDATE session_closure SET moved = moved + $2, offered = offered + $3, cancelled = cancelled + $4,
        bookings = greatest(bookings, moved + offered + cancelled + 1)
    WHERE id = $1
"""


async def see_to_everybody(closure_id: UUID) -> None:
    """Move or offer another place to everybody who is booked in a closed session; again changes nothing."""
    closure = await SessionClosure.get_or_none(id=closure_id)
    if closure is None:
        return
    asked, slots = await closure_asked(closure)
    for _ in range(_ROUNDS):
        left = await booked_in(asked, slots, _MOVABLE)
        if not left:
            await SessionClosure.filter(id=closure_id, finished_at=None).update(finished_at=clock.now())
            return
        for row in left:
            await see_to(closure_id, row["id"], slots)
    # An account is being joined with another meanwhile: the timetable looks again.


async def unfinished_closures(limit: int) -> list[UUID]:
    """Closures whose worker was lost, the oldest first."""
    open_ones = SessionClosure.filter(finished_at=None)
    return [closure.id for closure in await open_ones.order_by("id").limit(limit)]


async def see_to(closure_id: UUID, booking_id: UUID, closed: Sequence[UUID]) -> None:
    """One booking with places in closed slots: a hold ends, a booking is moved the same day, or ends with an offer.

    Who has checked in is left to the hall; a booking that is over or elsewhere meanwhile is left alone.
    """
    seen = await Booking.get_or_none(id=booking_id).prefetch_related("slot")
    if seen is None:
        return
    async with db.transaction():
        try:
            await locked_resident(seen.resident_id)
        except AccountEnded:
            return
        refuges = await _refuges(seen)
        await places.lock([*seen.slots, *(slot for refuge in refuges for slot in refuge.run)])
        booking = await locked_booking(booking_id)
        unmoved = (booking.slots, booking.resident_id) == (seen.slots, seen.resident_id)
        if not unmoved or booking.state not in _MOVABLE or not set(booking.slots) & set(closed):
            return
        refuge = await _first_with_room(booking, refuges)
        if booking.state is BookingState.HELD:
            await _let_go(booking, refuge)
        else:
            await _rehouse(closure_id, booking, refuge)


@dataclass(frozen=True)
class Refuge:
    """Slots in a row where a booking could go instead; `same_day` at the same hall."""

    run: tuple[UUID, ...]
    same_day: bool


async def _refuges(booking: Booking) -> list[Refuge]:
    """Where there is room now, the best first: the same day at the same hall, then what is near within a week."""
    slot, now = booking.slot, clock.now()
    near = runs_with_room(await _open_slots_beside(slot), _need_of(booking), now)
    found = [Refuge(tuple(one.id for one in run), same_day=True) for run in near[:_RUNS_MOST]]
    busy = await _days_taken(booking)
    for free in await nearest_free(slot, booking.party, now, slots=len(booking.slots)):
        first = await Slot.get(id=free.id)
        near_in_time = abs(first.starts_at - slot.starts_at) <= OFFER_WITHIN
        in_time = near_in_time and first.starts_at >= now + EARLIER_NOTICE
        if in_time and first.day not in busy:
            runs = runs_with_room(await _open_slots_beside(first), _need_of(booking, first.starts_at), now)
            found.extend(Refuge(tuple(one.id for one in run), same_day=False) for run in runs[:1])
    return found


def _need_of(booking: Booking, wanted: datetime | None = None) -> Need:
    return Need(len(booking.slots), booking.party, booking.channel, wanted or booking.slot.starts_at)


async def _open_slots_beside(slot: Slot) -> list[OpenSlot]:
    found = await db.rows(_OF_DAY, slot.service_point_id, slot.category, slot.layer, slot.day, clock.now())
    return [open_slot(row) for row in found]


async def _days_taken(booking: Booking) -> set[object]:
    """Days on which the resident is booked for one of the same items already."""
    keys = [item.item_key for item in await visit_items_of(booking.id)]
    others = BookingItem.filter(resident_id=booking.resident_id, item_key__in=keys, live=True)
    return {item.day for item in await others.exclude(booking_id=booking.id)}


async def _first_with_room(booking: Booking, refuges: Sequence[Refuge]) -> Refuge | None:
    """With the slots locked: what still has room for the booking."""
    for refuge in refuges:
        slots = await Slot.filter(id__in=refuge.run, closed_at=None)
        rooms = [
            min(slot.capacity - slot.taken, slot.phone_capacity - slot.phone_taken)
            if booking.channel is Channel.PHONE
            else slot.capacity - slot.taken
            for slot in slots
        ]
        if len(slots) == len(refuge.run) and min(rooms) >= booking.party:
            return refuge
    return None


async def _rehouse(closure_id: UUID, booking: Booking, refuge: Refuge | None) -> None:
    items = await visit_items_of(booking.id)
    if refuge is not None and refuge.same_day:
        await change_time(booking, await _visit(booking, refuge, items), by_hall=True)
        await audit.record(SYSTEM, "booking.moved_by_hall", f"booking:{booking.id}", person=booking.resident_id)
        await db.rows(_COUNT, closure_id, 1, 0, 0)
        return
    await end(booking, LIFE.next_state(booking.state, "hall_cancel"))
    await tell_cases(booking.id)
    offered = await _offer(booking, refuge, items, instead_of=booking.id) if refuge else None
    await publish(BookingHallCancelled(booking.id, offered.id if offered else None))
    await audit.record(SYSTEM, "booking.hall_cancelled", f"booking:{booking.id}", person=booking.resident_id)
    await db.rows(_COUNT, closure_id, 0, int(offered is not None), int(offered is None))


async def _let_go(booking: Booking, refuge: Refuge | None) -> None:
    """End a hold: who was next in line stays so, and who was offered it instead of a closed time is offered another."""
    if booking.offered_to_id is not None:
        await end(booking, LIFE.next_state(booking.state, "hall_cancel"))
        await audit.record(SYSTEM, "booking.hall_cancelled", f"booking:{booking.id}", person=booking.resident_id)
        return
    await places.free(booking)
    await end(booking, LIFE.next_state(booking.state, "expire"))
    await audit.record(SYSTEM, "booking.expired", f"booking:{booking.id}", person=booking.resident_id)
    if booking.instead_of_id is not None and refuge is not None:
        await _offer(booking, refuge, await visit_items_of(booking.id), instead_of=booking.instead_of_id)


async def _offer(booking: Booking, refuge: Refuge, items: Sequence[VisitItem], *, instead_of: UUID) -> Booking | None:
    """Hold a place elsewhere for a day for who had to leave; confirming it makes it a booking."""
    if not await places.take(refuge.run, booking.party, booking.channel):
        return None
    visit = await _visit(booking, refuge, items)
    offered_id = await insert(
        booking.resident_id,
        visit,
        BookingState.HELD,
        held_until=min(clock.now() + OFFER_STANDS, visit.starts_at),
        home=booking.home_sealed,
        channel=booking.channel,
    )
    await Booking.filter(id=offered_id).update(instead_of_id=instead_of)
    offered = await Booking.get(id=offered_id)
    await expire_at_its_end(offered)
    await publish(PlaceOffered(offered.id, offered.resident_id))
    return offered


async def _visit(booking: Booking, refuge: Refuge, items: Sequence[VisitItem]) -> Visit:
    slots = await Slot.filter(id__in=refuge.run).order_by("starts_at")
    policy = await policy_of(slots[0].service_point_id, slots[0].category)
    return visit_in(slots, items, booking.party, policy)
