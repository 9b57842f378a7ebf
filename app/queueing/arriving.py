"""Without this module nobody would get a number in the queue.

One ticket whatever the way somebody comes in: with a phone that knows where it is, by a code at the door (`scanning`),
with the identity card at a kiosk or the desk. The database allows one per booking. The resident is locked first, then
the ticket, then the booking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from app.booking.models import Booking
from app.booking.nearness import Where, check_at_the_hall
from app.booking.outcomes import record_check_in
from app.booking.policies import policy_of
from app.booking.queries import booking_of, locked_booking
from app.booking.rules import BookingState
from app.catalogue.queries import service_point_for, service_points_by_key
from app.identity.merging import ID_NUMBER
from app.identity.models import DeviceKind, Resident
from app.identity.rules import Role, check_id_number
from app.kernel import audit, clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import Refusal
from app.kernel.facts.publishing import publish
from app.kernel.privacy import blind_index, mask_name, unseal
from app.kernel.ratelimit import check_rate
from app.queueing.errors import NoBookingToday
from app.queueing.events import TicketTaken
from app.queueing.holders import holder_shown, note_if_near
from app.queueing.models import Ticket
from app.queueing.queries import ticket_by_id, ticket_of_booking
from app.queueing.rules import TicketChannel, TicketState, ticket_code
from app.representation.queries import locked_subject

_NEXT_NUMBER = """
    INSERT INTO ticket_counter (service_point_id, day, category, given_out) VALUES ($1, $2, $3, 1)
    ON CONFLICT (service_point_id, day, category) DO UPDATE SET given_out = ticket_counter.given_out + 1
    RETURNING given_out
"""
_CARDS_A_MINUTE = "30/minute"


class Way(StrEnum):
    """How somebody checked in, as the audit says it."""

    LOCATION = "LOCATION"
    SCAN = "SCAN"
    KIOSK = "KIOSK"
    DESK = "DESK"


_CHANNELS = {Way.KIOSK: TicketChannel.KIOSK, Way.DESK: TicketChannel.DESK}


@dataclass(frozen=True)
class Arrival:
    """Who came with a card, as a screen may show it, and the numbers of today's bookings."""

    masked_name: str
    tickets: list[Ticket]


async def check_in(actor: Actor, booking_id: UUID, where: Where | None) -> Ticket:
    """Turn a booking into a number in the queue, with a phone that is at the hall; again gives the same number.

    Raises `NotFound`, `PlaceUnknown`, `NotAtTheHall`, `TooEarlyToCheckIn`, `TooLateToCheckIn` or `IllegalMove`.
    """
    async with db.transaction():
        await locked_subject(actor)
        await booking_of(booking_id, actor)
        booking = await locked_booking(booking_id)
        earlier = await ticket_of_booking(booking_id)
        if earlier is not None:
            return earlier
        [point] = await service_points_by_key([booking.slot.service_point_id])
        assert point is not None
        check_at_the_hall(where, point, await policy_of(point.key, booking.slot.category))
        await record_check_in(booking)
        return await give_number(actor, booking, Way.LOCATION, clock.now())


async def check_in_at_desk(actor: Actor, service_point: str, id_number: str) -> Arrival:
    """Check in who shows an identity card at the desk, for what they have booked here today and may keep now.

    Raises `NotAllowed`, `NotFound` (the service point), `IdentityNumberInvalid`, `NoBookingToday` alike for who has
    no booking and for a number nobody has, `TooEarlyToCheckIn`, `TooLateToCheckIn` or `IllegalMove`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    point = await service_point_for(actor, service_point)
    return await _with_card(actor, point.key, id_number, None, Way.DESK)


async def check_in_at_kiosk(actor: Actor, id_number: str, name: str) -> Arrival:
    """The same at a kiosk, whose reader has read number and name off the card; both must be those of the account.

    Raises `NotAllowed`, `TooManyRequests` and like `check_in_at_desk`.
    """
    machine = actor.device(DeviceKind.KIOSK)
    await check_rate(_CARDS_A_MINUTE, "cards", str(machine.id))
    return await _with_card(actor, machine.place, id_number, name.strip(), Way.KIOSK)


async def _with_card(actor: Actor, place: str, id_number: str, name: str | None, way: Way) -> Arrival:
    index = blind_index(ID_NUMBER, check_id_number(id_number, clock.today()))
    async with db.transaction():
        resident = await Resident.filter(id_number_index=index).select_for_update(no_key=True).first()
        if resident is None or resident.name_sealed is None:
            raise NoBookingToday(field="idNumber")
        known_as = unseal(resident.name_sealed)
        if name is not None and name != known_as:
            raise NoBookingToday(field="idNumber")
        tickets = await _numbers_of(actor, await _bookings_here(resident.id, place), way)
    return Arrival(mask_name(known_as), tickets)


async def _bookings_here(resident_id: UUID, place: str) -> list[UUID]:
    states = [BookingState.BOOKED, BookingState.CHECKED_IN]
    today = Booking.filter(resident_id=resident_id, slot__service_point_id=place, day=clock.today(), state__in=states)
    return [booking.id for booking in await today.order_by("id")]


async def _numbers_of(actor: Actor, bookings: Sequence[UUID], way: Way) -> list[Ticket]:
    """The numbers of those that can have one; raises what the first was refused with when none can."""
    tickets, refusals = [], []
    for booking_id in bookings:
        try:
            tickets.append(await _number_of(actor, booking_id, way))
        except Refusal as refusal:
            refusals.append(refusal)
    if not tickets:
        raise refusals[0] if refusals else NoBookingToday(field="idNumber")
    return tickets


async def _number_of(actor: Actor, booking_id: UUID, way: Way) -> Ticket:
    earlier = await ticket_of_booking(booking_id)
    if earlier is not None:
        await audit.record(actor, "queue.number_shown", f"ticket:{earlier.id}", person=earlier.resident_id)
        return earlier
    booking = await locked_booking(booking_id)
    await record_check_in(booking)
    return await give_number(actor, booking, way, clock.now())


async def lock_owner(booking_id: UUID) -> None:
    """Lock the account a booking belongs to, first in the written order, also when it is joined meanwhile.

    Ended accounts too: what a scanner saw before an account was closed is still true.
    """
    owner = None
    while (now_with := await Booking.get(id=booking_id)).resident_id != owner:
        owner = now_with.resident_id
        await Resident.select_for_update(no_key=True).get(id=owner)


async def lock_holder(ticket_id: UUID) -> None:
    """Lock the account a number belongs to, if it does, so that it takes no other number meanwhile."""
    holder = None
    while (seen := await ticket_by_id(ticket_id)).resident_id != holder:
        holder = seen.resident_id
        await Resident.filter(id=holder).select_for_update(no_key=True).first()


async def next_code(service_point: str, day: date, category: str) -> str:
    """The next number of a business for a day, in the caller's transaction."""
    counted = await db.row(_NEXT_NUMBER, service_point, day, category)
    assert counted is not None
    return ticket_code(category, counted["given_out"])


async def give_number(actor: Actor, booking: Booking, way: Way, at: datetime) -> Ticket:
    """The number of a booking that was just checked in: its holder was there at `at`. In the caller's transaction,
    which has locked the resident and the booking.
    """
    slot, day = booking.slot, clock.today()
    ticket = await Ticket.create(
        service_point_id=slot.service_point_id,
        day=day,
        category=slot.category,
        code=await next_code(slot.service_point_id, day, slot.category),
        resident_id=booking.resident_id,
        booking_id=booking.id,
        slot_starts_at=slot.starts_at,
        channel=_CHANNELS.get(way, TicketChannel.PHONE),
        holder=holder_shown(await Resident.get(id=booking.resident_id)),
        state=TicketState.WAITING,
        taken_at=at,
        queued_at=at,
    )
    await note_if_near(ticket)
    await publish(TicketTaken(ticket.id))
    person = None if actor.kind is ActorKind.RESIDENT else booking.resident_id
    await audit.record(actor, "queue.checked_in", f"ticket:{ticket.id}", detail={"way": way}, person=person)
    return ticket
