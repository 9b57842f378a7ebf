"""Without this module nobody of the hall would know at whose door to ring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import orjson

from app.booking.models import Booking
from app.booking.queries import items_of_bookings
from app.booking.rules import BookingState, Layer
from app.catalogue.queries import service_point_for
from app.identity.rules import Role
from app.kernel import audit, db
from app.kernel.actor import Actor
from app.kernel.privacy import unseal
from app.profiles.rules import Address

_EXPECTED = (BookingState.BOOKED, BookingState.CHECKED_IN)


@dataclass(frozen=True)
class HomeVisit:
    """A visit to somebody's home with everything one needs to go there."""

    booking_id: UUID
    starts_at: datetime
    until: datetime
    party: int
    item_keys: Sequence[str]
    address: Address


async def home_visits(actor: Actor, service_point: str, day: date, *, limit: int, offset: int) -> list[HomeVisit]:
    """The visits of a day in the order of time, with the addresses in full; each one shown leaves an audit line.

    For who works at a window of the service point. Raises `NotAllowed` or `NotFound`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    point = await service_point_for(actor, service_point)
    expected = Booking.filter(
        slot__service_point_id=point.key, slot__layer=Layer.HOME_VISIT, slot__day=day, state__in=_EXPECTED
    ).exclude(home_sealed=None)
    async with db.transaction():
        rows = await expected.order_by("slot__starts_at", "id").offset(offset).limit(limit + 1).prefetch_related("slot")
        shown = rows[:limit]
        await audit.record_each(actor, "booking.home_seen", [(f"booking:{row.id}", row.resident_id) for row in shown])
    items = await items_of_bookings([row.id for row in rows])
    return [
        HomeVisit(row.id, row.slot.starts_at, row.until, row.party, [item.item_key for item in its], _address(row))
        for row, its in zip(rows, items, strict=True)
    ]


def _address(row: Booking) -> Address:
    assert row.home_sealed is not None
    return Address(**orjson.loads(unseal(row.home_sealed)))
