"""Without this module nobody would be told of a booking, of what became of it, or that it is near."""

from __future__ import annotations

from uuid import UUID

from app.booking.events import (
    AppealDecided,
    BookingCancelled,
    BookingHallCancelled,
    BookingMoved,
    FaultRecorded,
    PlaceOffered,
    SlotBooked,
    VisitDue,
)
from app.booking.models import Booking, CreditAppeal
from app.booking.rules import BookingState
from app.links.things import LinkKind, Thing
from app.messages.telling.told import Elsewhere, Told, Words, alike, item_words, moment, place_words


async def booked(fact: SlotBooked) -> list[Told]:
    return await _of(fact.booking_id, str(fact.booking_id))


async def moved(fact: BookingMoved) -> list[Told]:
    """Each move once; whoever is told late is told where the visit is now."""
    booking = await Booking.get_or_none(id=fact.booking_id)
    return await _of(fact.booking_id, f"{fact.booking_id}/{booking.moves}") if booking else []


async def cancelled(fact: BookingCancelled) -> list[Told]:
    return await _of(fact.booking_id, str(fact.booking_id))


async def hall_cancelled(fact: BookingHallCancelled) -> list[Told]:
    return await _of(fact.booking_id, str(fact.booking_id))


async def offered(fact: PlaceOffered) -> list[Told]:
    booking = await Booking.get_or_none(id=fact.booking_id).prefetch_related("slot")
    if booking is None or booking.state is not BookingState.HELD or booking.held_until is None:
        return []
    values = {**await _values(booking), "until": moment(booking.held_until)}
    return [Told(fact.resident_id, _visit(booking), str(booking.id), values, booking.held_until)]


async def due(fact: VisitDue) -> list[Told]:
    booking = await Booking.get_or_none(id=fact.booking_id)
    if booking is None or booking.state is not BookingState.BOOKED:
        return []
    return await _of(fact.booking_id, f"{fact.booking_id}/{booking.moves}")


async def fault_recorded(fact: FaultRecorded) -> list[Told]:
    booking = await Booking.get_or_none(id=fact.booking_id).prefetch_related("slot")
    if booking is None:
        return []
    values = {"item": await item_words(booking.item_key), "time": moment(booking.slot.starts_at)}
    return [Told(fact.resident_id, _visit(booking), str(booking.id), values)]


async def appeal_decided(fact: AppealDecided) -> list[Told]:
    appeal = await CreditAppeal.get_or_none(id=fact.appeal_id)
    if appeal is None:
        return []
    result = ("已同意", "granted") if fact.granted else ("未同意", "not granted")
    values = {"result": result, "answer": alike(appeal.answer or "-")}
    about = Elsewhere(f"appeal:{appeal.id}", "pages/booking/credit")
    return [Told(appeal.resident_id, about, str(appeal.id), values)]


async def _of(booking_id: UUID, once: str) -> list[Told]:
    """Nothing about a visit is worth sending once it has begun."""
    booking = await Booking.get_or_none(id=booking_id).prefetch_related("slot")
    if booking is None:
        return []
    values = await _values(booking)
    return [Told(booking.resident_id, _visit(booking), once, values, booking.slot.starts_at)]


def _visit(booking: Booking) -> Thing:
    return Thing(LinkKind.BOOKING, booking.id)


async def _values(booking: Booking) -> dict[str, Words]:
    return {
        "item": await item_words(booking.item_key),
        "place": await place_words(booking.slot.service_point_id),
        "time": moment(booking.slot.starts_at),
    }
