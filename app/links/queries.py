"""Without this module who opens a link would see what is somebody else's, or not find their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from app.booking.queries import booking_of
from app.cases.queries import case_of
from app.delivery.queries import parcel_for
from app.kernel.actor import Actor
from app.links.things import LinkKind, Thing
from app.links.tickets import read_ticket
from app.payments.queries import bill_shown
from app.queueing.queries import ticket_of

_LOOKS: Mapping[LinkKind, Callable[[Actor, UUID], Awaitable[object]]] = {
    LinkKind.CASE: lambda actor, thing_id: case_of(thing_id, actor),
    LinkKind.BOOKING: lambda actor, thing_id: booking_of(thing_id, actor),
    LinkKind.TICKET: lambda actor, thing_id: ticket_of(thing_id, actor),
    LinkKind.BILL: lambda actor, thing_id: bill_shown(thing_id, actor),
    LinkKind.PARCEL: parcel_for,
}


async def target_of(actor: Actor, ticket: str) -> Thing:
    """What a ticket names, when the actor may see it by their own right.

    Raises `LinkInvalid`, or `NotFound` alike for what is gone and for what is somebody else's.
    """
    thing = read_ticket(ticket)
    await _LOOKS[thing.kind](actor, thing.id)
    return thing
