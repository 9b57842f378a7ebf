"""Without this module nobody could see which places are free, or find their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from tortoise.expressions import Subquery
from tortoise.queryset import QuerySet

from app.booking.models import Booking, BookingItem, Slot
from app.booking.rules import LIVE_STATES, BookingState
from app.booking.visits import VisitItem
from app.catalogue.queries import item_in_force
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.errors import NotFound


async def slot_by_id(slot_id: UUID) -> Slot:
    """Raises `NotFound`."""
    slot = await Slot.get_or_none(id=slot_id)
    if slot is None:
        raise NotFound(what_zh="这个时段", what_en="slot")
    return slot


async def slots_of_day(item_key: str, service_point: str, day: date) -> list[Slot]:
    """The slots of one day at a service point for an item, free or full, that have not begun."""
    item = await item_in_force(item_key)
    return await Slot.filter(
        service_point_id=service_point, category=item.queue_category, day=day, starts_at__gt=clock.now()
    ).order_by("starts_at")


def _not_found() -> NotFound:
    return NotFound(what_zh="这个预约", what_en="booking")


def concerns(actor: Actor, item_keys: Collection[str]) -> bool:
    """Whether a visit for these items is the actor's to see and to change: an agent's mandate covers all of them."""
    covered = actor.principal.items if actor.principal is not None else None
    return covered is None or covered.issuperset(item_keys)


def bookings_within(actor: Actor) -> QuerySet[Booking]:
    """The bookings of the actor's matters; a visit that is for something beyond an agent's mandate too is none."""
    mine = Booking.filter(**actor.matters())
    if actor.principal is None or actor.principal.items is None:
        return mine
    beyond = BookingItem.filter(resident_id=actor.resident_id()).exclude(item_key__in=sorted(actor.principal.items))
    return mine.exclude(id__in=Subquery(beyond.values("booking_id")))


async def booking_of(booking_id: UUID, actor: Actor) -> Booking:
    """A booking of the actor's matters with its slot. Raises `NotFound` alike for none and for somebody else's."""
    booking = await bookings_within(actor).get_or_none(id=booking_id).prefetch_related("slot")
    if booking is None:
        raise _not_found()
    return booking


async def locked_booking(booking_id: UUID) -> Booking:
    """The row, locked for this transaction, with its slot. Raises `NotFound`."""
    booking = await Booking.filter(id=booking_id).select_for_update().first()
    if booking is None:
        raise _not_found()
    await booking.fetch_related("slot")
    return booking


async def live_bookings(resident_id: UUID) -> list[Booking]:
    """What a resident still has ahead, each with its slot."""
    return await Booking.filter(resident_id=resident_id, state__in=LIVE_STATES).prefetch_related("slot").order_by("day")


async def bookings_of(actor: Actor, *, limit: int, before: UUID | None) -> list[Booking]:
    """A resident's bookings, newest first."""
    query = bookings_within(actor)
    if before is not None:
        query = query.filter(id__lt=before)
    return await query.prefetch_related("slot").order_by("-id").limit(limit)


async def slots_by_id(ids: Sequence[UUID]) -> list[Slot | None]:
    """In key order."""
    found = await Slot.in_bulk(ids, "id")
    return [found.get(key) for key in ids]


async def items_of(booking_id: UUID) -> list[BookingItem]:
    """What a visit is for, in the order it was asked for."""
    return await BookingItem.filter(booking_id=booking_id).order_by("id")


async def visit_items_of(booking_id: UUID) -> list[VisitItem]:
    """The same as it was asked for: what another visit in its place would be for."""
    return [VisitItem(item.item_key, item.case_id) for item in await items_of(booking_id)]


async def items_of_bookings(booking_ids: Sequence[UUID]) -> list[list[BookingItem]]:
    """What several visits are for, in key order."""
    found: defaultdict[UUID, list[BookingItem]] = defaultdict(list)
    for item in await BookingItem.filter(booking_id__in=list(booking_ids)).order_by("id"):
        found[item.booking_id].append(item)
    return [found[key] for key in booking_ids]


async def bookings_of_cases(case_ids: Sequence[UUID]) -> list[Booking | None]:
    """The newest booking of each case, in key order."""
    found: dict[UUID | None, Booking] = {}
    of_cases = BookingItem.filter(case_id__in=list(case_ids)).exclude(booking__state=BookingState.EXPIRED)
    for item in await of_cases.prefetch_related("booking__slot").order_by("booking_id"):
        found[item.case_id] = item.booking
    return [found.get(key) for key in case_ids]


async def overdue_bookings(limit: int) -> list[UUID]:
    """Bookings whose time is over, so that nobody who checked in may be missing; each one's own grace decides."""
    due = Booking.filter(state=BookingState.BOOKED, until__lt=clock.now())
    return [booking.id for booking in await due.order_by("until").limit(limit)]


async def waiting_bookings_of(case_id: UUID) -> list[UUID]:
    """Bookings of a case that nobody has checked in for yet."""
    waiting = Booking.filter(items__case_id=case_id, state=BookingState.BOOKED)
    return [booking.id for booking in await waiting.order_by("id")]
