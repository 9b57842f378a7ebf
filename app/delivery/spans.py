"""Without this module an expected day would be a guess. A band from how long earlier parcels took; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

FEWEST = 8
"""With fewer parcels a route has no history yet, and a wider one is looked at."""

_LOW, _HIGH = 0.2, 0.9


@dataclass(frozen=True)
class Span:
    """From when to when after the courier took it."""

    low: timedelta
    high: timedelta


def band_of(taken: Sequence[timedelta]) -> Span | None:
    """The fifth to come first and the tenth to come last are left out of what is promised; None without a history."""
    if len(taken) < FEWEST:
        return None
    ordered = sorted(taken)
    return Span(_quantile(ordered, _LOW), _quantile(ordered, _HIGH))


def _quantile(ordered: Sequence[timedelta], share: float) -> timedelta:
    """Between the two nearest, as NumPy's default has it."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
