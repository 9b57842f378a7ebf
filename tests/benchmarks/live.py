"""Ten thousand idle sockets on one web process: what each weighs, and how fast it tells all of them something.

The web process is `portal serve` as it runs in a city; the phones are bare connections, or they would weigh more than
what is measured.
"""

from __future__ import annotations

import asyncio
import base64
import os
import resource
import struct
import sys
import tempfile
import time
from asyncio.subprocess import Process, create_subprocess_exec
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import click
import httpx
import orjson
import psutil  # type: ignore[import-untyped]

from app.cases.models import Case
from app.cases.rules import CaseState, DeliveryMethod
from app.catalogue.models import ServiceItem
from app.embedded import start_postgres, start_redis
from app.identity.models import Resident, Session
from app.identity.tokens import make_access_token
from app.kernel import clock, db, redis
from app.kernel.live import live
from app.migrating import migrate
from app.seeding import seed_connected
from tests.portal import environment
from tests.ports import free_port

SOCKETS = 10_000
OF_AN_ACCOUNT = 5
_OPENED_AT_ONCE = 40
_PORTS_OF_AN_ADDRESS = 20_000
_DOCUMENT = "subscription { changes { eventId kind case { id state } } }"


@dataclass
class Account:
    id: UUID
    token: str
    case_id: UUID


@dataclass(eq=False)
class Line(asyncio.Protocol):
    """One phone that has subscribed and counts what it is told."""

    token: str
    transport: asyncio.Transport | None = None
    told: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    rest: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            "GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.rest += data
        if self.rest.startswith(b"HTTP"):
            head, complete, rest = self.rest.partition(b"\r\n\r\n")
            if not complete:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.rest = rest
            self._say({"type": "connection_init", "payload": {"accessToken": self.token}})
        while (frame := self._frame()) is not None:
            self._hear(*frame)

    def _frame(self) -> tuple[int, bytes] | None:
        """The next whole frame, its opcode and what it carries; the server masks nothing."""
        if len(self.rest) < 2:
            return None
        size, begins = self.rest[1], 2
        if size == 126:
            if len(self.rest) < 4:
                return None
            [size], begins = struct.unpack("!H", self.rest[2:4]), 4
        if len(self.rest) < begins + size:
            return None
        opcode, content = self.rest[0] & 15, self.rest[begins : begins + size]
        self.rest = self.rest[begins + size :]
        return opcode, content

    def _hear(self, opcode: int, content: bytes) -> None:
        if opcode == 9:  # a ping of the keepalive
            self._write(10, content)
        elif b'"connection_ack"' in content:
            self._say({"id": "1", "type": "subscribe", "payload": {"query": _DOCUMENT}})
        elif b'"next"' in content:
            assert b"errors" not in content, content
            self.told += 1
            self.ready.set()

    def _say(self, message: object) -> None:
        self._write(1, orjson.dumps(message))

    def _write(self, opcode: int, content: bytes) -> None:
        assert self.transport is not None
        size = bytes([128 | len(content)]) if len(content) < 126 else b"\xfe" + struct.pack("!H", len(content))
        self.transport.write(bytes([128 | opcode]) + size + bytes(4) + content)  # masked with nothing


async def make_accounts(count: int) -> list[Account]:
    item = await ServiceItem.filter(state="IN_FORCE").first()
    assert item is not None
    now = clock.now()
    residents = [Resident(level=4, created_at=now) for _ in range(count)]
    await Resident.bulk_create(residents)
    sessions = [
        Session(
            id=db.new_id(), resident_id=each.id, channel="wechat", device="测试手机", refresh_hash=each.id.hex,
            created_at=now, refreshed_at=now, expires_at=now + timedelta(days=1),
        )
        for each in residents
    ]  # fmt: skip
    await Session.bulk_create(sessions)
    cases = [
        Case(
            number=f"L{each.id.hex}", resident_id=each.id, item_id=item.id, item_key=item.key, fees=[],
            state=CaseState.CLOSED, delivery_method=DeliveryMethod.COLLECT, submitted_at=now,
        )
        for each in residents
    ]  # fmt: skip
    await Case.bulk_create(cases)
    return [
        Account(resident.id, make_access_token(session.id)[0], case.id)
        for resident, session, case in zip(residents, sessions, cases, strict=True)
    ]


@asynccontextmanager
async def serving(log: Path) -> AsyncIterator[tuple[int, Process]]:
    port = free_port()
    with log.open("wb") as sink:
        process = await create_subprocess_exec(
            sys.executable, "-m", "app.cli", "serve",
            env=os.environ | {"PORTAL_PORT": str(port), "PORTAL_LOG_FORMAT": "json"}, stderr=sink,
        )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            give_up = time.monotonic() + 180
            while True:
                try:
                    # A request of each kind first: what is loaded once is no weight of a socket.
                    assert (await client.post("/graphql", json={"query": "{ __typename }"})).status_code == 200
                    break
                except httpx.TransportError:
                    assert time.monotonic() < give_up, f"not serving: {log}"
                    await asyncio.sleep(0.1)
        yield port, process
    finally:
        process.kill()
        await process.wait()


async def open_all(port: int, tokens: Sequence[str]) -> list[Line]:
    """Each by its own address where one address has too few ports."""
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(_OPENED_AT_ONCE)

    async def open_one(place: int, token: str) -> Line:
        address = f"127.0.0.{2 + place // _PORTS_OF_AN_ADDRESS}"
        async with gate:
            _, line = await loop.create_connection(lambda: Line(token), "127.0.0.1", port, local_addr=(address, 0))
            await asyncio.wait_for(line.ready.wait(), 120)
            return line

    return list(await asyncio.gather(*(open_one(place, token) for place, token in enumerate(tokens))))


async def _measure(log: Path, count: int) -> None:
    accounts = await make_accounts(count // OF_AN_ACCOUNT)
    async with serving(log) as (port, process):
        web = psutil.Process(process.pid)
        tokens = [account.token for account in accounts for _ in range(OF_AN_ACCOUNT)]
        warm = await open_all(port, tokens[:OF_AN_ACCOUNT])
        before, cpu = web.memory_info().rss, _cpu(web)
        lines = [*warm, *await open_all(port, tokens[OF_AN_ACCOUNT:])]
        opening, weight = _cpu(web) - cpu, web.memory_info().rss - before
        cpu, begun = _cpu(web), time.monotonic()
        await asyncio.sleep(20)
        idle = (_cpu(web) - cpu) / (time.monotonic() - begun)
        cpu, begun = _cpu(web), time.monotonic()
        for account in accounts:
            await live.tell(account.id, "CASE", account.case_id)
        while any(line.told < 2 for line in lines):
            assert time.monotonic() - begun < 600, "not everybody was told"
            await asyncio.sleep(0.05)
        spent, seconds = _cpu(web) - cpu, time.monotonic() - begun
        assert [line.told for line in lines] == [2] * len(lines)
        for line in lines:
            assert line.transport is not None
            line.transport.abort()
    click.echo(f"\n{len(lines)} idle sockets on one process: {weight / len(lines) / 1024:.1f} KiB each")
    click.echo(f"opening one: {opening / len(lines) * 1e3:.2f} ms of CPU; all of them idle: {idle:.1%} of a core")
    click.echo(
        f"{len(lines)} told of a change: {len(lines) / spent:.0f} for each second of CPU, "
        f"{len(lines) / seconds:.0f} a second here and now"
    )


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def sockets(count: int = SOCKETS) -> None:
    """Servers of its own: the web process needs all it would have in a city."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most != resource.RLIM_INFINITY and most < count + 500:
        click.echo(f"{most} open files are allowed here: {count} sockets are not measured")
        return
    with tempfile.TemporaryDirectory(prefix="zhangting-bench-") as folder:
        postgres = start_postgres(Path(folder) / "postgres", durable=False)
        own_redis = start_redis(Path(folder) / "redis")
        try:
            with environment(
                {"PORTAL_ENV": "test", "PORTAL_DATABASE_URL": postgres.url, "PORTAL_REDIS_URL": own_redis.url}
            ):
                await migrate(postgres.url)
                await db.connect()
                try:
                    await seed_connected()
                    await _measure(Path(folder) / "web.log", count)
                finally:
                    await redis.disconnect()
                    await db.disconnect()
        finally:
            own_redis.stop()
            postgres.stop()
