"""Without this module somebody sent to another counter would wait from the end again, or block the one they are at.

A number at a window goes to another business with its time (转移), is hung while its holder fetches something (挂起),
and comes back to a free window (回呼).
"""

from __future__ import annotations

from uuid import UUID

from app.booking.halls.hours import hall_day
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotAllowed
from app.kernel.facts.publishing import publish
from app.queueing.arriving import lock_holder, next_code
from app.queueing.commands import check_free, own_ticket
from app.queueing.errors import AlreadyInQueue, CategoryClosed, CategoryNotServed, SameCategory
from app.queueing.events import TicketMoved
from app.queueing.models import Ticket
from app.queueing.queries import locked_ticket, locked_window_of, open_number, windows_open_for
from app.queueing.rules import LIFE, businesses_of


async def transfer(actor: Actor, ticket_id: UUID, category: str) -> Ticket:
    """Send a number at one's window to another business of the hall; it keeps the time its waiting began.

    It gets a code of that business; one of the green channel keeps its own. Raises `NotAllowed`, `NoWindowOpen`,
    `NotFound`, `IllegalMove`, `SameCategory`, `CategoryNotServed`, `CategoryClosed` when no window takes the
    business now or the hall has closed its session, or `AlreadyInQueue`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        await lock_holder(ticket_id)
        ticket = await own_ticket(actor, ticket_id)
        state = LIFE.next_state(ticket.state, "transfer")
        await _check_target(ticket, category)
        ticket.state, ticket.transferred_from, ticket.category = state, ticket.code, category
        if not ticket.green:
            ticket.code = await next_code(ticket.service_point_id, ticket.day, category)
        ticket.window_id = ticket.started_at = ticket.called_at = ticket.near_told_at = ticket.behind_call = None
        ticket.calls = 0
        await ticket.save()
        await publish(TicketMoved(ticket.id))
        await audit.record(
            actor,
            "queue.transferred",
            f"ticket:{ticket.id}",
            detail={"from": ticket.transferred_from, "to": ticket.code},
            person=ticket.resident_id,
        )
    return ticket


async def _check_target(ticket: Ticket, category: str) -> None:
    if category == ticket.category:
        raise SameCategory(ticket=ticket.code, field="category")
    await ticket.fetch_related("service_point")
    if category not in ticket.service_point.queue_categories:
        raise CategoryNotServed(category=category, field="category")
    if not await _is_open(ticket, category):
        raise CategoryClosed(category=category, field="category")
    if ticket.resident_id is not None:
        held = await open_number(ticket.resident_id, ticket.service_point_id, category)
        if held is not None:
            raise AlreadyInQueue(ticket=held.code, field="category")


async def _is_open(ticket: Ticket, category: str) -> bool:
    """Whether a window takes a business now; windows say what they can do, a closed session what nobody does."""
    if not await windows_open_for(ticket.service_point_id, category):
        return False
    hours, now = await hall_day(ticket.service_point, ticket.day), clock.now()
    return not any(closed.starts_at <= now < closed.ends_at for closed in hours.closed_for(category))


async def hang(actor: Actor, ticket_id: UUID) -> Ticket:
    """Put the visit at one's window aside; the window is free. Raises `NotAllowed`, `NotFound` or `IllegalMove`."""
    async with db.transaction():
        ticket = await own_ticket(actor, ticket_id)
        ticket.state = LIFE.next_state(ticket.state, "hang")
        ticket.hung_at = clock.now()
        await ticket.save(update_fields=["state", "hung_at"])
        await audit.record(actor, "queue.hung", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket


async def resume(actor: Actor, ticket_id: UUID) -> Ticket:
    """Go on with a visit that was put aside, here or at another window of the hall that takes its business.

    Raises `NoWindowOpen`, `NotAllowed`, `NotFound`, `IllegalMove`, or `WindowBusy` while somebody else is here.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        window = await locked_window_of(actor)
        ticket = await locked_ticket(ticket_id, window.service_point_id)
        state = LIFE.next_state(ticket.state, "resume")
        if ticket.category not in businesses_of(window.categories, window.skills):
            raise NotAllowed
        await check_free(window)
        ticket.state, ticket.window_id, ticket.hung_at = state, window.id, None
        await ticket.save(update_fields=["state", "window_id", "hung_at"])
        await audit.record(actor, "queue.resumed", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket
