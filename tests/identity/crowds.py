"""Many at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from app.kernel import db
from app.kernel.settings import get_settings

T = TypeVar("T")


async def at_once(*acts: Coroutine[Any, Any, T]) -> list[T | BaseException]:
    """Run all together and give what each came to, refusals too.

    Every connection is opened first: a pool that has to connect lets a crowd in one by one, and a race
    that never takes place proves nothing.
    """
    await asyncio.gather(*(db.rows("SELECT pg_sleep(0.02)") for _ in range(get_settings().database_pool)))
    return list(await asyncio.gather(*acts, return_exceptions=True))
