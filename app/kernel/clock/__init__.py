"""Without this module every rule would read a clock of its own and no test could stand in the future."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_fixed: ContextVar[datetime | None] = ContextVar("fixed_clock", default=None)


def now() -> datetime:
    """The present moment in UTC."""
    return _fixed.get() or datetime.now(UTC)


def today() -> date:
    """The present day as people in the hall call it (Asia/Shanghai)."""
    return local(now()).date()


def local(moment: datetime) -> datetime:
    """The same moment on the hall's wall clock."""
    return moment.astimezone(SHANGHAI)


def at_local(day: date, hour: int, minute: int = 0) -> datetime:
    """A wall-clock time of a day in Asia/Shanghai, as a UTC moment."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


@contextmanager
def standing_at(moment: datetime) -> Iterator[None]:
    """Let this task, and what it awaits, believe it is `moment`. Signatures on the wire keep real time."""
    token = _fixed.set(moment)
    try:
        yield
    finally:
        _fixed.reset(token)
