"""Without this module who was passed while they looked for their papers would have to begin again."""

from __future__ import annotations

from uuid import UUID

from app.booking.policies import policy_of
from app.booking.queries import locked_booking
from app.booking.rules import BookingState
from app.catalogue.queries import service_point_for
from app.identity.models import DeviceKind
from app.identity.queries import locked_resident
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.ratelimit import check_rate
from app.queueing.errors import AlreadyInQueue, CardNeeded, TicketOfAnotherDay, VisitOver
from app.queueing.models import Ticket
from app.queueing.queries import (
    called_today,
    check_whose,
    locked_ticket,
    open_number,
    ticket_of_code,
)
from app.queueing.rules import LIFE, check_may_rejoin
from app.queueing.walk_ins import Person, holder_of_card
from app.representation.queries import locked_subject

_CODES_A_MINUTE = "10/minute"


async def rejoin(actor: Actor, ticket_id: UUID) -> Ticket:
    """Queue again with one's own passed number, some calls behind (`rejoin_behind`).

    Raises `NotFound`, also for somebody else's, `IllegalMove`, `TicketOfAnotherDay`, `VisitOver` or `RejoinsSpent`
    when a new number is to be taken, or `AlreadyInQueue`.
    """
    async with db.transaction():
        subject = await locked_subject(actor)
        ticket = await locked_ticket(ticket_id)
        await check_whose(actor, ticket, subject.id)
        return await _rejoin(actor, ticket)


async def rejoin_at_kiosk(actor: Actor, code: str, person: Person) -> Ticket:
    """The same at the hall's machine, with a passed number of today.

    Codes hang on every screen, and a number comes back only so often: one of an account needs its holder's card, so
    that nobody else uses that up. One without an account is whoever's who holds it. Raises like `rejoin`,
    `TooManyRequests` or `CardNeeded`, also for another's card.
    """
    machine = actor.device(DeviceKind.KIOSK)
    await check_rate(_CODES_A_MINUTE, "rejoins", str(machine.id))
    seen = await ticket_of_code(machine.place, clock.today(), code)
    if seen.resident_id is not None and await holder_of_card(person) != seen.resident_id:
        raise CardNeeded(ticket=seen.code, field="code")
    return await _rejoin_by_code(actor, machine.place, code)


async def rejoin_at_desk(actor: Actor, service_point: str, code: str) -> Ticket:
    """The same at the desk. Raises like `rejoin`, or `NotAllowed`."""
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    return await _rejoin_by_code(actor, (await service_point_for(actor, service_point)).key, code)


async def _rejoin_by_code(actor: Actor, service_point: str, code: str) -> Ticket:
    seen = await ticket_of_code(service_point, clock.today(), code)
    async with db.transaction():
        if seen.resident_id is not None:
            await locked_resident(seen.resident_id)
        return await _rejoin(actor, await locked_ticket(seen.id))


async def _rejoin(actor: Actor, ticket: Ticket) -> Ticket:
    state = LIFE.next_state(ticket.state, "rejoin")
    if ticket.day != clock.today():
        raise TicketOfAnotherDay(ticket=ticket.code)
    if ticket.booking_id is not None and (await locked_booking(ticket.booking_id)).state is not BookingState.CHECKED_IN:
        raise VisitOver(ticket=ticket.code)
    policy = await policy_of(ticket.service_point_id, ticket.category)
    check_may_rejoin(ticket.code, ticket.rejoins, policy)
    if ticket.resident_id is not None:
        held = await open_number(ticket.resident_id, ticket.service_point_id, ticket.category)
        if held is not None:
            raise AlreadyInQueue(ticket=held.code)
    called = await called_today(ticket.service_point_id, ticket.category)
    ticket.state, ticket.behind_call, ticket.rejoins = state, called + policy.rejoin_behind, ticket.rejoins + 1
    ticket.window_id = ticket.finished_at = None
    ticket.calls = 0
    await ticket.save(update_fields=["state", "behind_call", "rejoins", "window_id", "finished_at", "calls"])
    await audit.record(actor, "queue.rejoined", f"ticket:{ticket.id}", person=ticket.resident_id)
    return ticket
