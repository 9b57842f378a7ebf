"""The chaos run itself: servers that die, web processes that go on, and the count at the end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from tortoise.context import TortoiseContext

from app.booking.rules import KEEPS_THE_PLACE, Layer
from app.catalogue.commands import import_catalogue
from app.embedded import EmbeddedPostgres, start_postgres, start_redis
from app.kernel import clock, db
from app.kernel.actor import SYSTEM
from app.migrating import migrate
from app.seeding import SEED
from tests.chaos.servers import Servers, copy_tables
from tests.portal import environment

Tell = Callable[[str], None]

_PLACES_PER_SLOT = 50
_REDIS_DIES_AT = 0.25
_POSTGRES_DIES_AT = 0.5
_TELL_SECONDS = 2.0

_RESIDENTS = """
    INSERT INTO resident (id, level, created_at) SELECT gen_random_uuid(), 4, now() FROM generate_series(1, $1)
    RETURNING id
"""
_SLOT = """
    INSERT INTO slot (id, service_point_id, category, layer, day, starts_at, ends_at, capacity, taken)
    VALUES (gen_random_uuid(), 'city-hall', 'D', $1, $2::timestamptz::date, $2, $2 + interval '30 minutes', $3, 0)
    RETURNING id
"""
_STAYS = ", ".join(f"'{state}'" for state in sorted(KEEPS_THE_PLACE))
_KEPT = f"""
    SELECT s.capacity, s.taken, s.reserved, coalesce(sum(b.party) FILTER (WHERE b.state IN ({_STAYS})), 0)::int AS kept
    FROM slot s LEFT JOIN booking b ON s.id = ANY(b.slots) WHERE s.id = ANY($1::uuid[]) GROUP BY s.id
"""  # noqa: S608 - states of our own
_DOUBLE = """
    SELECT count(*)::int AS times FROM (
        SELECT 1 FROM booking b JOIN booking_item i ON i.booking_id = b.id
        WHERE b.state IN ('HELD', 'BOOKED', 'CHECKED_IN') AND b.slots && $1::uuid[]
        GROUP BY b.resident_id, i.item_key HAVING count(*) > 1
    ) AS twice
"""
_KNOWN = "SELECT count(*)::int AS times FROM booking WHERE id = ANY($1::uuid[])"
_UNTOLD = """
    SELECT count(*)::int AS times FROM booking b WHERE b.slots && $1::uuid[] AND NOT EXISTS (
        SELECT 1 FROM audit_line l WHERE l.subject = 'booking:' || b.id AND l.act IN ('booking.made', 'booking.held')
    )
"""
_HAPPENED = """
    SELECT count(*) FILTER (WHERE state = 'CANCELLED')::int AS cancelled, coalesce(sum(moves), 0)::int AS moved,
        count(*) FILTER (WHERE state = 'EXPIRED')::int AS expired
    FROM booking WHERE slots && $1::uuid[]
"""


@dataclass(frozen=True)
class Plan:
    attempts: int
    places: int
    processes: int
    clients: int
    seed: int


@dataclass
class Verdict:
    """All of it zero, or something is wrong."""

    oversold: int = 0
    lost: int = 0
    """Places that count as taken and belong to nobody, and bookings that were promised and are gone."""

    double: int = 0
    """Live bookings of one person and item, keys that came to two bookings, and bookings nobody audited."""

    unexplained: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    booked: int = 0
    happened: Mapping[str, int] = field(default_factory=dict)
    """What came between: how many bookings were cancelled, moved, and ran out while held."""

    @property
    def good(self) -> bool:
        return not (self.oversold or self.lost or self.double or self.unexplained)


async def run(plan: Plan, folder: Path, tell: Tell, *, tables_of: EmbeddedPostgres | None = None) -> Verdict:
    """Play the plan in `folder` on servers of its own. Call it from the main thread.

    `tables_of` is a server whose migrated database is copied without its rows, because migrating takes longer.
    """
    postgres, redis = start_postgres(folder / "postgres", durable=True), start_redis(folder / "redis")
    servers = Servers(postgres, redis)
    variables = {"PORTAL_ENV": "test", "PORTAL_DATABASE_URL": postgres.url, "PORTAL_REDIS_URL": redis.url}
    try:
        with environment({**variables, "PORTAL_PROVIDERS": ""}):
            if tables_of is None:
                await migrate(postgres.url)
            else:
                copy_tables(tables_of.url, postgres.url)
            async with _connected(postgres.url):
                slots, residents = await _stage(plan)
            reports = await _play(plan, slots, residents, servers, tell)
            async with _connected(postgres.url):
                return await judge(slots, reports, tell)
    finally:
        servers.stop()


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[None]:
    async with TortoiseContext() as context:
        await context.init(config=db.tortoise_config(url))
        yield
        await context.close_connections()


async def _stage(plan: Plan) -> tuple[list[str], list[str]]:
    await import_catalogue(SYSTEM, orjson.loads((SEED / "service_items.json").read_bytes()))
    begins, slots = clock.now() + timedelta(days=3), []
    for number in range(max(1, plan.places // _PLACES_PER_SLOT)):
        capacity = min(_PLACES_PER_SLOT, plan.places)
        row = await db.row(_SLOT, Layer.EXTRA, begins + timedelta(hours=number), capacity)
        assert row is not None
        slots.append(str(row["id"]))
    return slots, [str(row["id"]) for row in await db.rows(_RESIDENTS, plan.places * 6)]


class _Progress:
    """How many attempts each process has made, and its last word."""

    def __init__(self, processes: int) -> None:
        self.done = [0] * processes
        self.reports: list[dict[str, Any] | None] = [None] * processes

    async def follow(self, place: int, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            said = orjson.loads(line)
            self.done[place] = said["done"]
            if said["final"]:
                self.reports[place] = said
        assert await process.wait() == 0, "a web process of the chaos run died"

    def reached(self, share: float, of: int) -> bool:
        return sum(self.done) >= share * of


async def _play(
    plan: Plan, slots: list[str], residents: list[str], servers: Servers, tell: Tell
) -> Sequence[dict[str, Any]]:
    processes = [await _web_process(plan, number, slots, residents) for number in range(plan.processes)]
    progress = _Progress(plan.processes)
    following = asyncio.gather(*(progress.follow(place, process) for place, process in enumerate(processes)))
    breaking = asyncio.create_task(_break(plan, progress, servers, tell))
    try:
        while not following.done():
            tell(f"{sum(progress.done):>10,} of {plan.attempts:,} attempts")
            await asyncio.wait([following], timeout=_TELL_SECONDS)
        await following
        await breaking
    finally:
        breaking.cancel()
        for process in processes:
            if process.returncode is None:
                process.kill()
    return [report for report in progress.reports if report is not None]


async def _break(plan: Plan, progress: _Progress, servers: Servers, tell: Tell) -> None:
    while not progress.reached(_REDIS_DIES_AT, plan.attempts):  # noqa: ASYNC110 - other processes offer no event
        await asyncio.sleep(0.05)
    servers.kill_redis()
    tell("           Redis was killed")
    while not progress.reached(_POSTGRES_DIES_AT, plan.attempts):  # noqa: ASYNC110 - the same
        await asyncio.sleep(0.05)
    await servers.kill_postgres()
    tell("           PostgreSQL was killed, and is back")


async def _web_process(plan: Plan, number: int, slots: list[str], residents: list[str]) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.web", stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**26
    )
    assert process.stdin is not None
    orders = {
        "slots": slots,
        "residents": residents,
        "attempts": plan.attempts // plan.processes,
        "clients": plan.clients,
        "seed": plan.seed + number,
    }
    process.stdin.write(orjson.dumps(orders) + b"\n")
    await process.stdin.drain()
    return process


async def judge(slots: list[str], reports: Sequence[Mapping[str, Any]], tell: Tell) -> Verdict:
    """What the database and the web processes say of these slots in the end; what can be counted is."""
    verdict = Verdict()
    for slot in await db.rows(_KEPT, slots):
        verdict.oversold += max(0, slot["kept"] - slot["capacity"], slot["taken"] - slot["capacity"])
        verdict.lost += abs(slot["taken"] - slot["reserved"] - slot["kept"])
    promised = {each for report in reports for each in report["booked"]}
    verdict.booked = len(promised)
    verdict.lost += len(promised) - await _count(_KNOWN, list(promised))
    verdict.double = await _count(_DOUBLE, slots) + await _count(_UNTOLD, slots)
    verdict.happened = dict(await db.row(_HAPPENED, slots) or {})
    stirred: Counter[str] = Counter()
    for report in reports:
        verdict.double += report["doubled"]
        verdict.unexplained += report["unexplained"]
        verdict.refused.update(report["refused"])
        verdict.retried += report["retried"]
        stirred.update(report["stirred"])
    tell(f"booked or held {verdict.booked:,}, refused {dict(verdict.refused)}")
    tell(f"stirred {dict(stirred)}, asked again while the database was away {verdict.retried:,}")
    return verdict


async def _count(sql: str, *values: object) -> int:
    row = await db.row(sql, *values)
    assert row is not None
    times: int = row["times"]
    return times
