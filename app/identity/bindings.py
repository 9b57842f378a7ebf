"""Without this module a resident could never take an app's key to their account away again."""

from __future__ import annotations

from uuid import UUID

from app.identity import assurance
from app.identity.errors import LastBinding
from app.identity.events import ChannelUnbound
from app.identity.models import ChannelBinding, Session
from app.identity.queries import locked_resident, recent_sessions
from app.identity.rules import Level
from app.identity.sessions import end_with_the_act
from app.kernel import audit, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.facts.publishing import publish

UNBOUND = "CHANNEL_UNBOUND"


async def bindings_of(actor: Actor) -> list[ChannelBinding]:
    """The host apps that open the resident's account, the first one first."""
    return await ChannelBinding.filter(resident_id=actor.own_id()).order_by("bound_at", "id")


async def unbind(actor: Actor, binding_id: UUID) -> list[ChannelBinding]:
    """Take an app's key away; sessions begun from it end. Gives the bindings that are left.

    Whoever opens the app afterwards gets a fresh account, which a face check joins again. Raises `StepUpNeeded`,
    `NotFound` or `LastBinding`.
    """
    await assurance.require_step_up(actor, Level.L3)
    async with db.transaction():
        await locked_resident(actor.own_id())
        held = await bindings_of(actor)
        binding = next((row for row in held if row.id == binding_id), None)
        if binding is None:
            raise NotFound(what_zh="这个绑定", what_en="binding")
        if len(held) == 1:
            raise LastBinding
        ended = await end_with_the_act(Session.filter(binding_id=binding_id), UNBOUND)
        await binding.delete()
        detail = {"channel": binding.channel, "sessions": len(ended)}
        await audit.record(actor, "identity.channel_unbound", f"resident:{actor.id}", detail=detail)
        await publish(ChannelUnbound(actor.own_id(), binding.channel))
    for session_id in ended:
        recent_sessions.forget(session_id)
    return [row for row in held if row.id != binding_id]
