"""Without this module holidays would be code instead of a table that staff can load each November."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from app.kernel.clock.calendar import DayKind, WorkingCalendar


class CalendarDay(Model):
    """One published exception to the ordinary week."""

    day = fields.DateField(primary_key=True)
    kind = fields.CharEnumField(DayKind, max_length=20)
    name_zh = fields.CharField(max_length=50)

    class Meta:
        table = "calendar_day"


async def load_calendar() -> WorkingCalendar:
    """The whole table; a few hundred rows for a decade."""
    return WorkingCalendar({entry.day: entry.kind async for entry in CalendarDay.all()})
