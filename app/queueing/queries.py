"""Without this module neither the waiting resident nor the clerk could see the queue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from app.kernel import db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.queueing.errors import NoWindowOpen
from app.queueing.models import Ticket, Window
from app.queueing.rules import AT_WINDOW, TicketState

_AHEAD = """
    SELECT t.id, count(a.id) AS ahead
    FROM ticket t LEFT JOIN ticket a
      ON a.service_point_id = t.service_point_id AND a.day = t.day AND a.category = t.category
      AND a.state = 'WAITING' AND (a.slot_starts_at, a.taken_at, a.id) < (t.slot_starts_at, t.taken_at, t.id)
    WHERE t.id = ANY($1::uuid[]) AND t.state = 'WAITING' GROUP BY t.id
"""


async def window_of(actor: Actor) -> Window:
    """The window a member of staff sits at, unless they no longer work in that part of the city.

    Raises `NoWindowOpen`.
    """
    division = actor.scope.division
    window = await Window.get_or_none(staff_id=actor.staff_id(), service_point__division_code__startswith=division)
    if window is None:
        raise NoWindowOpen
    return window


async def locked_window_of(actor: Actor) -> Window:
    """The same, locked for this transaction."""
    seen = await window_of(actor)
    window = await Window.filter(id=seen.id, staff_id=actor.id).select_for_update().first()
    if window is None:
        raise NoWindowOpen
    return window


async def ticket_at(window_id: UUID) -> Ticket | None:
    """Who is being called or served at a window."""
    return await Ticket.get_or_none(window_id=window_id, state__in=AT_WINDOW)


async def ticket_of_booking(booking_id: UUID) -> Ticket | None:
    return await Ticket.get_or_none(booking_id=booking_id)


async def tickets_of_bookings(booking_ids: Sequence[UUID]) -> list[Ticket | None]:
    """In key order."""
    found = {ticket.booking_id: ticket for ticket in await Ticket.filter(booking_id__in=list(booking_ids))}
    return [found.get(key) for key in booking_ids]


async def locked_ticket(ticket_id: UUID, service_point: str | None = None) -> Ticket:
    """The row, locked for this transaction. Raises `NotFound`, also for one of another service point than named."""
    ticket = await Ticket.filter(id=ticket_id).select_for_update().first()
    if ticket is None or service_point not in {None, ticket.service_point_id}:
        raise NotFound(what_zh="这个号", what_en="ticket")
    return ticket


async def people_ahead(ticket_ids: Sequence[UUID]) -> list[int]:
    """For each ticket how many wait before it in the same business, in key order; 0 once called."""
    found = {row["id"]: int(row["ahead"]) for row in await db.rows(_AHEAD, list(ticket_ids))}
    return [found.get(key, 0) for key in ticket_ids]


async def tickets_left_over(day: date, limit: int) -> list[UUID]:
    """Tickets of days before `day` that nobody finished."""
    open_states = (TicketState.WAITING, *AT_WINDOW)
    return [ticket.id for ticket in await Ticket.filter(day__lt=day, state__in=open_states).order_by("id").limit(limit)]


async def windows_by_id(ids: Sequence[UUID]) -> list[Window | None]:
    """In key order."""
    found = await Window.in_bulk(ids, "id")
    return [found.get(key) for key in ids]
