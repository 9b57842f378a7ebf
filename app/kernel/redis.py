"""Without this module each user of Redis would decide for itself what happens when Redis is gone.

The rule: losing Redis costs speed, never facts.
"""

from __future__ import annotations

from functools import lru_cache

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.kernel.settings import get_settings

RedisLost = (RedisError, OSError)
"""What to catch where Redis is only a help."""


@lru_cache(maxsize=1)
def redis() -> Redis:
    """The process's client; connects when first used."""
    return Redis.from_url(
        get_settings().redis_url or "redis://127.0.0.1:6379/0",
        socket_timeout=1.0,
        socket_connect_timeout=1.0,
        decode_responses=True,
    )


async def disconnect() -> None:
    if redis.cache_info().currsize:
        await redis().aclose()
        redis.cache_clear()


async def reachable() -> None:
    """Raise when Redis does not answer."""
    await redis().ping()
