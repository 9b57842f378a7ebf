"""Without this module everybody in the hall would be told another guess.

How long somebody will wait, as a band: from how many are ahead, how many windows work for them, and how long visits
took lately. Plain values in, minutes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt

FEWEST_SAMPLES = 20
"""An hour, or a business, that saw fewer visits in the last weeks says nothing by itself."""

LONGEST_WAIT = 240
"""Minutes; nobody is told more than four hours."""

_HISTORY_WEIGHS = 60
"""Of the last weeks no more visits count than so many, so that a slow day is felt by noon."""


@dataclass(frozen=True)
class Quantiles:
    """How long visits take, in seconds: a fifth is shorter than `p20`, half than `p50`, four fifths than `p80`."""

    samples: int
    p20: float
    p50: float
    p80: float

    @property
    def typical(self) -> float:
        """What one visit adds to the wait: a few long ones weigh more than the median says."""
        return max(self.p50, (self.p20 + self.p80) / 2)


CITY = Quantiles(0, 300, 480, 720)
"""Eight minutes, until a business has been seen at work (the city's choice)."""


@dataclass(frozen=True)
class Band:
    """From `low` to `high` minutes."""

    low: int
    high: int


def chosen(by_hour: Quantiles | None, all_day: Quantiles | None) -> Quantiles:
    """The most exact of what is known well enough: this hour of the business, the business, the city."""
    known = (found for found in (by_hour, all_day) if found is not None and found.samples >= FEWEST_SAMPLES)
    return next(known, CITY)


def blended(lately: Quantiles, today: Quantiles | None) -> Quantiles:
    """Visits of today count one by one beside those of the last weeks."""
    if today is None or not today.samples:
        return lately
    weight = min(lately.samples, _HISTORY_WEIGHS) or FEWEST_SAMPLES
    share = today.samples / (today.samples + weight)

    def mixed(before: float, now: float) -> float:
        return before + (now - before) * share

    return Quantiles(
        lately.samples + today.samples,
        mixed(lately.p20, today.p20),
        mixed(lately.p50, today.p50),
        mixed(lately.p80, today.p80),
    )


def hands_for(category: str, windows: Sequence[Sequence[str]], waiting: Mapping[str, int]) -> float:
    """How many windows' work a business gets: of one that serves several, its share of who waits for these.

    `windows` are the businesses of each window that calls now. 0 when none takes the business.
    """
    mine = max(1, waiting.get(category, 0))
    hands = 0.0
    for served in windows:
        if category in served:
            others = sum(waiting.get(other, 0) for other in served if other != category)
            hands += mine / (mine + others)
    return hands


def band(ahead: int, hands: float, quantiles: Quantiles) -> Band | None:
    """How long who has `ahead` people before them will wait; None while no window works for them.

    All visits ahead are shared by the windows (domain guide, section 7.2); the visits at the windows may have just
    begun or be about to end. Of n visits the sum spreads with the root of n. More people ahead, or fewer windows,
    never shorten it.
    """
    if hands <= 0:
        return None
    shortest = ahead * quantiles.typical - sqrt(ahead) * (quantiles.typical - quantiles.p20)
    after = ahead + 1
    longest = after * quantiles.typical + sqrt(after) * (quantiles.p80 - quantiles.typical)
    low, high = (seconds / hands / 60 for seconds in (shortest, longest))
    return Band(_down(low), _up(high))


def _step(minutes: float) -> int:
    """People plan in fives, then in tens, then in half hours."""
    if minutes <= 30:
        return 5
    return 10 if minutes <= 60 else 30


def _down(minutes: float) -> int:
    step = _step(minutes)
    return min(floor(minutes / step) * step, LONGEST_WAIT)


def _up(minutes: float) -> int:
    step = _step(minutes)
    return min(max(ceil(minutes / step) * step, 5), LONGEST_WAIT)
