"""Without this module each office would count its own queue its own way.

What the figures of a queue mean (domain guide, section 16), who sees how much of them, and how they become a table
that office programs read. Plain values in and out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from app.kernel.errors import InvalidInput
from app.kernel.sheets import Cell, sheet_of

LONGEST_RANGE = timedelta(days=366)

FEWEST_SHOWN = 5
"""Fewer people than this in a row could be known by name to who was there that day."""


class By(StrEnum):
    """What the rows are: a number counts where it was taken, at its hour and business, at its last window.

    Work counts at the hour it was done: a number taken at 8:55 counts at 8, its visit from 9:50 to 10:10 half at 9 and
    half at 10.
    """

    HALL = "HALL"
    BUSINESS = "BUSINESS"
    HOUR = "HOUR"
    WINDOW = "WINDOW"


@dataclass(frozen=True)
class Numbers:
    """What became of the numbers that were taken, with or without a booking."""

    taken: int
    served: int
    passed: int
    abandoned: int
    booked: int

    @property
    def booked_share(self) -> float | None:
        return share(self.booked, self.taken)


@dataclass(frozen=True)
class Spread:
    """Seconds: of half, of nine in ten, and on average."""

    p50: int
    p90: int
    mean: int


@dataclass(frozen=True)
class Visits:
    """Of the bookings whose time has come: how many there were, and how many nobody came for."""

    due: int
    missed: int

    @property
    def missed_share(self) -> float | None:
        return share(self.missed, self.due)


@dataclass(frozen=True)
class Work:
    """Seconds that windows were open, pauses apart, and seconds they served somebody, in so many visits.

    By business: how long windows were open that could call it, and how long its visits took. A window open for two
    businesses is open for each of them: together they were open for longer than the hall was.
    By hour: the parts that fell into the hour of the day. What lasts over two hours counts in both with its part.
    """

    open_seconds: int
    serving_seconds: int
    visits: int

    @property
    def utilisation(self) -> float | None:
        """At most 1: a visit that was put aside goes on while the next one is served."""
        used = share(self.serving_seconds, self.open_seconds)
        return None if used is None else min(used, 1.0)


@dataclass(frozen=True)
class Figure:
    """One row; what it does not know, or is not told, is None. `hall`, `business`, `hour`, `window` say of what."""

    hall: str | None = None
    business: str | None = None
    hour: int | None = None
    window: int | None = None
    numbers: Numbers | None = None
    waiting: Spread | None = None
    serving: Spread | None = None
    visits: Visits | None = None
    work: Work | None = None
    withheld: bool = False


def share(part: int, whole: int) -> float | None:
    """Four decimals; None of nothing."""
    return round(part / whole, 4) if whole > 0 else None


def check_range(first: date, last: date) -> None:
    """Raise `InvalidInput` unless the days are in order and at most 366."""
    if last < first:
        raise InvalidInput(field="to", reason_zh="结束日期早于开始日期", reason_en="the last day is before the first")
    if last - first >= LONGEST_RANGE:
        raise InvalidInput(
            field="to",
            reason_zh=f"一次最多统计{LONGEST_RANGE.days}天",
            reason_en=f"at most {LONGEST_RANGE.days} days at once",
        )


def without_small(figure: Figure) -> Figure:
    """The row as somebody sees it who has no business with single visits.

    A row of one to four numbers says nothing of them, nor one of one to four bookings of these, nor of work done for
    one to four: at an hour these are not the numbers taken in it.
    """
    if figure.numbers is not None and 0 < figure.numbers.taken < FEWEST_SHOWN:
        figure = replace(figure, numbers=None, waiting=None, serving=None, work=None, withheld=True)
    if figure.work is not None and 0 < figure.work.visits < FEWEST_SHOWN:
        figure = replace(figure, work=None, withheld=True)
    if figure.visits is not None and 0 < figure.visits.due < FEWEST_SHOWN:
        figure = replace(figure, visits=None, withheld=True)
    return figure


_HEADINGS = (
    ("大厅", "hall"), ("业务", "business"), ("时段", "hour"), ("窗口", "window"), ("取号", "taken"),
    ("办结", "served"), ("过号", "passed"), ("弃号", "abandoned"), ("预约取号", "booked"),
    ("现场取号", "walk_ins"), ("预约占比", "booked_share"), ("等候中位数(秒)", "waiting_p50_seconds"),
    ("等候九成以内(秒)", "waiting_p90_seconds"), ("平均等候(秒)", "waiting_mean_seconds"),
    ("办理中位数(秒)", "serving_p50_seconds"), ("办理九成以内(秒)", "serving_p90_seconds"),
    ("平均办理(秒)", "serving_mean_seconds"), ("应到预约", "bookings_due"), ("爽约", "missed"),
    ("爽约率", "missed_share"), ("开窗(秒)", "open_seconds"), ("办理(秒)", "serving_seconds"),
    ("窗口利用率", "utilisation"), ("人数过少未显示", "withheld"),
)  # fmt: skip


def csv_of(figures: Sequence[Figure], language: str) -> str:
    """The rows as RFC 4180 says, with the mark by which office programs know UTF-8, and no cell that is a formula."""
    return sheet_of([en if language == "en" else zh for zh, en in _HEADINGS], [_values(one) for one in figures])


def _values(figure: Figure) -> list[Cell]:
    numbers, visits, work = figure.numbers, figure.visits, figure.work
    return [
        figure.hall, figure.business, figure.hour, figure.window,
        *((numbers.taken, numbers.served, numbers.passed, numbers.abandoned, numbers.booked,
           numbers.taken - numbers.booked, numbers.booked_share) if numbers else (None,) * 7),
        *_spread(figure.waiting),
        *_spread(figure.serving),
        *((visits.due, visits.missed, visits.missed_share) if visits else (None,) * 3),
        *((work.open_seconds, work.serving_seconds, work.utilisation) if work else (None,) * 3),
        int(figure.withheld),
    ]  # fmt: skip


def _spread(spread: Spread | None) -> tuple[int | None, ...]:
    return (spread.p50, spread.p90, spread.mean) if spread else (None,) * 3
