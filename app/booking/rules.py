"""Without this module a holiday could have slots and a booking could be kept on the wrong day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.booking.errors import CancelTooLate, SessionInvalid, TooEarlyToCheckIn, TooLateToCheckIn
from app.kernel.clock import at_local, local
from app.kernel.clock.calendar import DayKind
from app.kernel.transitions import Graph, edge

SLOT_MINUTES = 30
DAYS_AHEAD = 7
CANCEL_BEFORE = timedelta(hours=2)
CHECK_IN_EARLY = timedelta(minutes=30)
CHECK_IN_LATE = timedelta(minutes=10)
LIVE_PER_RESIDENT = 2
_WORKED_WEEKEND_AS = "1"
_LONGEST_SESSION = timedelta(hours=14)


class Layer(StrEnum):
    """What kind of hours a slot belongs to."""

    ORDINARY = "ORDINARY"
    EXTRA = "EXTRA"
    HOME_VISIT = "HOME_VISIT"


class Channel(StrEnum):
    """Where a booking was made: by the resident's phone, or by staff at the desk."""

    PHONE = "PHONE"
    DESK = "DESK"


class BookingState(StrEnum):
    HELD = "HELD"
    BOOKED = "BOOKED"
    CHECKED_IN = "CHECKED_IN"
    SERVED = "SERVED"
    CANCELLED = "CANCELLED"
    HALL_CANCELLED = "HALL_CANCELLED"
    NO_SHOW = "NO_SHOW"
    EXPIRED = "EXPIRED"


LIVE_STATES = frozenset({BookingState.HELD, BookingState.BOOKED, BookingState.CHECKED_IN})
KEEPS_THE_PLACE = frozenset(BookingState) - {BookingState.CANCELLED, BookingState.EXPIRED}
"""Bookings that count in a slot's `taken`: one given back in time does not, one that was missed does."""


class WaitingState(StrEnum):
    WAITING = "WAITING"
    OFFERED = "OFFERED"
    SERVED = "SERVED"
    LEFT = "LEFT"
    OVER = "OVER"


class AppealState(StrEnum):
    OPEN = "OPEN"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"


@dataclass(frozen=True)
class LiveBooking:
    """What decides between several live bookings of one person for one item and day."""

    id: UUID
    state: BookingState
    booked_at: datetime


def bookings_giving_way(same_visit: Sequence[LiveBooking]) -> list[LiveBooking]:
    """Which live bookings of one item and day are given back when two accounts of one person become one.

    One stays: the one that was checked in before one that was not, then the one booked first.
    """
    return sorted(
        same_visit, key=lambda booking: (booking.state is BookingState.BOOKED, booking.booked_at, booking.id)
    )[1:]


LIFE: Graph[BookingState] = Graph(
    [
        edge("confirm", BookingState.HELD, BookingState.BOOKED),
        edge("expire", BookingState.HELD, BookingState.EXPIRED),
        edge("move", BookingState.BOOKED, BookingState.BOOKED),
        edge("check_in", BookingState.BOOKED, BookingState.CHECKED_IN),
        edge("serve", BookingState.CHECKED_IN, BookingState.SERVED),
        edge("cancel", (BookingState.HELD, BookingState.BOOKED), BookingState.CANCELLED),
        edge("hall_cancel", tuple(LIVE_STATES), BookingState.HALL_CANCELLED),
        edge("miss", (BookingState.BOOKED, BookingState.CHECKED_IN), BookingState.NO_SHOW),
    ]
)


@dataclass(frozen=True)
class Policy:
    """How one business is booked: minutes of a slot, places in it, working of the window in days."""

    slot_minutes: int
    capacity: int
    days_ahead: int


def default_policy(windows: int, categories: int) -> Policy:
    """Without a policy of its own a business gets its share of the windows, two visits per half hour each."""
    return Policy(SLOT_MINUTES, max(1, windows // max(categories, 1)) * 2, DAYS_AHEAD)


@dataclass(frozen=True)
class Stretch:
    """A slot's time as UTC moments."""

    starts_at: datetime
    ends_at: datetime


def stretches_of_day(
    day: date, kind: DayKind | None, opening_hours: Mapping[str, Sequence[Mapping[str, str]]], minutes: int
) -> list[Stretch]:
    """The slots of an ordinary day: none on a holiday, Monday's hours on a worked weekend without its own.

    `kind` is the day's entry in the working calendar, None for an ordinary one.
    """
    if kind is DayKind.HOLIDAY:
        return []
    periods = opening_hours.get(str(day.isoweekday()), ())
    if kind is DayKind.ADJUSTED_WORKDAY and not periods:
        periods = opening_hours.get(_WORKED_WEEKEND_AS, ())
    found: list[Stretch] = []
    for period in periods:
        found.extend(cut(_moment(day, period["open"]), _moment(day, period["close"]), minutes))
    return found


def cut(opens_at: datetime, closes_at: datetime, minutes: int) -> Iterator[Stretch]:
    """Whole slots of `minutes` between two moments; what is left over at the end is not used."""
    length = timedelta(minutes=minutes)
    while opens_at + length <= closes_at:
        yield Stretch(opens_at, opens_at + length)
        opens_at += length


def _moment(day: date, clock: str) -> datetime:
    hour, minute = clock.split(":")
    return at_local(day, int(hour), int(minute))


def check_session(opens_at: datetime, closes_at: datetime, capacity: int, now: datetime) -> None:
    """Raise `SessionInvalid` unless an extra session lies ahead, has a sensible length and places."""
    if closes_at <= now or closes_at <= opens_at:
        raise SessionInvalid(
            reason_zh="结束时间必须晚于开始时间和现在", reason_en="it must end after its start and after now"
        )
    if closes_at - opens_at > _LONGEST_SESSION:
        raise SessionInvalid(reason_zh="一次加开不能超过14小时", reason_en="it must not be longer than 14 hours")
    if not 1 <= capacity <= 500:
        raise SessionInvalid(reason_zh="每个时段的名额应为1至500", reason_en="each slot takes 1 to 500 people")


def check_may_cancel(starts_at: datetime, now: datetime) -> None:
    """Raise `CancelTooLate` when the deadline has passed."""
    if starts_at - now < CANCEL_BEFORE:
        raise CancelTooLate(hours=int(CANCEL_BEFORE.total_seconds() // 3600))


def check_may_check_in(starts_at: datetime, now: datetime) -> None:
    """Raise `TooEarlyToCheckIn` or `TooLateToCheckIn` outside the window around the slot's start."""
    opens = starts_at - CHECK_IN_EARLY
    if now < opens:
        raise TooEarlyToCheckIn(from_zh=day_and_time(opens, "zh"), from_en=day_and_time(opens, "en"))
    if now > starts_at + CHECK_IN_LATE:
        raise TooLateToCheckIn(minutes=int(CHECK_IN_LATE.total_seconds() // 60))


def is_missed(ends_at: datetime, now: datetime) -> bool:
    """A booking without check-in is missed once its slot is over and the grace has passed."""
    return now > ends_at + CHECK_IN_LATE


def day_and_time(moment: datetime, language: str) -> str:
    """A moment as the hall's clock shows it: `11月27日09:00`."""
    shown = local(moment)
    return f"{shown:%d %B %H:%M}" if language == "en" else f"{shown.month}月{shown.day}日{shown:%H:%M}"
