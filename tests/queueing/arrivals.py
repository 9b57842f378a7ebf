"""How people come in: with a phone that stands in the hall, unless a test is about another way."""

from __future__ import annotations

from uuid import UUID

from app.booking.models import Booking
from app.booking.nearness import Where
from app.catalogue.models import ServicePoint
from app.kernel.actor import Actor
from app.queueing import arriving
from app.queueing.models import Ticket


async def inside(place: str) -> Where:
    """A phone in the middle of a hall."""
    point = await ServicePoint.get(key=place)
    assert point.latitude is not None
    assert point.longitude is not None
    return Where(point.latitude, point.longitude, accuracy_metres=20)


async def told_by_phone(place: str) -> dict[str, float]:
    """What such a phone says over HTTP."""
    where = await inside(place)
    return {"latitude": where.latitude, "longitude": where.longitude, "accuracyMetres": where.accuracy_metres}


async def check_in(actor: Actor, booking_id: UUID) -> Ticket:
    booking = await Booking.get_or_none(id=booking_id).prefetch_related("slot")
    place = booking.slot.service_point_id if booking else "city-hall"
    return await arriving.check_in(actor, booking_id, await inside(place))
