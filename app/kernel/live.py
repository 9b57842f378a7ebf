"""Without this module a waiting phone would have to ask again and again whether anything has changed.

A hint says that something of an account changed and where to look, never what it is now: whoever hears it reads the
rows, under their own rights. Hints of an account are kept in a Redis stream for a day; one channel, to which every
process listens, says whose stream has grown. Whoever waits reads on from the position they have reached, so that
resuming, catching up and going on are the same. A position that a stream no longer holds (trimmed, outlived, or Redis
was lost) cannot be gone on from: then everything may have changed.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from app.kernel.logging import get_logger
from app.kernel.redis import RedisLost, redis

T = TypeVar("T")
_log = get_logger(__name__)

KEPT = 200
"""How many hints of an account are kept at least."""

_KEPT_SECONDS = 24 * 3600
_CHANNEL = "live"
_PIECE = 50
_SILENT_SECONDS = 5.0
_SILENCES = 3
_WOKEN_AT_ONCE = 100
_READING_AT_ONCE = 16
_POSITION = re.compile(r"\d{1,19}-\d{1,19}")

# One round trip, and no waker without its hint.
_TELL = """
    local position = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'kind', ARGV[4], 'about', ARGV[5])
    redis.call('EXPIRE', KEYS[1], ARGV[2])
    redis.call('PUBLISH', ARGV[6], ARGV[3])
    return position
"""
# An account of which nothing is kept gets an entry that says nothing, so that there is a position to go on from.
_NEWEST = """
    local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
    if newest[1] then return newest[1][1] end
    local position = redis.call('XADD', KEYS[1], '*', 'kind', '', 'about', '')
    redis.call('EXPIRE', KEYS[1], ARGV[1])
    return position
"""


@dataclass(frozen=True)
class Hint:
    """Something of an account changed: what kind of thing, and which.

    Without `about`: nobody can say what changed since the position the listener had. Without `position`: there is none
    to go on from at the moment.
    """

    position: str | None
    kind: str = ""
    about: UUID | None = None


class Live:
    """Telling, and the ear of this process: one connection, however many listen."""

    def __init__(self, client: Callable[[], Redis] = redis) -> None:
        self._client = client
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._listening: asyncio.Task[None] | None = None
        self._reading = asyncio.Semaphore(_READING_AT_ONCE)
        self._asking: set[asyncio.Task[Any]] = set()

    async def tell(self, whose: UUID, kind: str, about: UUID) -> None:
        """Say that a thing of an account changed. Raises what `RedisLost` names; told twice it is heard twice."""
        said = [str(KEPT), str(_KEPT_SECONDS), str(whose), kind, str(about), _CHANNEL]
        await self._run(_TELL, whose, *said)

    async def hints(self, whose: UUID, after: str | None) -> AsyncGenerator[Hint, None]:
        """What changes of an account from a position on, without end; first what changed since then.

        Of several changes of one thing that wait together only the last is told. Close it behind you.
        """
        position = after if after and _POSITION.fullmatch(after) else None
        silent = False
        with self._ear(whose) as ear:
            while True:
                ear.clear()
                try:
                    found = await self._unhurried(self._since(whose, position))
                except RedisLost as error:
                    if not silent:
                        _log.warning("live updates without Redis", error=repr(error))
                        yield Hint(None)
                    silent = True
                    await _heard(ear, _SILENT_SECONDS * (1 + random.random()))  # noqa: S311 - spreads, hides nothing
                    continue
                silent = False
                for hint in _last_of_each(found):
                    yield hint
                position = found[-1].position if found else position
                if len(found) < _PIECE:
                    await ear.wait()

    async def stop(self) -> None:
        """Listen no more; the next who waits makes this process listen again."""
        for task in filter(None, (self._listening, *self._asking)):
            while not task.done():  # the client may swallow that it was told to stop
                task.cancel()
                await asyncio.wait({task}, timeout=0.1)
        self._listening, self._reading = None, asyncio.Semaphore(_READING_AT_ONCE)

    async def _unhurried(self, asking: Coroutine[Any, Any, T]) -> T:
        """Wait for Redis, but let nobody who stops waiting break the asking off.

        The client then loses its connection, or the news that it was broken off: whoever wanted to leave stays.
        """
        task = asyncio.create_task(asking)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return await asyncio.shield(task)

    async def _since(self, whose: UUID, position: str | None) -> list[Hint]:
        async with self._reading:
            if position is not None:
                found = await self._client().xrange(_stream(whose), min=position, count=_PIECE + 1)
                entries = cast("list[tuple[str, dict[str, str]]]", found)
                if entries and entries[0][0] == position:
                    return [Hint(at, said["kind"], UUID(said["about"])) for at, said in entries[1:]]
            return [Hint(await self._run(_NEWEST, whose, str(_KEPT_SECONDS)))]

    async def _run(self, script: str, whose: UUID, *arguments: str) -> str:
        position: str = await self._client().register_script(script)(keys=[_stream(whose)], args=arguments)
        return position

    @contextmanager
    def _ear(self, whose: UUID) -> Iterator[asyncio.Event]:
        ear, name = asyncio.Event(), str(whose)
        self._waiting[name].add(ear)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        try:
            yield ear
        finally:
            self._waiting[name].discard(ear)
            if not self._waiting[name]:
                del self._waiting[name]

    async def _listen(self) -> None:
        while True:
            try:
                async with self._client().pubsub() as wire:
                    await wire.subscribe(_CHANNEL)
                    await self._hear(wire)
            except Exception as error:  # noqa: BLE001 - whatever it is, phones must not fall silent for ever
                _log.warning("nobody says what changes", error=repr(error))
                await asyncio.sleep(1 + random.random())  # noqa: S311 - spreads, hides nothing

    async def _hear(self, wire: PubSub) -> None:
        silences = 0
        while silences < _SILENCES:
            message = await wire.get_message(timeout=_SILENT_SECONDS)
            if message is None:  # nothing happens, or nobody is there
                silences += 1
                await wire.ping()
                continue
            silences = 0
            if message["type"] == "subscribe":  # the first time, and after each time the wire was cut
                await self._wake_everybody()
            elif message["type"] == "message":
                for ear in self._waiting.get(message["data"], ()):
                    ear.set()
        raise ConnectionError("Redis fell silent")

    async def _wake_everybody(self) -> None:
        """Not in one moment: after Redis was lost each may have to tell its phone to ask for everything anew."""
        ears = [ear for waiting in self._waiting.values() for ear in waiting]
        for first in range(0, len(ears), _WOKEN_AT_ONCE):
            for ear in ears[first : first + _WOKEN_AT_ONCE]:
                ear.set()
            await asyncio.sleep(0.05)


def _stream(whose: UUID) -> str:
    return f"live:{whose}"


def _last_of_each(hints: list[Hint]) -> list[Hint]:
    last = {(hint.kind, hint.about): hint for hint in hints}
    return [hint for hint in hints if last[hint.kind, hint.about] is hint]


async def _heard(ear: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ear.wait()


live = Live()
"""The one of this process."""
