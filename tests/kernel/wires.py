"""A wire to PostgreSQL that breaks in the middle of a word."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET

from tests.ports import HOST, free_port


@dataclass
class Wire:
    """Carries everything until a message with one of `breaks_at` is on its way to the server; `mute` carries nothing.

    `reset` breaks with a reset instead of a proper end.
    """

    server_port: int
    port: int = 0
    breaks_at: tuple[bytes, ...] = ()
    mute: bool = False
    reset: bool = False
    garbage: bytes = b""
    carrying: set[asyncio.Task[None]] = field(default_factory=set)

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.mute:
                await asyncio.sleep(60)
            elif self.garbage:
                writer.write(self.garbage)
                await writer.drain()
            else:
                await self._speak(reader, writer)
        finally:
            if self.reset:
                writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            await _hang_up(writer)

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(HOST, self.server_port)
        back = asyncio.create_task(self._carry(from_server, writer))
        try:
            while heard := await reader.read(65_536):
                if any(word in heard for word in self.breaks_at):
                    break
                to_server.write(heard)
                await to_server.drain()
        finally:
            back.cancel()
            await asyncio.wait([back])
            await _hang_up(to_server)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while heard := await reader.read(65_536):
            writer.write(heard)
            await writer.drain()
        writer.close()


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def wire_to(server_port: int) -> AsyncIterator[Wire]:
    wire = Wire(server_port, free_port())

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        wire.carrying.add(task)
        await wire.connect(reader, writer)

    server = await asyncio.start_server(carry, HOST, wire.port)
    try:
        yield wire
    finally:
        server.close()
        for task in wire.carrying:
            task.cancel()
        await asyncio.gather(*wire.carrying, return_exceptions=True)
        await server.wait_closed()
