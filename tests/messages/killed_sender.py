"""A sender that dies between what the platform took and what we write down; run as a program."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from uuid import UUID

from app import wiring
from app.kernel import ports
from app.messages.ports import Address, FieldStyle, Letter, MessageChannel, Outcome
from app.messages.sending import send


class Deadly:
    """The channel, with the end of the process behind it."""

    name_zh = name_en = "deadly"
    address, style, asks_consent = Address.USER, FieldStyle.TYPED, True

    def __init__(self, channel: MessageChannel) -> None:
        self._channel = channel

    async def send(self, letter: Letter) -> Outcome:
        await self._channel.send(letter)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")


async def main(message_id: str) -> None:
    async with wiring.connected():
        ports.register(MessageChannel, "wechat", Deadly(ports.get(MessageChannel, "wechat")))
        await send(UUID(message_id))


asyncio.run(main(sys.argv[1]))
