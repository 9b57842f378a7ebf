from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel import clock
from app.kernel.clock.calendar import DayKind, WorkingCalendar, end_of_day
from app.kernel.clock.days import load_calendar
from app.seeding import SEED
from tests.portal import Portal


def published() -> WorkingCalendar:
    """The calendar of 2024 to 2026 as the seed data has it."""
    document = orjson.loads((SEED / "working_calendar.json").read_bytes())
    days = {date.fromisoformat(entry["date"]): DayKind.HOLIDAY for entry in document["holidays"]}
    days |= {date.fromisoformat(entry["date"]): DayKind.ADJUSTED_WORKDAY for entry in document["adjusted_workdays"]}
    return WorkingCalendar(days)


CALENDAR = published()
days = st.dates(date(2024, 1, 1), date(2026, 10, 1))
counts = st.integers(0, 60)


@pytest.mark.parametrize(
    ("start", "working_days", "due"),
    [
        ("2025-01-24", 10, "2025-02-13"),
        ("2025-09-26", 5, "2025-10-10"),
        ("2025-09-28", 3, "2025-10-09"),  # a worked Sunday
        ("2025-09-30", 1, "2025-10-09"),
        ("2026-02-13", 5, "2026-02-27"),
        ("2026-04-30", 5, "2026-05-11"),
        ("2026-09-18", 20, "2026-10-22"),
    ],
)
def test_the_first_day_is_not_counted_and_holidays_are_not(start: str, working_days: int, due: str) -> None:
    assert CALENDAR.working_day_after(date.fromisoformat(start), working_days) == date.fromisoformat(due)


def test_a_worked_sunday_is_a_working_day_and_a_holiday_monday_is_not() -> None:
    assert CALENDAR.is_working_day(date(2025, 9, 28))
    assert not CALENDAR.is_working_day(date(2025, 10, 6))
    assert CALENDAR.is_working_day(date(2025, 10, 9))
    assert not CALENDAR.is_working_day(date(2025, 9, 27))


@given(days, counts)
def test_a_limit_never_ends_before_it_starts_and_ends_on_a_working_day(start: date, count: int) -> None:
    due = CALENDAR.working_day_after(start, count)
    assert due >= start
    assert count == 0 or CALENDAR.is_working_day(due)


@given(days, counts)
def test_a_limit_holds_as_many_working_days_as_it_says(start: date, count: int) -> None:
    due = CALENDAR.working_day_after(start, count)
    between = [start + timedelta(days=n) for n in range(1, (due - start).days + 1)]
    assert sum(CALENDAR.is_working_day(day) for day in between) == count


@given(days, counts, counts)
def test_limits_add_up(start: date, one: int, other: int) -> None:
    """Waiting three days and then four is waiting seven."""
    halfway = CALENDAR.working_day_after(start, one)
    assert CALENDAR.working_day_after(halfway, other) == CALENDAR.working_day_after(start, one + other)


@given(days, st.integers(1, 400))
def test_calendar_days_run_through_and_only_the_end_moves_on(start: date, count: int) -> None:
    due = CALENDAR.calendar_day_after(start, count)
    plain = start + timedelta(days=count)
    assert CALENDAR.is_working_day(due)
    assert due >= plain
    assert not any(CALENDAR.is_working_day(plain + timedelta(days=n)) for n in range((due - plain).days))


def test_a_limit_ending_in_the_national_holiday_ends_after_it() -> None:
    """民法典 203."""
    assert CALENDAR.calendar_day_after(date(2025, 9, 1), 31) == date(2025, 10, 9)
    assert CALENDAR.calendar_day_after(date(2025, 9, 1), 0) == date(2025, 9, 1)


def test_a_year_without_entries_is_not_published() -> None:
    assert CALENDAR.is_published(2026)
    assert not CALENDAR.is_published(2027)


@given(days)
def test_a_day_ends_with_its_last_second_in_the_hall(day: date) -> None:
    end = end_of_day(day)
    assert clock.local(end).date() == day
    assert clock.local(end + timedelta(seconds=1)).date() == day + timedelta(days=1)


async def test_the_table_holds_what_was_published(portal: Portal) -> None:
    assert (await load_calendar()).days == CALENDAR.days


def test_standing_at_another_moment_moves_now_and_today_only_inside() -> None:
    midnight_in_the_hall = datetime(2026, 2, 13, 16, 0, tzinfo=UTC)
    with clock.standing_at(midnight_in_the_hall):
        assert clock.now() == midnight_in_the_hall
        assert clock.today() == date(2026, 2, 14)
        with clock.standing_at(midnight_in_the_hall - timedelta(seconds=1)):
            assert clock.today() == date(2026, 2, 13)
        assert clock.today() == date(2026, 2, 14)
    assert abs(datetime.now(UTC) - clock.now()) < timedelta(seconds=5)


def test_a_wall_clock_time_is_told_in_utc() -> None:
    assert clock.at_local(date(2026, 2, 14), 9, 30) == datetime(2026, 2, 14, 1, 30, tzinfo=UTC)
