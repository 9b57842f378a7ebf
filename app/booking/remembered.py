"""Without this module many who ask the same at the same moment would each read it for themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from app.kernel import db

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_REMEMBERED_MOST = 5_000


class Remembered(Generic[K, V]):
    """Answers that are read once for everybody who asks within `seconds`, also at the same moment."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._reads: dict[K, tuple[float, asyncio.Task[V]]] = {}

    async def get(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        """What `read` gave lately, or gives now; a failure is remembered for nobody.

        Inside a transaction nobody is waited for: they might wait for the connection that it holds.
        """
        known = self._reads.get(key)
        is_young = known is not None and time.monotonic() - known[0] < self._seconds
        if known is not None and is_young and known[1].done() and not _failed(known[1]):
            return known[1].result()
        if db.in_open_transaction():
            return await read()
        if known is not None and is_young and not known[1].done():
            return await asyncio.shield(known[1])
        if len(self._reads) >= _REMEMBERED_MOST:
            self._reads.clear()
        task = asyncio.ensure_future(_awaited(read))
        self._reads[key] = (time.monotonic(), task)
        return await asyncio.shield(task)  # the others wait for it even when who asked first is gone

    def forget(self) -> None:
        self._reads.clear()


async def _awaited(read: Callable[[], Awaitable[V]]) -> V:
    return await read()


def _failed(task: asyncio.Task[V]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
