"""Without this module several web processes would each have a waiting room of their own.

One sorted set of residents per room in Redis, which ends by itself. The score of who gathered before the release is
their lot, of who came later `LOTS` and their number. Every function raises `RedisLost` when there is no Redis; for
a moment afterwards this process does not even ask, so that a rush does not wait for one timeout after another.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisUnreachable

from app.booking.errors import TooManyOnDevice
from app.booking.room.draw import LOTS, Room
from app.kernel.redis import RedisLost, redis

ON_DEVICE_MOST = 3
RUSH_SECONDS = 10

T = TypeVar("T")

_BLIND_SECONDS = 0.5
_KEPT_AFTER = timedelta(minutes=10)

# Where somebody is: nothing for who is not there. Whoever gathered is ranked by lot, and the late ones have no lot.
_FIND = """
local function find(key, who, lots)
    local score = redis.call('ZSCORE', key, who)
    if not score then return nil end
    if tonumber(score) >= lots then return tonumber(score) - lots end
    return redis.call('ZRANK', key, who)
end
"""
_NUMBER = _FIND + "return find(KEYS[1], ARGV[1], tonumber(ARGV[2]))"

# Late ones come behind the last of all, and never before the number that is being called: while nobody waits, turns
# are not saved up for who comes next.
_JOIN = (
    _FIND
    + """
local lots = tonumber(ARGV[2])
local found = find(KEYS[1], ARGV[1], lots)
if found then return found end
if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 0 and redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[6]) then
    return -1
end
local score = tonumber(ARGV[3])
if score < 0 then
    local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
    local next = redis.call('ZCARD', KEYS[1])
    if last and tonumber(last) >= lots then next = tonumber(last) - lots + 1 end
    score = lots + math.max(next, tonumber(ARGV[4]))
end
redis.call('ZADD', KEYS[1], score, ARGV[1])
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('EXPIREAT', KEYS[1], ARGV[5])
redis.call('EXPIREAT', KEYS[2], ARGV[5])
return find(KEYS[1], ARGV[1], lots)
"""
)


class _Sight:
    """Whether this process has just lost Redis."""

    def __init__(self) -> None:
        self._blind_until = 0.0

    async def ask(self, question: Callable[[Redis], Awaitable[T]]) -> T:
        if time.monotonic() < self._blind_until:
            raise RedisUnreachable("lost a moment ago")
        try:
            return await question(redis())
        except RedisLost:
            self._blind_until = time.monotonic() + _BLIND_SECONDS
            raise


_sight = _Sight()


def _key(room: Room, what: str = "") -> str:
    return f"waiting:{{{room.key}}}{what}"


def _ends(room: Room) -> int:
    return int((room.until + _KEPT_AFTER).timestamp())


async def join(room: Room, resident_id: UUID, device: str, *, drawn: int | None, behind: int) -> int:
    """Take the resident's place in the room, or find the one they have; gives their number as it is now.

    `drawn` is the lot of who gathers; None for who is late, who then comes behind everybody and not before the
    number `behind`. Raises `TooManyOnDevice`.
    """
    score = -1 if drawn is None else drawn
    arguments: list[str | int] = [str(resident_id), LOTS, score, behind, _ends(room), ON_DEVICE_MOST]
    number = await _run(_JOIN, [_key(room), _key(room, f":device:{device}")], arguments)
    if number == -1:
        raise TooManyOnDevice(most=ON_DEVICE_MOST)
    assert number is not None
    return number


async def number_of(room: Room, resident_id: UUID) -> int | None:
    """A resident's number as it is now, final from the release on; None for who is not in the room."""
    return await _run(_NUMBER, [_key(room)], [str(resident_id), LOTS])


async def gather_again(room: Room, resident_id: UUID, drawn: int) -> None:
    """Put a ticket's holder where they were; changes nothing for who is still there."""

    async def add(server: Redis) -> Any:
        pipeline = server.pipeline()
        pipeline.zadd(_key(room), {str(resident_id): drawn}, nx=True)
        pipeline.expireat(_key(room), _ends(room))
        return await pipeline.execute()

    await _sight.ask(add)


async def people_waiting(room: Room, now: datetime) -> int:
    """How many are in the room whose turn has not come."""
    called = room.admitted(now)

    async def count(server: Redis) -> list[int]:
        pipeline = server.pipeline()
        pipeline.zcount(_key(room), "-inf", f"({LOTS}")
        pipeline.zcount(_key(room), LOTS + called, "+inf")
        counted: list[int] = await pipeline.execute()
        return counted

    gathered, late = await _sight.ask(count)
    return max(0, gathered - called) + late


async def entering(room: Room, now: datetime) -> int:
    """Count one more who wants to enter; gives how many did within these ten seconds or the ten before."""
    stretch = int(now.timestamp()) // RUSH_SECONDS
    this, before = (_key(room, f":entering:{which}") for which in (stretch, stretch - 1))

    async def count(server: Redis) -> list[Any]:
        pipeline = server.pipeline()
        pipeline.incr(this)
        pipeline.expire(this, 3 * RUSH_SECONDS)
        pipeline.get(before)
        counted: list[Any] = await pipeline.execute()
        return counted

    current, _, earlier = await _sight.ask(count)
    return max(int(current), int(earlier or 0))


async def spend(what: str, seconds: int) -> bool:
    """Use something up that counts once; False when it was used before. It is forgotten after `seconds`."""
    return bool(await _sight.ask(lambda server: server.set(f"waiting:spent:{what}", 1, nx=True, ex=max(1, seconds))))


async def _run(script: str, keys: list[str], arguments: list[str | int]) -> int | None:
    found: int | None = await _sight.ask(lambda server: server.register_script(script)(keys=keys, args=arguments))
    return found
