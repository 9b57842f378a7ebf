"""Without this module every hall would be booked by the same rules, or by rules nobody could read.

How one business of one hall is booked and called: data, checked when it is set, with the defaults of a city
that never set anything (mobile booking rules of several Chinese city halls; domain guide sections 7.1, 7.2, 17).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.kernel.clock import at_local

Share = Annotated[int, Field(ge=0, le=100)]
"""Percent."""


def _wall_clock(text: str) -> str:
    if time.fromisoformat(text).strftime("%H:%M") != text:  # with seconds or an offset it would mean something else
        raise ValueError("a time is written as 08:00")
    return text


WallClock = Annotated[str, AfterValidator(_wall_clock)]
"""`08:00` as the hall's clock shows it."""


class Fault(StrEnum):
    """What counts against a resident: not coming, and giving back too late for anybody else."""

    NO_SHOW = "NO_SHOW"
    LATE_CANCEL = "LATE_CANCEL"


class Consequence(StrEnum):
    WARNING = "WARNING"
    LIMIT = "LIMIT"
    BAR = "BAR"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CreditRule(_Frozen):
    """`count` faults of one kind within `within_days` days: a warning, a lower limit, or a bar for `days` days."""

    fault: Fault
    count: int = Field(ge=1, le=100)
    within_days: int = Field(ge=1, le=730)
    consequence: Consequence
    days: int = Field(default=30, ge=1, le=730)
    live_at_most: int = Field(default=1, ge=1, le=20)
    """How many live bookings somebody with a lowered limit may hold."""


DEFAULT_CREDIT_RULES = (
    CreditRule(fault=Fault.NO_SHOW, count=1, within_days=30, consequence=Consequence.WARNING),
    CreditRule(fault=Fault.NO_SHOW, count=2, within_days=30, consequence=Consequence.BAR),
    CreditRule(fault=Fault.LATE_CANCEL, count=3, within_days=30, consequence=Consequence.LIMIT),
    CreditRule(fault=Fault.LATE_CANCEL, count=5, within_days=30, consequence=Consequence.BAR),
)


class Policy(_Frozen):
    """The rules of one business at one service point."""

    # What is laid out.
    slot_minutes: int = Field(default=30, ge=5, le=240)
    windows: int = Field(default=1, ge=0, le=200)
    """How many windows work on bookings of this business."""
    per_window: int = Field(default=2, ge=0, le=100)
    """Visits one window takes in one slot."""
    walk_in_share: Share = 0
    """Of all places, percent that are not bookable but kept for who comes without a booking."""
    desk_share: Share = 0
    """Of the bookable places, percent that only the hall's staff can book, for who has no phone."""
    days_ahead: int = Field(default=7, ge=0, le=90)
    release_time: WallClock | None = None
    """When a new day's slots become bookable; at once when it is None."""

    # Who may book what.
    min_level: int = Field(default=2, ge=1, le=4)
    party_most: int = Field(default=5, ge=1, le=20)
    deposit_fen: int | None = Field(default=None, ge=1, le=100_000)
    """What has to be paid before a place booked by phone is sure; given back to who comes, or cancels in time."""

    live_most: int = Field(default=2, ge=1, le=20)
    """Live bookings of one resident in all."""
    per_day: int | None = Field(default=None, ge=1, le=20)
    per_week: int | None = Field(default=None, ge=1, le=50)
    per_month: int | None = Field(default=None, ge=1, le=100)
    """How many bookings of this business one resident may have made for one day, ISO week, month of visits."""
    minutes_by_item: Mapping[str, Annotated[int, Field(ge=1, le=480)]] = Field(default_factory=dict)
    """How long an item takes; one slot for each not named."""

    # Deadlines.
    hold_minutes: int = Field(default=10, ge=1, le=60)
    cancel_before_minutes: int = Field(default=120, ge=0, le=10_080)
    """Given back later than this it counts as a late cancellation; it is possible until the slot begins."""
    offer_minutes: int = Field(default=30, ge=1, le=1_440)
    """How long somebody of the waiting list may think about an offered place."""
    early_minutes: int = Field(default=30, ge=0, le=240)
    grace_minutes: int = Field(default=10, ge=0, le=240)
    radius_metres: int = Field(default=500, ge=50, le=20_000)
    """How near a phone must be to check in by location."""

    # Credit.
    credit_rules: Sequence[CreditRule] = DEFAULT_CREDIT_RULES
    exempt_age: int = Field(default=70, ge=0, le=150)

    # The release minute.
    waiting_room: bool = False
    gather_minutes: int = Field(default=10, ge=1, le=120)
    """How long before the release people may gather; all of them are drawn alike."""
    admitted_per_second: int = Field(default=50, ge=1, le=10_000)
    rush_minutes: int = Field(default=10, ge=1, le=120)
    """How long after the release a turn is needed to book."""
    challenge_above: int = Field(default=500, ge=0, le=1_000_000)
    """How many may want to enter within ten seconds before each has to do a little work first."""

    # The queue in the hall.
    tickets_a_day: int | None = Field(default=None, ge=1, le=5_000)
    walk_in_from: WallClock | None = None
    walk_in_until: WallClock | None = None
    waiting_warning: int = Field(default=30, ge=1, le=1_000)
    recalls_most: int = Field(default=3, ge=1, le=10)
    rejoins_most: int = Field(default=1, ge=0, le=5)
    rejoin_behind: int = Field(default=3, ge=0, le=50)
    booked_in_a_row: int = Field(default=2, ge=1, le=20)
    walk_in_patience_minutes: int = Field(default=20, ge=1, le=240)

    @model_validator(mode="after")
    def _walk_ins_come_in_order(self) -> Policy:
        if self.walk_in_from and self.walk_in_until and self.walk_in_from >= self.walk_in_until:
            raise ValueError("walk_in_from must be before walk_in_until")
        return self

    @property
    def capacity(self) -> int:
        """Bookable places of one slot, whatever the channel."""
        return self.windows * self.per_window * (100 - self.walk_in_share) // 100

    @property
    def phone_capacity(self) -> int:
        """How many of them phones can book."""
        return self.capacity * (100 - self.desk_share) // 100

    @property
    def days_laid(self) -> int:
        """How many days ahead slots are laid out: with a release one more than can be booked, laid in the night
        before it, so that everybody can see what will open and gather for it however early in the day it is.
        """
        return self.days_ahead if self.release_time is None else self.days_ahead + 1

    def opens_at(self, day: date) -> datetime | None:
        """When the slots of a day become bookable; None when they are as soon as they are laid out."""
        if self.release_time is None:
            return None
        hour, minute = self.release_time.split(":")
        return at_local(day - timedelta(days=self.days_ahead), int(hour), int(minute))

    def slots_needed(self, items: Sequence[str]) -> int:
        """How many slots in a row a visit for these items takes: their durations added up."""
        minutes = sum(self.minutes_by_item.get(item, self.slot_minutes) for item in items)
        return max(1, -(-minutes // self.slot_minutes))

    @property
    def early(self) -> timedelta:
        return timedelta(minutes=self.early_minutes)

    @property
    def grace(self) -> timedelta:
        return timedelta(minutes=self.grace_minutes)


def default_rules(windows: int, categories: int) -> dict[str, object]:
    """Without rules of its own a business gets its share of the hall's windows."""
    return {"windows": max(1, windows // max(categories, 1))}
