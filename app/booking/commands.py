"""Without this module no place could be taken, given back or kept.

Locks are taken in the written order: resident, slot, case. The slot itself is decided by one conditional
statement; no count read earlier ever decides.
"""

from __future__ import annotations

from uuid import UUID

from app.booking.errors import AlreadyBooked, ItemNotBookable, ItemNotServedHere, SlotFull, SlotGone, TooManyBookings
from app.booking.events import BookingCancelled, SlotBooked, VisitKept, VisitMissed
from app.booking.models import Booking, Slot
from app.booking.queries import (
    booking_of,
    live_bookings,
    locked_booking,
    next_free_slot,
    slot_by_id,
    waiting_bookings_of,
)
from app.booking.rules import (
    LIFE,
    LIVE_PER_RESIDENT,
    BookingState,
    check_may_cancel,
    check_may_check_in,
    day_and_time,
    is_missed,
)
from app.cases.commands import record_visit
from app.cases.queries import case_of
from app.cases.rules import OPEN_STATES
from app.catalogue.models import ServiceItem
from app.catalogue.queries import item_in_force
from app.identity.assurance import require_level
from app.identity.rules import Level
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM, Actor
from app.kernel.errors import InvalidInput
from app.kernel.facts.publishing import publish
from app.kernel.inbox.requests import claim
from app.representation.queries import locked_subject
from app.representation.rules import check_may_apply

# The one statement that decides: a place is taken only while there is one and the slot lies ahead.
_TAKE_PLACE = "UPDATE slot SET taken = taken + 1 WHERE id = $1 AND taken < capacity AND starts_at > $2 RETURNING id"
_GIVE_BACK = "UPDATE slot SET taken = taken - 1 WHERE id = $1"
_BOOK = """
    INSERT INTO booking (id, resident_id, slot_id, case_id, item_key, day, state, booked_at)
    VALUES ($1, $2, $3, $4, $5, $6, 'BOOKED', $7)
    ON CONFLICT (resident_id, item_key, day) WHERE state IN ('BOOKED', 'CHECKED_IN') DO NOTHING RETURNING id
"""


async def book(actor: Actor, slot_id: UUID, item_key: str, *, case_id: UUID | None, idempotency_key: str) -> Booking:
    """Take a place in a slot for an item, perhaps for an open case of it.

    Needs level L2. Raises `AssuranceTooLow`, `NotFound`, `SlotGone`, `SlotFull` (naming the next free slot),
    `ItemNotServedHere`, `ItemNotBookable`, `AlreadyBooked`, `TooManyBookings` or `IdempotencyKeyReused`.
    """
    resident_id = actor.resident_id()
    async with db.transaction():
        request = await claim(resident_id, idempotency_key, "book", slot=slot_id, item=item_key, case=case_id)
        if request.earlier is not None:
            return await booking_of(request.earlier, actor)
        resident = await locked_subject(actor)
        await require_level(actor, resident, Level.L2)
        item = await item_in_force(item_key)
        check_may_apply(actor.principal, item.key, item.name_zh, proxy_allowed=item.proxy_allowed)
        slot = await slot_by_id(slot_id)
        _check_served(item, slot)
        await _check_case(case_id, actor, item_key)
        await _check_holdings(resident_id, item_key)
        await _take_place(slot, item)
        booking_id = await _insert(resident_id, slot, item_key, case_id)
        if case_id is not None:
            await record_visit(case_id, slot.starts_at, visited=False)
        await request.answered_with(booking_id)
        await publish(SlotBooked(booking_id))
        await audit.record(actor, "booking.made", f"booking:{booking_id}")
        return await booking_of(booking_id, actor)


def _check_served(item: ServiceItem, slot: Slot) -> None:
    if not item.bookable:
        raise ItemNotBookable(field="itemKey")
    if item.queue_category != slot.category:
        raise ItemNotServedHere(field="slotId")


async def _check_case(case_id: UUID | None, actor: Actor, item_key: str) -> None:
    if case_id is None:
        return
    case = await case_of(case_id, actor)
    if case.item_key != item_key:
        raise InvalidInput(field="caseId", reason_zh="办件与所选事项不一致", reason_en="the case is about another item")
    if case.state not in OPEN_STATES:
        raise InvalidInput(field="caseId", reason_zh="该办件已经办结或撤回", reason_en="the case is closed")


async def _check_holdings(resident_id: UUID, item_key: str) -> None:
    held = await live_bookings(resident_id)
    for booking in held:
        if booking.item_key == item_key:
            starts_at = booking.slot.starts_at
            raise AlreadyBooked(when_zh=day_and_time(starts_at, "zh"), when_en=day_and_time(starts_at, "en"))
    if len(held) >= LIVE_PER_RESIDENT:
        raise TooManyBookings(limit=LIVE_PER_RESIDENT)


async def _take_place(slot: Slot, item: ServiceItem) -> None:
    now = clock.now()
    if await db.row(_TAKE_PLACE, slot.id, now) is not None:
        return
    if slot.starts_at <= now:
        raise SlotGone(field="slotId")
    free = await next_free_slot(slot, now)
    if free is None:
        raise SlotFull(
            field="slotId", next_zh=f"近期“{item.name_zh}”都已约满,请稍后再看", next_en="No other slot is free yet."
        )
    place = free.service_point
    raise SlotFull(
        field="slotId",
        suggestion=free.id,
        next_zh=f"最近可约:{day_and_time(free.starts_at, 'zh')},{place.name_zh}",
        next_en=f"The next free one: {day_and_time(free.starts_at, 'en')}, {place.name_en}.",
    )


async def _insert(resident_id: UUID, slot: Slot, item_key: str, case_id: UUID | None) -> UUID:
    booked = await db.row(_BOOK, db.new_id(), resident_id, slot.id, case_id, item_key, slot.day, clock.now())
    if booked is None:
        when = slot.starts_at
        raise AlreadyBooked(when_zh=day_and_time(when, "zh"), when_en=day_and_time(when, "en"))
    found: UUID = booked["id"]
    return found


async def cancel(actor: Actor, booking_id: UUID) -> Booking:
    """Give a place back until two hours before; again is harmless. Raises `NotFound`, `CancelTooLate` or
    `IllegalMove`.
    """
    async with db.transaction():
        await locked_subject(actor)
        slot_id = (await booking_of(booking_id, actor)).slot_id
        await db.rows("SELECT id FROM slot WHERE id = $1 FOR UPDATE", slot_id)
        booking = await locked_booking(booking_id)
        if booking.state is BookingState.CANCELLED:
            return booking
        state = LIFE.next_state(booking.state, "cancel")
        check_may_cancel(booking.slot.starts_at, clock.now())
        await db.rows(_GIVE_BACK, slot_id)
        await _end(booking, state)
        if booking.case_id is not None:
            await record_visit(booking.case_id, None, visited=False)
        await publish(BookingCancelled(booking.id))
        await audit.record(actor, "booking.cancelled", f"booking:{booking.id}")
    return booking


async def release_places_of(case_id: UUID) -> int:
    """Give back the places held for a case that is over; gives how many. Twice changes nothing."""
    released = 0
    async with db.transaction():
        for booking in await waiting_bookings_of(case_id):
            await db.rows("SELECT id FROM slot WHERE id = $1 FOR UPDATE", booking.slot_id)
            held = await locked_booking(booking.id)
            if LIFE.may(held.state, "cancel"):
                await give_back(held)
                released += 1
    return released


async def give_back(booking: Booking) -> None:
    """Give back a place that is no longer needed; it is not held against the resident.

    For a locked booking of a locked slot, in the caller's transaction. Raises `IllegalMove`.
    """
    state = LIFE.next_state(booking.state, "cancel")
    await db.rows(_GIVE_BACK, booking.slot_id)
    await _end(booking, state)
    await publish(BookingCancelled(booking.id))
    await audit.record(SYSTEM, "booking.released", f"booking:{booking.id}", person=booking.resident_id)


async def record_check_in(booking: Booking) -> None:
    """The resident is there. For a locked booking, in the caller's transaction.

    Raises `IllegalMove`, `TooEarlyToCheckIn` or `TooLateToCheckIn`.
    """
    state = LIFE.next_state(booking.state, "check_in")
    check_may_check_in(booking.slot.starts_at, clock.now())
    booking.state = state
    await booking.save(update_fields=["state"])


async def record_served(booking: Booking) -> None:
    """The visit was kept. For a locked booking, in the caller's transaction."""
    await _end(booking, LIFE.next_state(booking.state, "serve"))
    if booking.case_id is not None:
        await record_visit(booking.case_id, booking.slot.starts_at, visited=True)
    await publish(VisitKept(booking.id))


async def record_hall_cancelled(booking: Booking) -> None:
    """The hall could not serve a resident who was there; it is not held against them.

    For a locked booking, in the caller's transaction. Raises `IllegalMove`.
    """
    await _end(booking, LIFE.next_state(booking.state, "hall_cancel"))
    if booking.case_id is not None:
        await record_visit(booking.case_id, None, visited=False)
    await publish(BookingCancelled(booking.id))
    await audit.record(SYSTEM, "booking.hall_cancelled", f"booking:{booking.id}", person=booking.resident_id)


async def mark_missed(booking_id: UUID) -> bool:
    """Nobody checked in: False when somebody did after all. The place stays used."""
    async with db.transaction():
        booking = await locked_booking(booking_id)
        if booking.state is not BookingState.BOOKED or not is_missed(booking.slot.ends_at, clock.now()):
            return False
        await record_missed(SYSTEM, booking)
    return True


async def record_missed(actor: Actor, booking: Booking) -> None:
    """The visit did not take place. For a locked booking, in the caller's transaction. Raises `IllegalMove`."""
    await _end(booking, LIFE.next_state(booking.state, "miss"))
    if booking.case_id is not None:
        await record_visit(booking.case_id, None, visited=False)
    await publish(VisitMissed(booking.id))
    await audit.record(actor, "booking.missed", f"booking:{booking.id}", person=booking.resident_id)


async def _end(booking: Booking, state: BookingState) -> None:
    booking.state = state
    booking.ended_at = clock.now()
    await booking.save(update_fields=["state", "ended_at"])
