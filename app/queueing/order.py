"""Without this module the order in the hall would be whatever the database returns.

A pure function over plain values: who waits, what was called before, the clock, the rules of the business. Everybody
can read why somebody is before them, and a test plays whole days against a slow reference (domain guide, section 7.2).

* The green channel comes first, then who booked and whose slot has begun, then who came without a booking.
* Who booked and checked in early waits behind all of them until their slot begins, unless nobody else is there.
* While a walk-in has waited longer than the patience of the business, at most `booked_in_a_row` numbers in a row are
  called ahead of them, of the green channel or booked.
* Who booked and has waited longer than that patience since their slot began is not overtaken by somebody of the
  green channel who came later.
* Who was passed and rejoins stands behind as many calls as the rules say, or is called when nobody else is there.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TypeAlias
from uuid import UUID

from app.booking.policy import Policy

Key: TypeAlias = tuple[datetime, datetime, UUID]


@dataclass(frozen=True)
class Waiting:
    """Somebody in the line of a business; `queued_at` is when their waiting began, also before a transfer."""

    id: UUID
    queued_at: datetime
    slot_starts_at: datetime | None = None
    green: bool = False
    behind_call: int | None = None
    """Not before the business has called so many numbers."""

    @property
    def since(self) -> datetime:
        """From when they could expect to be called."""
        if self.green or self.slot_starts_at is None:
            return self.queued_at
        return max(self.queued_at, self.slot_starts_at)


@dataclass(frozen=True)
class Streak:
    """What a business has called today: how many, and how many of them in a row since the last walk-in."""

    called: int = 0
    booked_in_a_row: int = 0

    def after(self, ticket: Waiting) -> Streak:
        walk_in = ticket.slot_starts_at is None and not ticket.green
        return Streak(self.called + 1, 0 if walk_in else self.booked_in_a_row + 1)


class _Kind(IntEnum):
    GREEN = 0
    BOOKED = 1
    WALK_IN = 2
    EARLY = 3


def _kind(ticket: Waiting, now: datetime) -> _Kind:
    if ticket.green:
        return _Kind.GREEN
    if ticket.slot_starts_at is None:
        return _Kind.WALK_IN
    return _Kind.BOOKED if ticket.slot_starts_at <= now else _Kind.EARLY


def _in_turn(ticket: Waiting) -> Key:
    """Within one kind: by slot who booked, then by who came sooner."""
    booked = ticket.slot_starts_at if not ticket.green else None
    return (booked or ticket.queued_at, ticket.queued_at, ticket.id)


class _Queues:
    """A line sorted into kinds once, so that lining everybody up takes no longer than sorting."""

    def __init__(self, waiting: Sequence[Waiting], called: int, now: datetime) -> None:
        self.now = now
        self.kinds: dict[_Kind, list[Waiting]] = {kind: [] for kind in _Kind}
        self.behind: list[Waiting] = sorted(
            (ticket for ticket in waiting if (ticket.behind_call or 0) > called),
            key=lambda ticket: (ticket.behind_call or 0, _in_turn(ticket)),
        )
        for ticket in waiting:
            if (ticket.behind_call or 0) <= called:
                self.kinds[_kind(ticket, now)].append(ticket)
        for queue in self.kinds.values():
            queue.sort(key=_in_turn)

    def first(self, kind: _Kind) -> Waiting | None:
        queue = self.kinds[kind]
        return queue[0] if queue else None

    def let_in(self, called: int) -> None:
        """Those whose number of calls has been reached take their place again."""
        while self.behind and (self.behind[0].behind_call or 0) <= called:
            ticket = self.behind.pop(0)
            insort(self.kinds[_kind(ticket, self.now)], ticket, key=_in_turn)

    def take(self, streak: Streak, policy: Policy) -> Waiting | None:
        chosen = self._choose(streak, policy)
        if chosen is not None:
            self.kinds[_kind(chosen, self.now)].remove(chosen)
        elif self.behind:
            chosen = self.behind.pop(0)
        return chosen

    def _choose(self, streak: Streak, policy: Policy) -> Waiting | None:
        green, booked, walk_in, early = (self.first(kind) for kind in _Kind)
        may_be_overtaken = streak.booked_in_a_row < policy.booked_in_a_row
        if walk_in and not may_be_overtaken and is_impatient(walk_in, self.now, policy):
            return walk_in
        if green and booked and booked.since < green.queued_at and is_impatient(booked, self.now, policy):
            return booked
        return green or booked or walk_in or early


def is_impatient(ticket: Waiting, now: datetime, policy: Policy, times: int = 1) -> bool:
    """Whether somebody has waited longer than the patience of the business, or so many times as long."""
    return now - ticket.since > times * timedelta(minutes=policy.walk_in_patience_minutes)


def line_up(waiting: Sequence[Waiting], streak: Streak, now: datetime, policy: Policy) -> Iterator[Waiting]:
    """Everybody in the order in which they would be called if all were called now."""
    queues = _Queues(waiting, streak.called, now)
    while (ticket := queues.take(streak, policy)) is not None:
        yield ticket
        streak = streak.after(ticket)
        queues.let_in(streak.called)


def next_ticket(waiting: Sequence[Waiting], streak: Streak, now: datetime, policy: Policy) -> Waiting | None:
    """Who of a business is called next; None when nobody waits."""
    return next(line_up(waiting, streak, now, policy), None)


@dataclass(frozen=True)
class Line:
    """The line of one business as a window sees it; `priority` 1 comes before 2."""

    category: str
    waiting: Sequence[Waiting]
    streak: Streak
    policy: Policy
    priority: int = 1

    def without(self, ticket: Waiting) -> Line:
        """The line once this number is called."""
        rest = [other for other in self.waiting if other.id != ticket.id]
        return replace(self, waiting=rest, streak=self.streak.after(ticket))


def next_of(lines: Sequence[Line], now: datetime) -> tuple[Line, Waiting] | None:
    """Which of its businesses a window serves next, and whom.

    Of each business only the next one may be called. A window's priorities hold until one of these has waited twice
    the patience of the business: then the longest wait comes first, so that no business starves beside another.
    The green channel comes before priorities; of equal ones who has lost patience, then who booked.
    """
    firsts = [(line, first) for line in lines if (first := next_ticket(line.waiting, line.streak, now, line.policy))]

    def claim(entry: tuple[Line, Waiting]) -> tuple[int, int, int, int, Key]:
        line, ticket = entry
        longest = (ticket.since, ticket.queued_at, ticket.id)
        if is_impatient(ticket, now, line.policy, times=2):
            return (0, 0, 0, 0, longest)
        if ticket.green:
            return (1, 0, 0, 0, longest)
        if is_impatient(ticket, now, line.policy):
            return (2, line.priority, 0, 0, longest)
        return (2, line.priority, 1, _kind(ticket, now), _in_turn(ticket))

    return min(firsts, key=claim, default=None)


def upcoming(lines: Sequence[Line], now: datetime) -> Iterator[Waiting]:
    """Whom a window would call one after another, if it called all of them now."""
    left = list(lines)
    while (found := next_of(left, now)) is not None:
        line, ticket = found
        yield ticket
        left[left.index(line)] = line.without(ticket)
