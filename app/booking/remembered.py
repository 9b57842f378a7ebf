"""Without this module many who ask the same at the same moment would each read it for themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_REMEMBERED_MOST = 5_000


class Remembered(Generic[K, V]):
    """Answers that are read once for everybody who asks within `seconds`, also at the same moment."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._reads: dict[K, tuple[float, asyncio.Task[V]]] = {}

    async def get(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        """What `read` gave lately, or gives now; a failure is remembered for nobody."""
        known, now = self._reads.get(key), time.monotonic()
        if known is not None and now - known[0] < self._seconds and not _failed(known[1]):
            return known[1].result() if known[1].done() else await asyncio.shield(known[1])
        if len(self._reads) >= _REMEMBERED_MOST:
            self._reads.clear()
        task = asyncio.ensure_future(_awaited(read))
        self._reads[key] = (now, task)
        return await asyncio.shield(task)  # the others wait for it even when who asked first is gone


async def _awaited(read: Callable[[], Awaitable[V]]) -> V:
    return await read()


def _failed(task: asyncio.Task[V]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
