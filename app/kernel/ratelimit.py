"""Without this module one impatient script could keep everybody else waiting."""

from __future__ import annotations

from functools import lru_cache

from limits import parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool

from app.kernel.errors import TooManyRequests
from app.kernel.logging import get_logger
from app.kernel.redis import RedisLost, redis

_log = get_logger(__name__)


@lru_cache(maxsize=1)
def _over(pool: ConnectionPool) -> MovingWindowRateLimiter:
    # The process's own pool: it has timeouts and is closed with the process.
    storage = RedisStorage("async+redis://", implementation="redispy", connection_pool=pool)  # type: ignore[arg-type]
    return MovingWindowRateLimiter(storage)


@lru_cache(maxsize=1)
def _alone() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())


async def check_rate(allowance: str, act: str, *who: str) -> None:
    """Count one `act` of `who` against an allowance such as `"20/minute"`; raises `TooManyRequests`.

    All processes share the count in Redis; without Redis each counts for itself.
    """
    item = parse(allowance)
    try:
        allowed = await _over(redis().connection_pool).hit(item, act, *who)
    except RedisLost:
        _log.warning("rate limit without Redis", act=act)
        allowed = await _alone().hit(item, act, *who)
    if not allowed:
        raise TooManyRequests(item.get_expiry())
