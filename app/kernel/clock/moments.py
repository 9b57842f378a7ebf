"""Without this module a carrier abroad would tell of tomorrow; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from app.kernel.clock import SHANGHAI

_ZONE = re.compile(r"\s*(?:UTC|GMT)$", re.IGNORECASE)
_SPACE_BEFORE_OFFSET = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)")
_FIRST_YEAR = 2000
"""Carriers do write 0001-01-01 for "no time"."""


def moment_of(text: str) -> datetime | None:
    """A carrier's time as a UTC moment: the wall clock of Beijing unless it names its own offset; None when it is
    none that can be read.
    """
    said = _SPACE_BEFORE_OFFSET.sub("", _ZONE.sub("+00:00", text.strip()))
    try:
        told = datetime.fromisoformat(said)
        moment = (told if told.tzinfo else told.replace(tzinfo=SHANGHAI)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    has_hours = len(said) > len("2026-11-25")
    return moment.replace(microsecond=0) if has_hours and moment.year >= _FIRST_YEAR else None


def lent(moments: Sequence[datetime | None]) -> list[datetime | None]:
    """Moments of rows, newest first: one without takes that of the next older row, else of the next newer."""
    filled = list(moments)
    for place in reversed(range(len(filled) - 1)):
        filled[place] = filled[place] or filled[place + 1]
    for place in range(1, len(filled)):
        filled[place] = filled[place] or filled[place - 1]
    return filled
