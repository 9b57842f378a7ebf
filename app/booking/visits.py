"""Without this module a visit for three things, with the family, would be booked like one for one thing alone.

What is asked for, as plain values, and the rules of who may ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from app.booking.errors import AlreadyBooked, PartyTooLarge, TooManyBookings, TooManyInPeriod, VisitInvalid
from app.booking.policy import Policy
from app.booking.rules import ITEMS_MOST, LIVE_STATES, BookingState, Layer, day_and_time


@dataclass(frozen=True)
class VisitItem:
    """One thing a visit is for, perhaps for an open case of it."""

    item_key: str
    case_id: UUID | None = None

    def as_json(self) -> dict[str, Any]:
        return {"item_key": self.item_key, "case_id": str(self.case_id) if self.case_id else None}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> VisitItem:
        return cls(said["item_key"], UUID(said["case_id"]) if said.get("case_id") else None)


@dataclass(frozen=True)
class Visit:
    """Places asked for: `party` of them in each slot of `run`, one after another until `until`."""

    service_point: str
    category: str
    run: tuple[UUID, ...]
    day: date
    starts_at: datetime
    until: datetime
    items: tuple[VisitItem, ...]
    party: int
    policy: Policy
    layer: Layer = Layer.ORDINARY

    @property
    def item_keys(self) -> tuple[str, ...]:
        return tuple(item.item_key for item in self.items)


@dataclass(frozen=True)
class Past:
    """One booking of a resident, live or over, as far as the rules need to know it."""

    id: UUID
    category: str
    day: date
    starts_at: datetime
    state: BookingState
    item_keys: tuple[str, ...]
    late: bool = False
    excused: bool = False
    ended_at: datetime | None = None

    @property
    def live(self) -> bool:
        return self.state in LIVE_STATES

    @property
    def counts(self) -> bool:
        """Whether it uses up what a resident may book in a day, week or month."""
        return self.state not in {BookingState.CANCELLED, BookingState.EXPIRED, BookingState.HALL_CANCELLED}


@dataclass(frozen=True)
class History:
    """What a resident has booked so far, and whether missed visits count for them at all."""

    bookings: tuple[Past, ...] = field(default=())
    exempt: bool = False
    """A window saw why they do not."""

    born: date | None = None
    """Who is old enough is exempt too; known only of who has proved it, and only where something would count."""


def check_items(items: Sequence[VisitItem], party: int, policy: Policy) -> None:
    """Raise `VisitInvalid` or `PartyTooLarge` for what nobody could be served with."""
    if not 1 <= len(items) <= ITEMS_MOST:
        raise VisitInvalid(
            field="items",
            reason_zh=f"一次到场可办理1至{ITEMS_MOST}个事项",
            reason_en=f"one visit is for 1 to {ITEMS_MOST} items",
        )
    if len({item.item_key for item in items}) < len(items):
        raise VisitInvalid(field="items", reason_zh="同一事项选择了两次", reason_en="an item is named twice")
    if not 1 <= party <= policy.party_most:
        raise PartyTooLarge(field="party", most=policy.party_most)


def check_may_book(visit: Visit, history: History, *, live_most: int, apart_from: UUID | None = None) -> None:
    """Raise `AlreadyBooked`, `TooManyBookings` or `TooManyInPeriod` when a resident has booked enough.

    One live booking for each item, `live_most` in all, and as many visits in the day, ISO week and month of this
    one as the policy allows. `apart_from` is a booking that would be moved and does not count.
    """
    others = [past for past in history.bookings if past.id != apart_from]
    held = [past for past in others if past.live]
    for past in held:
        if set(past.item_keys) & set(visit.item_keys):
            when = past.starts_at
            raise AlreadyBooked(when_zh=day_and_time(when, "zh"), when_en=day_and_time(when, "en"), suggestion=past.id)
    if len(held) >= live_most:
        raise TooManyBookings(limit=live_most)
    _check_periods(visit, [past.day for past in others if past.counts and past.category == visit.category])


def _check_periods(visit: Visit, days: Sequence[date]) -> None:
    day, policy = visit.day, visit.policy
    monday = day - timedelta(days=day.weekday())
    periods = (
        (policy.per_day, sum(other == day for other in days), "当天", "that day"),
        (policy.per_week, sum(monday <= other < monday + timedelta(days=7) for other in days), "当周", "that week"),
        (
            policy.per_month,
            sum((other.year, other.month) == (day.year, day.month) for other in days),
            "当月",
            "that month",
        ),
    )
    for limit, count, zh, en in periods:
        if limit is not None and count >= limit:
            raise TooManyInPeriod(limit=limit, period_zh=zh, period_en=en)
