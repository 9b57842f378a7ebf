from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from redis.asyncio import Redis

from app.kernel.db import new_id
from app.kernel.live import KEPT, Hint, Live
from app.kernel.redis import RedisLost
from tests.kernel.redises import MortalRedis
from tests.people import until

CASE, PARCEL = "CASE", "PARCEL"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalRedis]:
    redis = MortalRedis(tmp_path_factory.mktemp("redis"))
    redis.start()
    yield redis
    redis.kill()


@asynccontextmanager
async def process(server: MortalRedis) -> AsyncIterator[Live]:
    """What one web process or worker has: a client and an ear of its own."""
    client = Redis.from_url(server.url, socket_timeout=1.0, socket_connect_timeout=1.0, decode_responses=True)
    live = Live(lambda: client)
    try:
        yield live
    finally:
        await live.stop()
        await client.aclose()


@dataclass
class Phone:
    """Listens until it is cut off, and knows how far it came."""

    whose: UUID
    heard: list[Hint] = field(default_factory=list)
    ear: asyncio.Task[None] | None = None

    @property
    def position(self) -> str | None:
        return self.heard[-1].position if self.heard else None

    def listen(self, live: Live) -> None:
        self.ear = asyncio.create_task(self._listen(live, self.position))

    async def _listen(self, live: Live, after: str | None) -> None:
        async with aclosing(live.hints(self.whose, after)) as hints:
            async for hint in hints:
                self.heard.append(hint)

    async def cut(self) -> None:
        assert self.ear is not None
        self.ear.cancel()
        await asyncio.gather(self.ear, return_exceptions=True)

    async def hears(self, count: int) -> list[Hint]:
        async def enough() -> bool:
            return len(self.heard) >= count

        await until(enough, what=f"{count} hints, heard {len(self.heard)}", seconds=30)
        return self.heard


def told(hints: list[Hint]) -> list[tuple[str, UUID | None]]:
    return [(hint.kind, hint.about) for hint in hints]


async def test_who_listens_first_is_told_to_ask_for_everything_and_then_what_changes(server: MortalRedis) -> None:
    async with process(server) as worker, process(server) as web:
        phone, parcel = Phone(new_id()), new_id()
        await worker.tell(phone.whose, CASE, new_id())
        phone.listen(web)
        [first] = await phone.hears(1)
        await worker.tell(phone.whose, PARCEL, parcel)
        await phone.hears(2)
        await phone.cut()

    assert (first.kind, first.about) == ("", None)
    assert told(phone.heard[1:]) == [(PARCEL, parcel)]


async def test_nobody_hears_of_another_account(server: MortalRedis) -> None:
    async with process(server) as worker, process(server) as web:
        mine, theirs, parcel = Phone(new_id()), Phone(new_id()), new_id()
        mine.listen(web)
        theirs.listen(web)
        await mine.hears(1)
        await theirs.hears(1)
        await worker.tell(mine.whose, PARCEL, parcel)
        await mine.hears(2)
        await asyncio.sleep(0.2)
        await mine.cut()
        await theirs.cut()

    assert told(mine.heard[1:]) == [(PARCEL, parcel)]
    assert told(theirs.heard[1:]) == []


async def test_who_comes_back_hears_what_was_missed_and_nothing_twice(server: MortalRedis) -> None:
    """Two hundred changes, with the phone cut off again and again at any moment."""
    chance = random.Random(6)  # noqa: S311 - a fault to be repeated, not a secret
    things = [new_id() for _ in range(KEPT)]
    async with process(server) as worker, process(server) as web:
        phone = Phone(new_id())
        phone.listen(web)
        await phone.hears(1)

        async def change() -> None:
            for thing in things:
                await worker.tell(phone.whose, CASE, thing)
                await asyncio.sleep(chance.random() / 200)

        changing = asyncio.create_task(change())
        cuts = 0
        while not changing.done():
            await asyncio.sleep(chance.random() / 20)
            await phone.cut()
            cuts += 1
            await asyncio.sleep(chance.random() / 20)
            phone.listen(web)
        await phone.hears(len(things) + 1)
        await phone.cut()

    assert cuts > 5
    assert told(phone.heard[1:]) == [(CASE, thing) for thing in things]


async def test_of_several_changes_of_one_thing_that_wait_together_the_last_is_told(server: MortalRedis) -> None:
    async with process(server) as worker, process(server) as web:
        phone, case, other = Phone(new_id()), new_id(), new_id()
        phone.listen(web)
        await phone.hears(1)
        await phone.cut()
        for thing in (case, case, other, case):
            await worker.tell(phone.whose, CASE, thing)
        phone.listen(web)
        await phone.hears(3)
        await asyncio.sleep(0.1)
        await phone.cut()

    assert told(phone.heard[1:]) == [(CASE, other), (CASE, case)]


async def test_who_was_away_too_long_is_told_to_ask_for_everything(server: MortalRedis) -> None:
    """The stream of an account keeps the last two hundred, roughly: it never grows further."""
    async with process(server) as worker, process(server) as web:
        phone = Phone(new_id())
        phone.listen(web)
        await phone.hears(1)
        await phone.cut()
        for _ in range(3 * KEPT):
            await worker.tell(phone.whose, CASE, new_id())
        phone.listen(web)
        await phone.hears(2)
        kept = await web._client().xlen(f"live:{phone.whose}")
        await phone.cut()

    assert told(phone.heard) == [("", None), ("", None)]
    assert KEPT <= kept < 2 * KEPT


async def test_a_reader_that_is_slow_is_told_later_and_of_everything_when_it_is_too_slow(server: MortalRedis) -> None:
    """Nothing queues up for it: what it has not read is in the stream, and no more than the stream keeps."""
    async with process(server) as worker, process(server) as web:
        whose, things = new_id(), [new_id() for _ in range(20)]
        async with aclosing(web.hints(whose, None)) as hints:
            await anext(hints)
            for thing in things:
                await worker.tell(whose, CASE, thing)
            later = [await anext(hints) for _ in things]
            for _ in range(3 * KEPT):
                await worker.tell(whose, CASE, things[0])
            too_late = await anext(hints)

    assert told(later) == [(CASE, thing) for thing in things]
    assert (too_late.kind, too_late.about) == ("", None)
    assert too_late.position is not None


@pytest.mark.parametrize("position", ["0-0", "9999999999999-0", "", "now", "1-1; FLUSHALL", "9" * 40 + "-0"])
async def test_a_position_nobody_was_given_leads_to_asking_for_everything(server: MortalRedis, position: str) -> None:
    async with process(server) as web, aclosing(web.hints(new_id(), position)) as hints:
        hint = await anext(hints)

    assert (hint.kind, hint.about) == ("", None)
    assert hint.position not in {None, position}


async def test_while_redis_is_away_a_phone_is_told_so_and_all_is_well_when_it_is_back(server: MortalRedis) -> None:
    async with process(server) as worker, process(server) as web:
        waiting, coming = Phone(new_id()), Phone(new_id())
        waiting.listen(web)
        await waiting.hears(1)
        server.kill()
        coming.listen(web)
        await coming.hears(1)
        with pytest.raises(RedisLost):
            await worker.tell(waiting.whose, CASE, new_id())
        server.start()

        # What was kept is gone: both must ask for everything, without having done anything.
        await waiting.hears(2)
        await coming.hears(2)
        case = new_id()
        await worker.tell(waiting.whose, CASE, case)
        await worker.tell(coming.whose, CASE, case)
        await waiting.hears(3)
        await coming.hears(3)
        await waiting.cut()
        await coming.cut()

    assert coming.heard[0] == Hint(None)
    assert told(waiting.heard) == told(coming.heard) == [("", None), ("", None), (CASE, case)]
    assert waiting.heard[1].position is not None


async def test_a_redis_that_is_silent_for_a_while_costs_no_change(server: MortalRedis) -> None:
    """Nothing is lost in it: who waited goes on from their position."""
    async with process(server) as worker, process(server) as web:
        phone, first, second = Phone(new_id()), new_id(), new_id()
        phone.listen(web)
        await phone.hears(1)
        server.freeze()
        with pytest.raises(RedisLost):
            await worker.tell(phone.whose, CASE, first)
        await asyncio.sleep(1)
        server.thaw()
        await worker.tell(phone.whose, CASE, second)

        async def heard_of_it() -> bool:
            return (CASE, second) in told(phone.heard)

        await until(heard_of_it, what="the change after the silence", seconds=40)
        await phone.cut()

    # The write that was cut off may have been done after all; nobody is told to ask for everything.
    assert told(phone.heard[1:]) in ([(CASE, second)], [(CASE, first), (CASE, second)])
