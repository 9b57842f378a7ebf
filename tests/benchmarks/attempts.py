"""One web process of the booking benchmark: `python -m tests.benchmarks.attempts`, a task a line on standard input."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import cycle
from uuid import UUID

import orjson

from app import wiring
from app.kernel.actor import Actor, ActorKind
from app.kernel.logging import configure_logging
from tests.benchmarks.ways import WAYS


@dataclass(frozen=True)
class Task:
    """`attempts` by residents of their own, spread over slots, by `clients` who each wait for their answer."""

    way: str
    slots: list[str]
    residents: list[str]
    clients: int
    seconds: float
    """When it ends at the latest."""


@dataclass(frozen=True)
class Came:
    """What came of it."""

    accepted: int
    refused: int
    begun: float
    ended: float
    cpu_seconds: float
    waits: list[float]
    """A sample, in milliseconds."""


async def attempt(task: Task) -> Came:
    book = WAYS[task.way]
    people = cycle([Actor(ActorKind.RESIDENT, UUID(each)) for each in task.residents])
    slots: Iterator[UUID] = cycle([UUID(each) for each in task.slots])
    outcomes = {True: 0, False: 0}
    waits: list[float] = []
    begun, cpu = time.time(), time.process_time()
    end = time.monotonic() + task.seconds

    async def client() -> None:
        for actor in people:
            asked = time.perf_counter()
            outcomes[await book(actor, next(slots))] += 1
            waits.append((time.perf_counter() - asked) * 1_000)
            if time.monotonic() > end:
                return

    await asyncio.gather(*(client() for _ in range(task.clients)))
    sample = waits[:: max(1, len(waits) // 5_000)]
    return Came(outcomes[True], outcomes[False], begun, time.time(), time.process_time() - cpu, sample)


async def main() -> None:
    configure_logging("json", "bench")
    logging.getLogger().setLevel(logging.ERROR)
    loop = asyncio.get_running_loop()
    async with wiring.connected():
        print("ready", flush=True)  # noqa: T201 - spoken to the parent
        while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
            came = await attempt(Task(**orjson.loads(line)))
            print(orjson.dumps(asdict(came)).decode(), flush=True)  # noqa: T201 - the same


if __name__ == "__main__":
    asyncio.run(main())
