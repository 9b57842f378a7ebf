"""Without this module a holiday could have slots and a booking could be kept on the wrong day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.booking.errors import (
    CancelTooLate,
    MoveTooLate,
    SessionInvalid,
    TooEarlyToCheckIn,
    TooLateToCheckIn,
    VisitInvalid,
)
from app.booking.policy import Policy
from app.kernel.clock import at_local, local
from app.kernel.clock.calendar import DayKind
from app.kernel.transitions import Graph, edge

SLOT_MINUTES = 30
ITEMS_MOST = 5
LONGEST_GRACE = timedelta(hours=4)
"""What no policy can exceed: who is looked for as missed before each one's own grace decides."""

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


LINE_STATES = frozenset({WaitingState.WAITING, WaitingState.OFFERED})


class AppealState(StrEnum):
    OPEN = "OPEN"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"


STATE_WORDS: dict[BookingState, tuple[str, str]] = {
    BookingState.HELD: ("已占位,待确认", "held, to be confirmed"),
    BookingState.BOOKED: ("已预约", "booked"),
    BookingState.CHECKED_IN: ("已取号", "checked in"),
    BookingState.SERVED: ("已办理", "served"),
    BookingState.CANCELLED: ("已取消", "cancelled"),
    BookingState.HALL_CANCELLED: ("大厅已取消", "cancelled by the hall"),
    BookingState.NO_SHOW: ("未到场", "missed"),
    BookingState.EXPIRED: ("占位已过期", "no longer held"),
}

LIFE: Graph[BookingState] = Graph(
    [
        edge("confirm", BookingState.HELD, BookingState.BOOKED),
        edge("expire", BookingState.HELD, BookingState.EXPIRED),
        # Its deposit was paid late, and the places could be taken again.
        edge("reinstate", BookingState.EXPIRED, BookingState.BOOKED),
        edge("move", BookingState.BOOKED, BookingState.BOOKED),
        edge("check_in", BookingState.BOOKED, BookingState.CHECKED_IN),
        edge("serve", BookingState.CHECKED_IN, BookingState.SERVED),
        edge("cancel", (BookingState.HELD, BookingState.BOOKED), BookingState.CANCELLED),
        edge("hall_cancel", tuple(LIVE_STATES), BookingState.HALL_CANCELLED),
        edge("miss", (BookingState.BOOKED, BookingState.CHECKED_IN), BookingState.NO_SHOW),
    ],
    STATE_WORDS,
)


@dataclass(frozen=True)
class LiveBooking:
    """What decides between several live bookings of one person that are for the same items and days."""

    id: UUID
    state: BookingState
    booked_at: datetime
    visits: frozenset[tuple[str, date]]
    """Each of its items with the day."""

    cases: frozenset[UUID | None] = frozenset()
    """What its items are for once the accounts are one; None is among them for an item without a case."""

    def is_for(self, cases: AbstractSet[UUID | None]) -> bool:
        """Whether it is for some of these cases and for nothing else."""
        return bool(self.cases) and None not in self.cases and self.cases <= cases


_NEARNESS = {BookingState.CHECKED_IN: 0, BookingState.BOOKED: 1, BookingState.HELD: 2}


def bookings_giving_way(live: Sequence[LiveBooking]) -> list[LiveBooking]:
    """Which live bookings are given back when two accounts of one person become one.

    For each item and day, and for each case, one stays: the one that was checked in before one that was not, that
    before one only held, then the one booked first. A visit for something else too on another day is kept.
    """
    kept: set[tuple[str, date]] = set()
    seen_to: set[UUID | None] = set()
    leaving = []
    for booking in sorted(live, key=lambda booking: (_NEARNESS[booking.state], booking.booked_at, booking.id)):
        if booking.visits & kept or booking.is_for(seen_to):
            leaving.append(booking)
        else:
            kept |= booking.visits
            seen_to |= booking.cases
    return leaving


@dataclass(frozen=True)
class Stretch:
    """A slot's time as UTC moments."""

    starts_at: datetime
    ends_at: datetime


def stretches_of_day(
    day: date, kind: DayKind | None, opening_hours: Mapping[str, Sequence[Mapping[str, str]]], minutes: int
) -> list[Stretch]:
    """The slots of an ordinary day, cut from the times a hall is open on it."""
    periods = periods_of_day(day, kind, opening_hours)
    return [slot for period in periods for slot in cut(period.starts_at, period.ends_at, minutes)]


def periods_of_day(
    day: date, kind: DayKind | None, opening_hours: Mapping[str, Sequence[Mapping[str, str]]]
) -> list[Stretch]:
    """When a hall is open on a day: never on a holiday, in Monday's hours on a worked weekend without its own.

    `kind` is the day's entry in the working calendar, None for an ordinary one.
    """
    if kind is DayKind.HOLIDAY:
        return []
    periods = opening_hours.get(str(day.isoweekday()), ())
    if kind is DayKind.ADJUSTED_WORKDAY and not periods:
        periods = opening_hours.get(_WORKED_WEEKEND_AS, ())
    return [Stretch(_moment(day, period["open"]), _moment(day, period["close"])) for period in periods]


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


def is_late_to_cancel(starts_at: datetime, now: datetime, policy: Policy) -> bool:
    """Whether giving a place back now counts as a late cancellation. Raises `CancelTooLate` once the slot began."""
    if now >= starts_at:
        raise CancelTooLate
    return starts_at - now < timedelta(minutes=policy.cancel_before_minutes)


def check_may_move(starts_at: datetime, now: datetime, policy: Policy) -> None:
    """Raise `CancelTooLate` once the slot began, `MoveTooLate` after the deadline of a cancellation."""
    if is_late_to_cancel(starts_at, now, policy):
        raise MoveTooLate(minutes=policy.cancel_before_minutes)


def check_same_place(layer: Layer, other: Layer) -> None:
    """Raise `VisitInvalid` when a visit to the hall would become one at home, which has an address, or back."""
    if (layer is Layer.HOME_VISIT) is not (other is Layer.HOME_VISIT):
        raise VisitInvalid(
            field="slotId",
            reason_zh="上门服务和到大厅办理之间不能改期,请取消后重新预约",
            reason_en="a home visit cannot be moved to the hall or back: cancel it and book again",
        )


def check_may_check_in(starts_at: datetime, now: datetime, policy: Policy) -> None:
    """Raise `TooEarlyToCheckIn` or `TooLateToCheckIn` outside the window around the slot's start."""
    opens = starts_at - policy.early
    if now < opens:
        raise TooEarlyToCheckIn(from_zh=day_and_time(opens, "zh"), from_en=day_and_time(opens, "en"))
    if now > starts_at + policy.grace:
        raise TooLateToCheckIn(minutes=policy.grace_minutes)


def is_missed(until: datetime, now: datetime, policy: Policy) -> bool:
    """A booking without check-in is missed once its time is over and the grace has passed."""
    return now > until + policy.grace


def day_and_time(moment: datetime, language: str) -> str:
    """A moment as the hall's clock shows it: `11月27日09:00`."""
    shown = local(moment)
    return f"{shown:%d %B %H:%M}" if language == "en" else f"{shown.month}月{shown.day}日{shown:%H:%M}"
