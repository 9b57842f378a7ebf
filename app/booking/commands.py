"""Without this module no place could be taken, moved or given back.

Locks are taken in the written order: resident, slots by id, booking, case. Slots themselves are decided by the
statements of `places`; no count read earlier ever decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from app.booking import places
from app.booking.admission import check_history
from app.booking.alternatives import refuse
from app.booking.crowd import Alone
from app.booking.errors import AlreadyBooked, HomeAddressNeeded
from app.booking.events import BookingCancelled, BookingMoved, DepositDue, FaultRecorded, SlotBooked
from app.booking.histories import history_of
from app.booking.models import Booking
from app.booking.outcomes import end, tell_cases
from app.booking.planning import plan
from app.booking.policies import policy_of
from app.booking.policy import Policy
from app.booking.queries import booking_of, locked_booking, visit_items_of
from app.booking.room.room import check_turn
from app.booking.rules import (
    LIFE,
    BookingState,
    Channel,
    Layer,
    check_may_move,
    check_same_place,
    day_and_time,
    is_late_to_cancel,
)
from app.booking.rush import book_in_company
from app.booking.visits import Visit, VisitItem
from app.identity.assurance import require_level
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.facts.publishing import publish
from app.kernel.inbox.requests import claim, wanted
from app.kernel.privacy import seal
from app.profiles.queries import opened, own_address
from app.representation.queries import locked_subject

# The index on the items refuses a second live booking of one person, item and day, whatever was read before.
_INSERT = """
    WITH made AS (
        INSERT INTO booking (id, resident_id, slot_id, slots, item_key, day, until, party, channel, state,
            booked_at, held_until, home_sealed, deposit_fen)
        VALUES ($1, $2, $3, $16, $4, $5, $6, $7, $8, $9, $10, $11, $12, $17) RETURNING id
    )
    INSERT INTO booking_item (id, booking_id, resident_id, item_key, day, case_id, live)
    SELECT i.id, $1, $2, i.item_key, $5, i.case_id, true
    FROM unnest($13::uuid[], $14::text[], $15::uuid[]) AS i (id, item_key, case_id), made
    ON CONFLICT (resident_id, item_key, day) WHERE live DO NOTHING RETURNING id
"""


async def book(
    actor: Actor,
    slot_id: UUID,
    items: Sequence[VisitItem],
    *,
    party: int = 1,
    address_id: UUID | None = None,
    turn: str | None = None,
    idempotency_key: str,
) -> Booking:
    """Take the places of a visit, for oneself or a principal; `party` people, several items one after another.

    Needs the level the business asks for. Raises `AssuranceTooLow`, `NotFound`, `ItemNotServedHere`,
    `SlotForOtherItems`, `ItemNotBookable`, `VisitInvalid`, `PartyTooLarge`, `HomeAddressNeeded` (home visits),
    `AlreadyBooked`, `TooManyBookings`, `TooManyInPeriod`, `IdempotencyKeyReused`, in the rush of a release
    `TurnNeeded`, `TurnNotYet` or `TurnInvalid`, and with what is free instead: `SlotGone`, `SlotFull`, `SlotClosed`,
    `NotEnoughInARow`. Who asks at the same moment is booked together (ADR 19).
    `PleaseRetry` when the database went away: the same key tells whether it was done.
    """
    body = asked(slot_id, items, party, address_id)
    if not db.in_open_transaction():
        request = wanted(actor.resident_id(), idempotency_key, "book", **body)
        with db.told_when_lost():
            answer = await book_in_company(actor, slot_id, items, party, turn, request)
        if not isinstance(answer, Alone):
            return answer
    return await book_alone(
        actor, slot_id, items, party=party, address_id=address_id, turn=turn, idempotency_key=idempotency_key
    )


async def book_alone(
    actor: Actor,
    slot_id: UUID,
    items: Sequence[VisitItem],
    *,
    party: int = 1,
    address_id: UUID | None = None,
    turn: str | None = None,
    idempotency_key: str,
) -> Booking:
    """The same in a transaction of its own: for visits to people's homes, and to say in full what does not fit.

    Where a deposit is asked for, the places are held until it is paid.
    """
    body = asked(slot_id, items, party, address_id)
    async with db.transaction():
        request = await claim(actor.resident_id(), idempotency_key, "book", **body)
        if request.earlier is not None:
            return await booking_of(request.earlier, actor)
        visit = await admitted(actor, slot_id, items, party, turn=turn)
        home = await home_of(actor, visit.layer, address_id)
        if visit.policy.deposit_fen is not None:
            booking = await put(actor, visit, BookingState.HELD, held_until=hold_ends(visit), home=home)
            await audit.record(actor, "booking.held", f"booking:{booking.id}")
        else:
            booking = await put(actor, visit, BookingState.BOOKED, home=home)
            await publish(SlotBooked(booking.id))
            await audit.record(actor, "booking.made", f"booking:{booking.id}")
        await request.answered_with(booking.id)
        return booking


def hold_ends(visit: Visit) -> datetime:
    """Until when a place is held that is not sure yet."""
    return min(clock.now() + timedelta(minutes=visit.policy.hold_minutes), visit.starts_at)


def asked(slot_id: UUID, items: Sequence[VisitItem], party: int, address_id: UUID | None) -> dict[str, object]:
    """What one key asks for; the crowd and the plain path must say it alike, or a repeat would look like another."""
    return {"slot": slot_id, "items": [item.as_json() for item in items], "party": party, "address": address_id}


async def admitted(
    actor: Actor,
    slot_id: UUID,
    items: Sequence[VisitItem],
    party: int,
    *,
    turn: str | None = None,
    apart_from: UUID | None = None,
) -> Visit:
    """The visit, once its resident is locked and may make it; nothing is taken yet. Raises like `book`."""
    resident = await locked_subject(actor)
    visit = await plan(actor, slot_id, items, party)
    await check_turn(actor, visit, turn)
    await require_level(actor, resident, visit.policy.min_level)
    check_history(visit, await history_of(resident.id), clock.now(), apart_from=apart_from)
    return visit


async def put(
    actor: Actor,
    visit: Visit,
    state: BookingState,
    *,
    held_until: datetime | None = None,
    home: str | None = None,
    channel: Channel = Channel.PHONE,
) -> Booking:
    """Take the places and write the booking down, in the transaction that locked its resident."""
    if not await places.take(visit.run, visit.party, channel):
        await refuse(visit)
    deposit = visit.policy.deposit_fen if state is BookingState.HELD else None
    booking_id = await insert(
        actor.resident_id(), visit, state, held_until=held_until, home=home, channel=channel, deposit_fen=deposit
    )
    if state is BookingState.BOOKED:
        await tell_cases(booking_id)
    return await booking_of(booking_id, actor)


async def insert(
    resident_id: UUID,
    visit: Visit,
    state: BookingState,
    *,
    held_until: datetime | None = None,
    home: str | None = None,
    channel: Channel = Channel.PHONE,
    deposit_fen: int | None = None,
) -> UUID:
    """The rows of a booking whose places are taken, and what it still needs. Raises `AlreadyBooked` when the
    database says so.
    """
    booking_id = db.new_id()
    made = await db.rows(
        _INSERT,
        booking_id,
        resident_id,
        visit.run[0],
        visit.items[0].item_key,
        visit.day,
        visit.until,
        visit.party,
        channel,
        state,
        clock.now(),
        held_until,
        home,
        sorted(db.new_id() for _ in visit.items),
        [item.item_key for item in visit.items],
        [item.case_id for item in visit.items],
        list(visit.run),
        deposit_fen,
    )
    if len(made) < len(visit.items):
        when = visit.starts_at
        raise AlreadyBooked(when_zh=day_and_time(when, "zh"), when_en=day_and_time(when, "en"))
    if deposit_fen is not None:
        await publish(DepositDue(booking_id))
    return booking_id


async def home_of(actor: Actor, layer: Layer, address_id: UUID | None) -> str | None:
    """Where a home visit goes, sealed; None for a visit at the hall. Raises `HomeAddressNeeded` or `NotFound`."""
    if layer is not Layer.HOME_VISIT:
        return None
    if address_id is None:
        raise HomeAddressNeeded(field="addressId")
    address = opened(await own_address(actor, address_id))
    return seal(orjson.dumps(asdict(address)).decode())


async def move(
    actor: Actor, booking_id: UUID, slot_id: UUID, *, turn: str | None = None, idempotency_key: str
) -> Booking:
    """Change a booking to another time or hall; the old places are kept until the new ones are sure.

    Raises `NotFound`, `IllegalMove`, `CancelTooLate`, `MoveTooLate`, and like `book`; then nothing has moved.
    """
    async with db.transaction():
        request = await claim(actor.resident_id(), idempotency_key, "move", booking=booking_id, slot=slot_id)
        if request.earlier is not None:
            return await booking_of(request.earlier, actor)
        await locked_subject(actor)
        seen = await booking_of(booking_id, actor)
        items = await visit_items_of(booking_id)
        visit = await admitted(actor, slot_id, items, seen.party, turn=turn, apart_from=booking_id)
        await places.lock([*visit.run, *seen.slots])
        booking = await locked_booking(booking_id)
        booking.state = LIFE.next_state(booking.state, "move")
        check_may_move(booking.slot.starts_at, clock.now(), await policy_of_booking(booking))
        check_same_place(booking.slot.layer, visit.layer)
        await change_time(booking, visit, by_hall=False)
        await request.answered_with(booking.id)
        await audit.record(actor, "booking.moved", f"booking:{booking.id}")
        return await booking_of(booking_id, actor)


async def change_time(booking: Booking, visit: Visit, *, by_hall: bool) -> None:
    """Take the new places, then free the old ones, in the transaction that locked slots and booking.

    Slots that are in both are kept; moved to where it is, nothing happens.
    """
    if list(visit.run) == booking.slots:
        return
    if not await places.exchange(booking, visit.run):
        await refuse(visit)
    before = booking.slot_id
    booking.slot_id, booking.slots = visit.run[0], list(visit.run)
    booking.day, booking.until = visit.day, visit.until
    booking.moves += 1
    booking.reminded = 0
    await booking.save(update_fields=["slot_id", "slots", "day", "until", "moves", "reminded"])
    await tell_cases(booking.id)
    await publish(BookingMoved(booking.id, before, visit.run[0], by_hall))


async def policy_of_booking(booking: Booking) -> Policy:
    return await policy_of(booking.slot.service_point_id, booking.slot.category)


async def cancel(actor: Actor, booking_id: UUID) -> Booking:
    """Give the places back until the slot begins; again is harmless. Late, it counts (`late`).

    Raises `NotFound`, `CancelTooLate` or `IllegalMove`.
    """
    async with db.transaction():
        await locked_subject(actor)
        await places.lock((await booking_of(booking_id, actor)).slots)
        booking = await locked_booking(booking_id)
        if booking.state is BookingState.CANCELLED:
            return booking
        await give_up(booking)
        await audit.record(actor, "booking.cancelled", f"booking:{booking.id}", detail={"late": booking.late})
    return booking


async def give_up(booking: Booking) -> None:
    """Give back the places of a locked booking of locked slots as its resident wishes, in the caller's transaction.

    It is never too late for what the hall has closed. Raises `CancelTooLate` or `IllegalMove`.
    """
    state = LIFE.next_state(booking.state, "cancel")
    booked = booking.state is BookingState.BOOKED
    late = is_late_to_cancel(booking.slot.starts_at, clock.now(), await policy_of_booking(booking))
    booking.late = late and booked and not await places.any_closed(booking.slots)
    await places.free(booking)
    await end(booking, state)
    await tell_cases(booking.id)
    await publish(BookingCancelled(booking.id))
    if booking.late:
        await publish(FaultRecorded(booking.id, booking.resident_id))
