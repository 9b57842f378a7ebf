"""Without this module no number would be called.

Calling is exclusive: a window takes its next ticket with SKIP LOCKED, and the database allows one ticket at
a window. A window is locked before a ticket, a ticket before its booking.
"""

from __future__ import annotations

from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q

from app.booking.outcomes import record_hall_cancelled, record_missed, record_served
from app.booking.queries import locked_booking
from app.catalogue.models import ServicePoint
from app.catalogue.queries import service_point_for
from app.identity.models import Staff
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM, Actor
from app.kernel.errors import NotAllowed
from app.kernel.facts.publishing import publish
from app.queueing.errors import CategoryNotServed, NobodyWaiting, NoSuchWindow, WindowBusy, WindowTaken
from app.queueing.events import TicketCalled
from app.queueing.models import Ticket, Window
from app.queueing.queries import locked_ticket, locked_window_of, ticket_at
from app.queueing.rules import LIFE, TicketState

_CALL_NEXT = """
    UPDATE ticket SET state = 'CALLED', window_id = $1, called_at = $2, calls = 1
    WHERE id = (
        SELECT id FROM ticket
        WHERE service_point_id = $3 AND day = $4 AND state = 'WAITING' AND category = ANY($5::text[])
        ORDER BY slot_starts_at, taken_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id
"""


async def open_window(actor: Actor, service_point: str, number: int, categories: tuple[str, ...]) -> Window:
    """Sit down at a window for some businesses (all of the service point's when none is named).

    Again, also with other businesses, is harmless; the window one sat at before is left. Raises `NotAllowed`,
    `NotFound`, `NoSuchWindow`, `WindowTaken`, `WindowBusy` or `CategoryNotServed`.
    """
    staff_id = actor.staff_id(Role.WINDOW_ACCEPTOR)
    point = await service_point_for(actor, service_point)
    if not 1 <= number <= point.windows:
        raise NoSuchWindow(number=number, windows=point.windows, field="number")
    for category in categories:
        if category not in point.queue_categories:
            raise CategoryNotServed(category=category, field="categories")
    try:
        return await _sit_down(staff_id, point, number, categories or tuple(point.queue_categories))
    except IntegrityError:
        raise WindowTaken(number=number, title="同事", field="number") from None


async def _sit_down(staff_id: UUID, point: ServicePoint, number: int, categories: tuple[str, ...]) -> Window:
    service_point = point.key
    async with db.transaction():
        window = Window(service_point_id=service_point, number=number)
        mine_or_wanted = Q(staff_id=staff_id) | Q(service_point_id=service_point, number=number)
        for row in await Window.filter(mine_or_wanted).order_by("id").select_for_update():
            if (row.service_point_id, row.number) == (service_point, number):
                window = row
            else:
                await _stand_up(row)
        if window.staff_id not in {None, staff_id}:
            await window.fetch_related("staff")
            if window.staff is not None and _may_keep(window.staff, point):
                raise WindowTaken(number=number, title=window.staff.title, field="number")
        window.staff_id = staff_id
        window.categories = list(categories)
        window.opened_at = clock.now()
        await window.save()
    return window


def _may_keep(sitting: Staff, point: ServicePoint) -> bool:
    """Whoever was shown the door, or moved to other work or another part of the city, does not keep a window."""
    works_here = point.division_code.startswith(sitting.division_code)
    return sitting.active and Role.WINDOW_ACCEPTOR in sitting.roles and works_here


async def close_window(actor: Actor) -> Window:
    """Leave the window one sits at. Raises `NoWindowOpen` or `WindowBusy`."""
    async with db.transaction():
        actor.staff_id(Role.WINDOW_ACCEPTOR)
        window = await locked_window_of(actor)
        await _stand_up(window)
    return window


async def _stand_up(window: Window) -> None:
    busy = await ticket_at(window.id)
    if busy is not None:
        raise WindowBusy(ticket=busy.code)
    window.staff_id = None
    window.opened_at = None
    await window.save(update_fields=["staff_id", "opened_at"])


async def call_next(actor: Actor) -> Ticket:
    """Call the next number to one's window. Raises `NoWindowOpen`, `WindowBusy` or `NobodyWaiting`."""
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        window = await locked_window_of(actor)
        busy = await ticket_at(window.id)
        if busy is not None:
            raise WindowBusy(ticket=busy.code)
        called = await db.row(
            _CALL_NEXT, window.id, clock.now(), window.service_point_id, clock.today(), list(window.categories)
        )
        if called is None:
            raise NobodyWaiting
        ticket = await Ticket.get(id=called["id"])
        await publish(TicketCalled(ticket.id))
        await audit.record(actor, "queue.called", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket


async def start_serving(actor: Actor, ticket_id: UUID) -> Ticket:
    """The called person is at the window. Raises `NotAllowed` at another window, `NotFound` or `IllegalMove`."""
    async with db.transaction():
        ticket = await _own_ticket(actor, ticket_id)
        ticket.state = LIFE.next_state(ticket.state, "start")
        ticket.started_at = clock.now()
        await ticket.save(update_fields=["state", "started_at"])
        await audit.record(actor, "queue.started", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket


async def finish_serving(actor: Actor, ticket_id: UUID) -> Ticket:
    """The visit is over; its booking is kept. Raises `NotAllowed`, `NotFound` or `IllegalMove`."""
    async with db.transaction():
        ticket = await _own_ticket(actor, ticket_id)
        ticket.state = LIFE.next_state(ticket.state, "finish")
        ticket.finished_at = clock.now()
        await ticket.save(update_fields=["state", "finished_at"])
        if ticket.booking_id is not None:
            await record_served(await locked_booking(ticket.booking_id))
        await audit.record(actor, "queue.finished", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket


async def pass_ticket(actor: Actor, ticket_id: UUID) -> Ticket:
    """Nobody came to the window: the number is passed (过号) and the booking counts as missed.

    Raises `NotAllowed`, `NotFound` or `IllegalMove`.
    """
    async with db.transaction():
        ticket = await _own_ticket(actor, ticket_id)
        ticket.state = LIFE.next_state(ticket.state, "pass")
        ticket.finished_at = clock.now()
        await ticket.save(update_fields=["state", "finished_at"])
        if ticket.booking_id is not None:
            await record_missed(actor, await locked_booking(ticket.booking_id))
        await audit.record(actor, "queue.passed", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket


async def end_ticket(ticket_id: UUID) -> None:
    """End a number that a day left over: who was at a window was served, who waited is not blamed."""
    async with db.transaction():
        ticket = await locked_ticket(ticket_id)
        booking = await locked_booking(ticket.booking_id) if ticket.booking_id else None
        if ticket.state is TicketState.SERVING:
            ticket.state = LIFE.next_state(ticket.state, "finish")
            if booking is not None:
                await record_served(booking)
        elif LIFE.may(ticket.state, "abandon"):
            ticket.state = LIFE.next_state(ticket.state, "abandon")
            if booking is not None:
                await record_hall_cancelled(booking)
        else:
            return
        ticket.finished_at = clock.now()
        await ticket.save(update_fields=["state", "finished_at"])
        await audit.record(
            SYSTEM, "queue.ended", f"ticket:{ticket.id}", result=ticket.state.value, person=ticket.resident_id
        )


async def _own_ticket(actor: Actor, ticket_id: UUID) -> Ticket:
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    window = await locked_window_of(actor)
    ticket = await locked_ticket(ticket_id, window.service_point_id)
    if ticket.window_id != window.id:
        raise NotAllowed
    return ticket
