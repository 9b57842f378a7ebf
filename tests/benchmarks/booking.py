"""Booking beside other ways to do it: one hot slot and two hundred, one web process and two, in one run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import click
import orjson

from app.booking.rules import Layer
from app.kernel import clock, db
from app.seeding import seed_connected
from tests.benchmarks.attempts import Came

CLIENTS = 256
SECONDS = 3.0
REFUSED_GOAL = 20
ACCEPTED_GOAL = 5
_PEOPLE = 60_000
_NAMES = {
    "ours": "ours: complete command, group commit, sold-out memory",
    "plain": "ours without them, one transaction each",
    "with_lock": "(a) SELECT ... FOR UPDATE, the same complete work",
    "bare_statement": "(b) conditional statement and row, nothing else",
    "bare_lock": "(c) FOR UPDATE and row, nothing else",
}
_RESIDENTS = """
    INSERT INTO resident (id, level, created_at) SELECT gen_random_uuid(), 4, now() FROM generate_series(1, $1)
    RETURNING id
"""
_SLOTS = """
    INSERT INTO slot (id, service_point_id, category, layer, day, starts_at, ends_at, capacity, taken, phone_taken)
    SELECT gen_random_uuid(), 'city-hall', 'D', $1, $2::timestamptz::date, $2 + make_interval(secs => n),
        $2 + make_interval(secs => n + 1800), $3, $4, $4
    FROM generate_series(1, $5) n RETURNING id
"""


@dataclass(frozen=True)
class Figures:
    accepted: float
    refused: float
    p99: float
    cpu_microseconds: float


class Web:
    """Web processes that book when they are told to."""

    def __init__(self, processes: Sequence[asyncio.subprocess.Process]) -> None:
        self.processes = processes

    async def book(self, way: str, slots: list[str], residents: list[str]) -> Figures:
        count = len(self.processes)
        for place, process in enumerate(self.processes):
            task = {"way": way, "slots": slots, "residents": residents[place::count]}
            sent = {**task, "clients": CLIENTS // count, "seconds": SECONDS}
            assert process.stdin is not None
            process.stdin.write(orjson.dumps(sent) + b"\n")
            await process.stdin.drain()
        return _figures([Came(**orjson.loads(await _line(process))) for process in self.processes])


def _figures(came: Sequence[Came]) -> Figures:
    seconds = max(each.ended for each in came) - min(each.begun for each in came)
    accepted, refused = sum(each.accepted for each in came), sum(each.refused for each in came)
    waits = sorted(wait for each in came for wait in each.waits)
    cpu = sum(each.cpu_seconds for each in came) / (accepted + refused) * 1e6
    return Figures(accepted / seconds, refused / seconds, waits[len(waits) * 99 // 100], cpu)


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line, "a web process of the benchmark died"
    return line


@asynccontextmanager
async def web(count: int) -> AsyncIterator[Web]:
    command = [sys.executable, "-m", "tests.benchmarks.attempts"]
    processes = [
        await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**24)
        for _ in range(count)
    ]
    try:
        for process in processes:
            assert await _line(process) == b"ready\n"
        yield Web(processes)
    finally:
        for process in processes:
            if process.returncode is None:
                process.terminate()
                await process.wait()


async def _slots(count: int, capacity: int, taken: int) -> list[str]:
    """Fresh ones; `EXTRA`, and far from each other's times, so that every table of slots keeps its rules."""
    begins = clock.now() + timedelta(days=2, microseconds=db.new_id().int % 10**6)
    rows = await db.rows(_SLOTS, Layer.EXTRA, begins, capacity, taken, count)
    return [str(row["id"]) for row in rows]


async def _forget_bookings() -> None:
    await db.rows("TRUNCATE booking_item, booking, inbox_answered_request CASCADE")
    await db.rows("DELETE FROM slot WHERE layer = 'EXTRA'")


async def booking() -> None:
    """Print the tables; the database is connected and migrated."""
    await seed_connected()
    residents = [str(row["id"]) for row in await db.rows(_RESIDENTS, _PEOPLE)]
    await db.rows("ANALYZE resident")
    for processes in (1, 2):
        async with web(processes) as portal:
            for slots in (1, 200):
                await _measure(portal, processes, slots, residents)


async def _measure(portal: Web, processes: int, slots: int, residents: list[str]) -> None:
    accepted, refused = {}, {}
    for way in _NAMES:
        accepted[way] = await portal.book(way, await _slots(slots, 32_000 if slots == 1 else 1_000, 0), residents)
        await _forget_bookings()
        refused[way] = await portal.book(way, await _slots(slots, 1, 1), residents)
        assert (accepted[way].refused, refused[way].accepted) == (0, 0), way
        await _forget_bookings()
    where = "one hot slot" if slots == 1 else f"{slots} slots"
    click.echo(f"\nbooking, {where}, {processes} web process{'es' if processes > 1 else ''}, {CLIENTS} clients\n")
    width = max(map(len, _NAMES.values())) + 2
    head = f"{'accepted/s':>12}{'p99 ms':>9}{'CPU µs':>9}{'refused/s':>12}{'p99 ms':>9}{'CPU µs':>9}"
    click.echo(f"{'':<{width}}{head}")
    for way, name in _NAMES.items():
        a, r = accepted[way], refused[way]
        click.echo(
            f"{name:<{width}}{a.accepted:>12,.0f}{a.p99:>9.1f}{a.cpu_microseconds:>9.0f}"
            f"{r.refused:>12,.0f}{r.p99:>9.1f}{r.cpu_microseconds:>9.0f}"
        )
    for way in list(_NAMES)[1:]:
        taken = accepted["ours"].accepted / accepted[way].accepted
        sent_away = refused["ours"].refused / refused[way].refused
        click.echo(f"  {taken:6.1f} times the accepted and {sent_away:6.1f} times the refused of {_NAMES[way]}")
    if slots == 1:
        taken = accepted["ours"].accepted / accepted["with_lock"].accepted
        sent_away = refused["ours"].refused / refused["with_lock"].refused
        reached = taken >= ACCEPTED_GOAL and sent_away >= REFUSED_GOAL
        click.echo(f"goal: {ACCEPTED_GOAL} and {REFUSED_GOAL} times (a): {'reached' if reached else 'MISSED'}")
