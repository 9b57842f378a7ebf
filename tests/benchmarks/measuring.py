"""CPU seconds, not wall seconds: the machine is shared, and only figures of one run are compared."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

Call = Callable[[], Awaitable[object]]

_ROUNDS = 7


@dataclass(frozen=True)
class Measured:
    """One line of the table: CPU microseconds of one call, and statements it sent to the database."""

    what: str
    microseconds: float
    statements: float


class _Counter(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.statements = 0

    def emit(self, _record: logging.LogRecord) -> None:
        self.statements += 1


@contextmanager
def counted_statements() -> Iterator[_Counter]:
    """Every statement the ORM sends anywhere is a line of this logger."""
    logger, counter = logging.getLogger("tortoise.db_client"), _Counter()
    level, propagates = logger.level, logger.propagate
    logger.addHandler(counter)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield counter
    finally:
        logger.removeHandler(counter)
        logger.setLevel(level)
        logger.propagate = propagates


async def measure(calls: Mapping[str, Call], *, times: int) -> list[Measured]:
    """The best of several rounds, taken in turns so that a noisy minute meets all of them alike.

    Statements are counted in a round of their own, so that counting costs nothing.
    """
    rounds = [{what: await _cpu(call, times) for what, call in calls.items()} for _ in range(_ROUNDS)]
    return [
        Measured(what, min(each[what] for each in rounds) * 1e6, await _statements(call, times))
        for what, call in calls.items()
    ]


async def _statements(call: Call, times: int) -> float:
    with counted_statements() as counter:
        await _cpu(call, times)
    return counter.statements / times


async def _cpu(call: Call, times: int) -> float:
    begun = time.process_time()
    for _ in range(times):
        await call()
    return (time.process_time() - begun) / times


def table(lines: list[Measured], *, unit: Measured) -> str:
    """For people: microseconds, how many of `unit` that is, statements."""
    width = max(len(line.what) for line in lines) + 2
    head = f"{'':<{width}}{'CPU µs':>10}{'ratio':>10}{'statements':>12}"
    return "\n".join([head, *(_row(line, width, unit) for line in lines)])


def _row(line: Measured, width: int, unit: Measured) -> str:
    ratio = line.microseconds / unit.microseconds
    return f"{line.what:<{width}}{line.microseconds:>10.2f}{ratio:>10.1f}{line.statements:>12.2f}"
