"""Without this module a number could be guessed from ever new accounts on one phone, or by one account on many."""

from __future__ import annotations

from app.identity.queries import device_of
from app.kernel.actor import Actor
from app.kernel.ratelimit import check_rate


async def check_attempt(actor: Actor, act: str, allowance: str) -> None:
    """Count an attempt of the person and of the device they hold, before anything else is looked at.

    A device is a user of a host app: that name stays when the account behind it is unbound and opened anew.
    Raises `TooManyRequests` when either has used up the allowance, such as `"20/hour"`.
    """
    await check_rate(allowance, act, "person", str(actor.own_id()))
    device = await device_of(actor)
    if device is not None:
        await check_rate(allowance, act, "device", device.channel, device.app_id, device.open_id)
