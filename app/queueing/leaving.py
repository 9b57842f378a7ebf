"""Without this module a number would stay open for ever, and yesterday's queue would block tomorrow's bookings.

A number ends because its holder leaves, because the staff say so, or because the day is over. Each is ended in a
transaction of its own: a run that dies half-way has ended half of them, and the next run ends the rest.
"""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from app.booking.halls.hours import hall_day, last_visit_ends
from app.booking.outcomes import record_hall_cancelled, record_missed, record_served
from app.booking.policies import policy_of
from app.booking.queries import locked_booking
from app.booking.rules import LIFE as VISIT
from app.catalogue.queries import every_service_point, service_point_for
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM, Actor
from app.kernel.errors import NotAllowed
from app.queueing.commands import hold_line, tell_near
from app.queueing.errors import HallStillOpen
from app.queueing.models import Ticket
from app.queueing.queries import check_whose, lines_of, locked_ticket, ticket_by_id, tickets_left_over, window_of
from app.queueing.rules import LIFE, TicketState, left_because_of_the_hall, waits_since
from app.representation.queries import locked_subject

_BATCH = 500


async def leave(actor: Actor, ticket_id: UUID) -> Ticket:
    """Give up one's number (弃号). Its booking counts as missed, unless its holder was at a window or waited too long.

    Raises `NotFound`, also for somebody else's and what an agent's mandate is not for, or `IllegalMove`.
    """
    seen = await ticket_by_id(ticket_id)
    async with db.transaction():
        await hold_line(seen.service_point_id)
        subject = await locked_subject(actor)
        ticket = await locked_ticket(ticket_id)
        await check_whose(actor, ticket, subject.id)
        await _abandon(actor, ticket, missed=not await _is_excused(ticket))
        await audit.record(actor, "queue.left", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket


async def _is_excused(ticket: Ticket) -> bool:
    """Whoever has been at a window came, whatever it led to; whoever waited too long left because of the hall."""
    if ticket.started_at is not None or ticket.transferred_from:
        return True
    since = waits_since(ticket.queued_at or ticket.taken_at, ticket.slot_starts_at)
    policy = await policy_of(ticket.service_point_id, ticket.category)
    return left_because_of_the_hall(since, clock.now(), policy)


async def abandon_ticket(actor: Actor, ticket_id: UUID) -> Ticket:
    """End a number that will not be served: one that waits or hangs in one's hall, or is called to one's window.

    It is not held against its holder. Raises `NotAllowed`, `NoWindowOpen`, `NotFound` or `IllegalMove`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    window = await window_of(actor)
    async with db.transaction():
        await hold_line(window.service_point_id)
        ticket = await locked_ticket(ticket_id, window.service_point_id)
        if ticket.state is TicketState.CALLED and ticket.window_id != window.id:
            raise NotAllowed
        await _abandon(actor, ticket, missed=False)
        await audit.record(actor, "queue.abandoned", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket


async def _abandon(actor: Actor, ticket: Ticket, *, missed: bool) -> None:
    """Close a locked number and its booking, and tell those who came nearer; the hall's line is held."""
    await _end(ticket, LIFE.next_state(ticket.state, "abandon"))
    await _end_visit(actor, ticket, "miss" if missed else "hall_cancel")
    lines, _ = await lines_of(ticket.service_point_id, ticket.day, {ticket.category: 1})
    for line in lines:
        await tell_near(line)


async def end_ticket(ticket_id: UUID) -> bool:
    """End a number that a day left over; gives whether there was something to end. Twice changes nothing.

    Who was being served was served; who waited, was called or hung is not to blame; who was passed and did not
    rejoin has missed the visit.
    """
    async with db.transaction():
        ticket = await locked_ticket(ticket_id)
        if ticket.state is TicketState.PASSED:
            return await _end_visit(SYSTEM, ticket, "miss")
        verb = "finish" if ticket.state is TicketState.SERVING else "abandon"
        if not LIFE.may(ticket.state, verb):
            return False
        await _end(ticket, LIFE.next_state(ticket.state, verb))
        await _end_visit(SYSTEM, ticket, "serve" if verb == "finish" else "hall_cancel")
        await audit.record(
            SYSTEM, "queue.ended", f"ticket:{ticket.id}", result=ticket.state.value, person=ticket.resident_id
        )
    return True


async def _end(ticket: Ticket, state: TicketState) -> None:
    ticket.state = state
    ticket.finished_at = clock.now()
    await ticket.save(update_fields=["state", "finished_at"])


async def _end_visit(actor: Actor, ticket: Ticket, verb: str) -> bool:
    """Let the booking of a locked number come out as it did; False when there is none, or it has an end already."""
    booking = await locked_booking(ticket.booking_id) if ticket.booking_id else None
    if booking is None or not VISIT.may(booking.state, verb):
        return False
    if verb == "serve":
        await record_served(booking)
    elif verb == "miss":
        await record_missed(actor, booking)
    else:
        await record_hall_cancelled(booking)
    return True


async def end_days_before(day: date) -> int:
    """End what earlier days left over in every hall, one hall after another; gives how many numbers."""
    return sum([await _end_hall(point.key, day - timedelta(days=1)) for point in await every_service_point()])


async def end_day(actor: Actor, service_point: str) -> int:
    """End every number of a hall's day in one batch, once the hall has closed; gives how many.

    Closed as it keeps its hours that day, and once the last booked slot is over. For the manager of a hall in their
    part of the city; again ends what is left. Raises `NotAllowed`, `NotFound`
    or `HallStillOpen`.
    """
    actor.staff_id(Role.DEPARTMENT_MANAGER)
    point = await service_point_for(actor, service_point)
    day = await hall_day(point, clock.today())
    closes = max(filter(None, (day.closes_at, await last_visit_ends(point, day.day))), default=None)
    if closes is not None and clock.now() < closes:
        until = f"{clock.local(closes):%H:%M}"
        raise HallStillOpen(until_zh=until, until_en=until)
    ended = await _end_hall(point.key, clock.today())
    async with db.transaction():
        await audit.record(actor, "queue.day_ended", f"service_point:{point.key}", detail={"tickets": ended})
    return ended


async def _end_hall(service_point: str, until: date) -> int:
    ended, after = 0, None
    while left := await tickets_left_over(service_point, until, _BATCH, after):
        for ticket_id in left:
            ended += await end_ticket(ticket_id)
        after = left[-1]
    return ended
