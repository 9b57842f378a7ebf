"""Without this module each payment platform would tell a merchant at request in its own loop."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field

from integrations.sandbox.desk import Form, Unacceptable
from integrations.sandbox.messenger import Callback, Reply, describe
from integrations.sandbox.world import World


class Delivery(Form):
    """How a notification is told: in which mode, how often, one after another or all at once."""

    mode: str = "normal"
    times: Annotated[int, Field(ge=1, le=200)] = 1
    parallel: bool = False


async def deliver(world: World, channel: str, callback: Callback, wanted: Delivery, subject: str) -> object:
    """Send a callback as often as wanted, or once more what was delivered; gives what the merchant answered."""

    async def send() -> Reply:
        if wanted.mode != "replay":
            return await world.messenger.send_now(callback)
        reply = await world.messenger.replay(channel, callback.subject, callback.url)
        if reply is None:
            raise Unacceptable(f"Nothing was delivered for this {subject} yet.", 409)
        return reply

    if wanted.parallel:
        replies = await asyncio.gather(*(send() for _ in range(wanted.times)))
    else:
        replies = [await send() for _ in range(wanted.times)]
    return [describe(reply) for reply in replies]
