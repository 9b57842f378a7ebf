"""Without this module no number would be called.

Calling is exclusive: the windows of a hall choose one after another, held by the hall's name before any row, and the
database allows one ticket at a window. A window is locked before a ticket, a ticket before its booking.
"""

from __future__ import annotations

from itertools import islice
from uuid import UUID

from app.booking.outcomes import record_served
from app.booking.policies import policy_of
from app.booking.queries import locked_booking
from app.booking.rules import LIFE as VISIT
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotAllowed
from app.kernel.facts.publishing import publish
from app.queueing.errors import NobodyWaiting, WindowBusy, WindowPaused
from app.queueing.events import TicketCalled, TicketNear, TicketPassed
from app.queueing.models import Ticket, Window
from app.queueing.order import Line, Waiting, line_up, next_of
from app.queueing.queries import lines_of, locked_ticket, locked_window_of, ticket_at, window_of
from app.queueing.rules import LIFE, NEAR, businesses_of, check_may_recall

_CALL = """
    UPDATE ticket SET state = 'CALLED', window_id = $2, called_at = $3, calls = 1, behind_call = NULL
    WHERE id = $1 AND state = 'WAITING' RETURNING id
"""
_COUNT_CALL = """
    INSERT INTO ticket_counter (service_point_id, day, category, given_out, called, booked_in_a_row)
    VALUES ($1, $2, $3, 0, 1, $4)
    ON CONFLICT (service_point_id, day, category)
    DO UPDATE SET called = ticket_counter.called + 1, booked_in_a_row = EXCLUDED.booked_in_a_row
"""
# Somebody who leaves in this moment holds their row: they are told nothing, the others at the next call.
_TELL_NEAR = """
    WITH near AS (
        SELECT id FROM ticket WHERE id = ANY($1::uuid[]) AND state = 'WAITING' AND near_told_at IS NULL
        FOR UPDATE SKIP LOCKED
    )
    UPDATE ticket SET near_told_at = $2 WHERE id IN (SELECT id FROM near) RETURNING id
"""


async def hold_line(service_point: str) -> None:
    """Let one transaction at a time change who is next in a hall; before any row is locked."""
    await db.one_at_a_time(f"hall/{service_point}")


async def call_next(actor: Actor) -> Ticket:
    """Call the next number to one's window, by the rules of `order`.

    Who now has three people ahead is told once. Raises `NoWindowOpen`, `WindowPaused`, `WindowBusy` or
    `NobodyWaiting`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        await hold_line((await window_of(actor)).service_point_id)
        window = await locked_window_of(actor)
        if window.paused_at is not None:
            raise WindowPaused(reason=window.pause_reason)
        await check_free(window)
        line, called = await _take_next(window)
        await db.rows(
            _COUNT_CALL,
            window.service_point_id,
            clock.today(),
            line.category,
            line.streak.after(called).booked_in_a_row,
        )
        await tell_near(line.without(called))
        ticket = await Ticket.get(id=called.id)
        await publish(TicketCalled(ticket.id))
        await audit.record(actor, "queue.called", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket


async def _take_next(window: Window) -> tuple[Line, Waiting]:
    businesses = businesses_of(window.categories, window.skills)
    while True:
        lines, _ = await lines_of(window.service_point_id, clock.today(), businesses)
        found = next_of(lines, clock.now())
        if found is None:
            raise NobodyWaiting
        if await db.row(_CALL, found[1].id, window.id, clock.now()) is not None:
            return found
        # They left in the moment between; whoever is next now is called.


async def check_free(window: Window) -> None:
    """Raise `WindowBusy` while somebody is called to a window or served there."""
    busy = await ticket_at(window.id)
    if busy is not None:
        raise WindowBusy(ticket=busy.code)


async def tell_near(line: Line) -> None:
    """Tell those of a line who have come near for the first time, in the transaction that holds the hall's line."""
    first = list(islice(line_up(line.waiting, line.streak, clock.now(), line.policy), NEAR + 1))
    told = await db.rows(_TELL_NEAR, [ticket.id for ticket in first], clock.now())
    for ticket_id in sorted(row["id"] for row in told):
        await publish(TicketNear(ticket_id))


async def recall(actor: Actor, ticket_id: UUID) -> Ticket:
    """Call a number again that was called here. Raises `RecallsSpent`, `NotAllowed`, `NotFound` or `IllegalMove`."""
    async with db.transaction():
        ticket = await own_ticket(actor, ticket_id)
        ticket.state = LIFE.next_state(ticket.state, "recall")
        check_may_recall(ticket.code, ticket.calls, await policy_of(ticket.service_point_id, ticket.category))
        ticket.calls += 1
        await ticket.save(update_fields=["calls"])
        await publish(TicketCalled(ticket.id))
        await audit.record(actor, "queue.recalled", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket


async def start_serving(actor: Actor, ticket_id: UUID) -> Ticket:
    """The called person is at the window. Raises `NotAllowed` at another window, `NotFound` or `IllegalMove`."""
    async with db.transaction():
        ticket = await own_ticket(actor, ticket_id)
        ticket.state = LIFE.next_state(ticket.state, "start")
        ticket.started_at = clock.now()
        await ticket.save(update_fields=["state", "started_at"])
        await audit.record(actor, "queue.started", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket


async def finish_serving(actor: Actor, ticket_id: UUID) -> Ticket:
    """The visit is over; its booking is kept. Raises `NotAllowed`, `NotFound` or `IllegalMove`."""
    async with db.transaction():
        ticket = await own_ticket(actor, ticket_id)
        ticket.state = LIFE.next_state(ticket.state, "finish")
        ticket.finished_at = clock.now()
        await ticket.save(update_fields=["state", "finished_at"])
        booking = await locked_booking(ticket.booking_id) if ticket.booking_id else None
        if booking is not None and VISIT.may(booking.state, "serve"):  # an end it already has does not keep the window
            await record_served(booking)
        await audit.record(actor, "queue.finished", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket


async def pass_ticket(actor: Actor, ticket_id: UUID) -> Ticket:
    """Nobody came to the window: the number is passed (过号) and may rejoin.

    A booking counts as missed when the day ends and it has not. Raises `NotAllowed`, `NotFound` or `IllegalMove`.
    """
    async with db.transaction():
        ticket = await own_ticket(actor, ticket_id)
        ticket.state = LIFE.next_state(ticket.state, "pass")
        ticket.finished_at = clock.now()
        await ticket.save(update_fields=["state", "finished_at"])
        await publish(TicketPassed(ticket.id))
        await audit.record(actor, "queue.passed", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket


async def own_ticket(actor: Actor, ticket_id: UUID) -> Ticket:
    """A number at one's own window, both locked. Raises `NoWindowOpen`, `NotAllowed` or `NotFound`."""
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    window = await locked_window_of(actor)
    ticket = await locked_ticket(ticket_id, window.service_point_id)
    if ticket.window_id != window.id:
        raise NotAllowed
    return ticket
