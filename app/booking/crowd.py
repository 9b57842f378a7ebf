"""Without this module a thousand people who press the button together would wait for each other one by one.

A crowd gathers what is asked at the same time and has it answered together. While one batch is under way newcomers
queue; then all of them go in the next. Somebody who comes alone goes at once. ADR 19.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from app.kernel import db
from app.kernel.errors import PleaseRetry
from app.kernel.logging import get_logger, request_scope

A = TypeVar("A")
R = TypeVar("R")

MOST = 512
"""How many go together: more would make the first of them wait for the last."""

_log = get_logger(__name__)


class Alone:
    """The answer to who cannot go with the crowd: do it alone, on the plain path."""


ALONE: Final = Alone()


@dataclass(eq=False)
class _Waiting(Generic[A, R]):
    who: Hashable
    asked: A
    answer: asyncio.Future[R | Alone | PleaseRetry]


class Crowd(Generic[A, R]):
    """Answers what is asked at the same time together; `together` gives the answers in the order of the asked.

    One and the same `who` is in a batch once: their second attempt has to see what became of the first.
    """

    def __init__(self, together: Callable[[Sequence[A]], Awaitable[Sequence[R | Alone]]], *, most: int = MOST) -> None:
        self._together = together
        self._most = most
        self._queue: deque[_Waiting[A, R]] = deque()
        self._flight: asyncio.Task[None] | None = None

    async def ask(self, who: Hashable, asked: A) -> R | Alone:
        """The answer, `ALONE` when there was none in company. Raises `PleaseRetry`.

        Who stops waiting is left out of batches to come; one under way goes on without them.
        """
        waiting = _Waiting[A, R](who, asked, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly())
        answer = await waiting.answer
        if isinstance(answer, PleaseRetry):
            raise PleaseRetry from answer.__cause__
        return answer

    async def _fly(self) -> None:
        try:
            while batch := self._next_batch():
                with request_scope():  # a batch belongs to none of its requests
                    await self._answer(batch)
        finally:
            self._flight = None
            for left in self._queue:  # only when the process ends
                left.answer.cancel()
            self._queue.clear()

    def _next_batch(self) -> list[_Waiting[A, R]]:
        batch: list[_Waiting[A, R]] = []
        present: set[Hashable] = set()
        later: list[_Waiting[A, R]] = []
        while self._queue and len(batch) < self._most:
            waiting = self._queue.popleft()
            if waiting.answer.done():
                continue
            if waiting.who in present:
                later.append(waiting)
            else:
                present.add(waiting.who)
                batch.append(waiting)
        self._queue.extendleft(reversed(later))
        return batch

    async def _answer(self, batch: Sequence[_Waiting[A, R]]) -> None:
        try:
            with db.told_when_lost():
                answers = await self._together([waiting.asked for waiting in batch])
        except PleaseRetry as lost:
            _deal(batch, [lost] * len(batch))
        except asyncio.CancelledError:
            for waiting in batch:
                waiting.answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: one of them carries it, the others are not to blame
            _log.warning("a batch failed", attempts=len(batch), error=repr(error))
            if len(batch) == 1:
                _deal(batch, [ALONE])
                return
            for half in _halves(batch):
                await self._answer(half)
        else:
            _deal(batch, answers)


def _halves(batch: Sequence[_Waiting[A, R]]) -> Iterator[Sequence[_Waiting[A, R]]]:
    middle = len(batch) // 2
    yield batch[:middle]
    yield batch[middle:]


def _deal(batch: Sequence[_Waiting[A, R]], answers: Sequence[R | Alone | PleaseRetry]) -> None:
    for waiting, answer in zip(batch, answers, strict=True):
        if not waiting.answer.done():
            waiting.answer.set_result(answer)


class Crowds(Generic[A, R]):
    """One crowd for each database a process speaks to: normally one, in tests several."""

    def __init__(self, together: Callable[[Sequence[A]], Awaitable[Sequence[R | Alone]]], *, most: int = MOST) -> None:
        self._together = together
        self._most = most
        self._crowds: WeakKeyDictionary[object, Crowd[A, R]] = WeakKeyDictionary()

    def here(self) -> Crowd[A, R]:
        return self._crowds.setdefault(db.connection(), Crowd(self._together, most=self._most))
