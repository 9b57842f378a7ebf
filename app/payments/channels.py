"""Without this module a phone would offer ways to pay that its host app cannot carry out."""

from __future__ import annotations

from collections.abc import Mapping

from app.identity.queries import device_of
from app.kernel import ports
from app.kernel.actor import Actor, ActorKind
from app.payments.ports import PaymentChannel


async def channels_for(actor: Actor, host_app: str | None) -> Mapping[str, PaymentChannel]:
    """The live channels by code that can be paid with inside a host app: the one named, or the one the resident's
    session came from. All host apps' when neither is known; a window's never.
    """
    app = host_app or await _host_app(actor)
    return {
        code: channel
        for code, channel in ports.every(PaymentChannel).items()
        if not channel.at_window and app in {None, channel.sign_in_channel}
    }


async def _host_app(actor: Actor) -> str | None:
    binding = await device_of(actor) if actor.kind is ActorKind.RESIDENT else None
    return binding.channel if binding else None
