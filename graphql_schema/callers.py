"""Without this module a request and a socket could take the same token for different people."""

from __future__ import annotations

from app.identity.errors import SessionEnded
from app.identity.queries import actor_in, actor_of
from app.kernel.actor import Actor
from app.representation.queries import acting_for


async def caller(token: str, principal: str) -> Actor:
    """Who speaks with an access token, and for whom when `principal` is not empty.

    Raises `SessionEnded`, `MandateEnded` or `SwitchedOff`.
    """
    actor = await actor_of(token)
    return await acting_for(actor, principal) if principal else actor


async def still(actor: Actor) -> Actor:
    """The same caller at a later moment: the session is looked at again, and the mandate. Raises as `caller` does."""
    if actor.session_id is None:
        raise SessionEnded
    again = await actor_in(actor.session_id)
    return await acting_for(again, str(actor.principal.id)) if actor.principal else again
