"""Without this module a number would be given out, or a day ended, by hours that a hall does not keep that day.

The times a hall is open on one day, from the same grounds as its slots: the calendar with its holidays and worked
weekends, its ordinary hours, exceptions, and the sessions it closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.booking.halls.relaying import Day, Periods, periods_on
from app.booking.models import OpeningException, SessionClosure, Slot
from app.booking.rules import Layer, Stretch
from app.catalogue.models import ServicePoint
from app.kernel.clock import at_local
from app.kernel.clock.calendar import DayKind
from app.kernel.clock.days import CalendarDay


@dataclass(frozen=True)
class HallDay:
    """One day of a service point."""

    point: ServicePoint
    day: date
    kind: DayKind | None
    exceptions: Mapping[str, Periods]
    closures: Sequence[tuple[str, Stretch]]

    def open_for(self, category: str) -> list[Stretch]:
        """When a business is open, without what was closed of it."""
        exception = self.exceptions.get(category, self.exceptions.get(""))
        opened = periods_on(Day(self.day, self.kind, self.point.opening_hours, exception))
        for closed in self.closed_for(category):
            opened = [rest for period in opened for rest in without(period, closed)]
        return sorted(opened, key=lambda period: period.starts_at)

    def closed_for(self, category: str) -> list[Stretch]:
        """The sessions of a business that the hall has closed."""
        return [closed for business, closed in self.closures if business in {"", category}]

    @property
    def closes_at(self) -> datetime | None:
        """When the last business closes; None when the hall does not open."""
        periods = [period for category in self.point.queue_categories for period in self.open_for(category)]
        return max((period.ends_at for period in periods), default=None)


def without(period: Stretch, closed: Stretch) -> list[Stretch]:
    """What is left of a time when another is taken out of it."""
    before = Stretch(period.starts_at, min(period.ends_at, closed.starts_at))
    after = Stretch(max(period.starts_at, closed.ends_at), period.ends_at)
    return [rest for rest in (before, after) if rest.starts_at < rest.ends_at]


async def hall_day(point: ServicePoint, day: date) -> HallDay:
    """How a service point is open on a day."""
    midnight, next_midnight = at_local(day, 0), at_local(day + timedelta(days=1), 0)
    entry = await CalendarDay.get_or_none(day=day)
    exceptions = await OpeningException.filter(service_point_id=point.key, day=day)
    closures = await SessionClosure.filter(
        service_point_id=point.key, closes_from__lt=next_midnight, closes_until__gt=midnight
    )
    return HallDay(
        point,
        day,
        entry.kind if entry else None,
        {one.category: one.periods for one in exceptions},
        [(one.category, Stretch(one.closes_from, one.closes_until)) for one in closures],
    )


async def last_visit_ends(point: ServicePoint, day: date) -> datetime | None:
    """When the last slot ends that somebody is expected in at the hall, of an extra session too; None for none."""
    booked = Slot.filter(service_point_id=point.key, day=day, closed_at=None, taken__gt=0)
    last = await booked.exclude(layer=Layer.HOME_VISIT).order_by("-ends_at").first()
    return last.ends_at if last else None
