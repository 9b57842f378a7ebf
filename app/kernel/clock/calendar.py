"""Without this module a due date could fall on a holiday and a worked Saturday would have no slots.

The rules are those of 民法典 201 and 203 (the first day is not counted; a limit ending on a rest day moves
on) and 行政许可法 82 (limits are working days). Holidays and worked weekends (调休) are published each year.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from app.kernel.clock import SHANGHAI


class DayKind(StrEnum):
    HOLIDAY = "HOLIDAY"
    ADJUSTED_WORKDAY = "ADJUSTED_WORKDAY"


@dataclass(frozen=True)
class WorkingCalendar:
    """The loaded exceptions; a year without any entry is not published yet."""

    days: Mapping[date, DayKind]

    def is_published(self, year: int) -> bool:
        return any(day.year == year for day in self.days)

    def is_working_day(self, day: date) -> bool:
        kind = self.days.get(day)
        if kind is not None:
            return kind is DayKind.ADJUSTED_WORKDAY
        return day.isoweekday() <= 5

    def working_day_after(self, start: date, count: int) -> date:
        """The `count`-th working day after `start`, which itself is not counted; 0 gives `start`."""
        day = start
        while count > 0:
            day += timedelta(days=1)
            if self.is_working_day(day):
                count -= 1
        return day

    def calendar_day_after(self, start: date, count: int) -> date:
        """`count` calendar days after `start`, moved on when it falls on a rest day (民法典 203)."""
        day = start + timedelta(days=count)
        while count > 0 and not self.is_working_day(day):
            day += timedelta(days=1)
        return day


def end_of_day(day: date) -> datetime:
    """The last second of a day in Asia/Shanghai as a UTC moment: the end of a limit for online acts."""
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=SHANGHAI).astimezone(UTC)
