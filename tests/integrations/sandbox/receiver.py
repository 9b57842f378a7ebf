"""Without this module callbacks would have nowhere to arrive: a small HTTP server that remembers what it got."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Got:
    """One request; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers with the next of `statuses`, then with 200; `body` is what it always says."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    body: bytes = b'{"result":true,"returnCode":"200","message":"\xe6\x88\x90\xe5\x8a\x9f"}'
    got: list[Got] = field(default_factory=list)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait_for(self, count: int, timeout: float = 30.0) -> list[Got]:  # noqa: ASYNC109
        async with self._arrived, asyncio.timeout(timeout):
            await self._arrived.wait_for(lambda: len(self.got) >= count)
        return self.got[:count]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            async with self._arrived:
                self.got.append(Got(first.split(" ")[1], headers, body))
                self._arrived.notify_all()
            status = self.statuses.pop(0) if self.statuses else 200
            answer = f"HTTP/1.1 {status} X\r\ncontent-length: {len(self.body)}\r\nconnection: close\r\n\r\n"
            writer.write(answer.encode() + self.body)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver._serve, "127.0.0.1", port)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.close()
        await server.wait_closed()
