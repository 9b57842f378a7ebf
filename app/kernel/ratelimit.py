"""Without this module one impatient script could keep everybody else waiting."""

from __future__ import annotations

from functools import lru_cache

from limits import parse
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from app.kernel.errors import TooManyRequests
from app.kernel.logging import get_logger
from app.kernel.settings import get_settings

_log = get_logger(__name__)


@lru_cache(maxsize=1)
def _shared() -> MovingWindowRateLimiter:
    url = get_settings().redis_url or "redis://127.0.0.1:6379/0"
    scheme = "async+rediss" if url.startswith("rediss://") else "async+redis"
    storage: Storage = RedisStorage(f"{scheme}://{url.split('://', 1)[1]}", implementation="redispy")
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
        allowed = await _shared().hit(item, act, *who)
    except (RedisError, OSError):
        _log.warning("rate limit without Redis", act=act)
        allowed = await _alone().hit(item, act, *who)
    if not allowed:
        raise TooManyRequests(item.get_expiry())
