"""Slots of one's own, so that a test shares its places with nobody."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.booking.models import Booking, Slot
from app.booking.rules import BookingState
from app.kernel import clock, db

KEEPS_THE_PLACE = frozenset(BookingState) - {BookingState.CANCELLED}
"""Bookings that count in a slot's `taken`: only one cancelled in time gives its place back."""


async def make_slot(
    capacity: int,
    *,
    hours_ahead: float = 30,
    starts_at: datetime | None = None,
    place: str = "city-hall",
    business: str = "D",
) -> Slot:
    """Half an hour at a counter; by default at the hall's identity-card counter, tomorrow."""
    distinct = timedelta(microseconds=db.new_id().int % 10**6)
    start = starts_at or clock.now() + timedelta(hours=hours_ahead) + distinct
    return await Slot.create(
        service_point_id=place,
        category=business,
        day=clock.local(start).date(),
        starts_at=start,
        ends_at=start + timedelta(minutes=30),
        capacity=capacity,
    )


async def places_taken(slot: Slot) -> tuple[int, int]:
    """The counter of a slot, and how many bookings it should stand for. They must always be equal."""
    await slot.refresh_from_db()
    return slot.taken, await Booking.filter(slot_id=slot.id, state__in=KEEPS_THE_PLACE).count()
