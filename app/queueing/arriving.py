"""Without this module nobody would get a number in the queue.

One ticket whatever the way somebody comes in; the database allows one per booking. The resident is locked first,
then the booking.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from app.booking.models import Booking
from app.booking.outcomes import record_check_in
from app.booking.queries import booking_of, locked_booking
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.facts.publishing import publish
from app.queueing.events import TicketTaken
from app.queueing.models import Ticket
from app.queueing.queries import ticket_of_booking
from app.queueing.rules import TicketState, ticket_code
from app.representation.queries import locked_subject

_NEXT_NUMBER = """
    INSERT INTO ticket_counter (service_point_id, day, category, given_out) VALUES ($1, $2, $3, 1)
    ON CONFLICT (service_point_id, day, category) DO UPDATE SET given_out = ticket_counter.given_out + 1
    RETURNING given_out
"""


async def check_in(actor: Actor, booking_id: UUID) -> Ticket:
    """Turn a booking into a number in the queue; again gives the same number.

    Raises `NotFound`, `TooEarlyToCheckIn`, `TooLateToCheckIn` or `IllegalMove`.
    """
    async with db.transaction():
        await locked_subject(actor)
        await booking_of(booking_id, actor)
        booking = await locked_booking(booking_id)
        earlier = await ticket_of_booking(booking_id)
        if earlier is not None:
            return earlier
        await record_check_in(booking)
        ticket = await _issue(booking)
        await publish(TicketTaken(ticket.id))
        await audit.record(actor, "queue.checked_in", f"ticket:{ticket.id}")
    return ticket


async def next_code(service_point: str, day: date, category: str) -> str:
    """The next number of a business for a day, in the caller's transaction."""
    counted = await db.row(_NEXT_NUMBER, service_point, day, category)
    assert counted is not None
    return ticket_code(category, counted["given_out"])


async def _issue(booking: Booking) -> Ticket:
    slot, day, now = booking.slot, clock.today(), clock.now()
    return await Ticket.create(
        service_point_id=slot.service_point_id,
        day=day,
        category=slot.category,
        code=await next_code(slot.service_point_id, day, slot.category),
        resident_id=booking.resident_id,
        booking_id=booking.id,
        slot_starts_at=slot.starts_at,
        state=TicketState.WAITING,
        taken_at=now,
        queued_at=now,
    )
