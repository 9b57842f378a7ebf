"""Without this module who waits in the hall would have to watch the screen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from app.kernel import clock
from app.links.things import LinkKind, Thing
from app.messages.telling.told import Told, alike, place_words
from app.queueing.events import TicketCalled, TicketNear, TicketPassed
from app.queueing.models import Ticket
from app.queueing.rules import TicketState

_CALLED_FOR, _NEAR_FOR, _PASSED_FOR = timedelta(minutes=5), timedelta(minutes=20), timedelta(minutes=30)


async def near(fact: TicketNear) -> list[Told]:
    ticket = await _ticket(fact.ticket_id)
    if ticket is None or ticket.state is not TicketState.WAITING:
        return []
    return [await _told(ticket, f"{ticket.id}/{ticket.rejoins}", _NEAR_FOR)]


async def called(fact: TicketCalled) -> list[Told]:
    """Each call once; when it is told late, the window is the one that called last."""
    ticket = await _ticket(fact.ticket_id)
    if ticket is None or ticket.window is None:
        return []
    told = await _told(ticket, f"{ticket.id}/{ticket.calls}", _CALLED_FOR)
    return [replace(told, values={**told.values, "window": alike(str(ticket.window.number))})]


async def passed(fact: TicketPassed) -> list[Told]:
    ticket = await _ticket(fact.ticket_id)
    return [await _told(ticket, f"{ticket.id}/{ticket.rejoins}", _PASSED_FOR)] if ticket else []


async def _ticket(ticket_id: UUID) -> Ticket | None:
    """None for who came without an account: the screen is all they have."""
    ticket = await Ticket.get_or_none(id=ticket_id).prefetch_related("window")
    return ticket if ticket is not None and ticket.resident_id is not None else None


async def _told(ticket: Ticket, once: str, worth: timedelta) -> Told:
    assert ticket.resident_id is not None
    values = {"code": alike(ticket.code), "place": await place_words(ticket.service_point_id)}
    until = clock.now() + worth
    return Told(ticket.resident_id, Thing(LinkKind.TICKET, ticket.id), once, values, until)
