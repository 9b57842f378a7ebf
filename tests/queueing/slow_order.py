"""The order in the hall, slow and obviously right: each sentence of the rules is asked of every pair.

It shares nothing with the real one but the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.booking.policy import Policy
from app.queueing.order import Streak, Waiting


def is_walk_in(ticket: Waiting) -> bool:
    return not ticket.green and ticket.slot_starts_at is None


def is_booked(ticket: Waiting) -> bool:
    return not ticket.green and ticket.slot_starts_at is not None


def could_expect_from(ticket: Waiting) -> datetime:
    """From when somebody could expect to be called: who booked not before the slot."""
    if is_booked(ticket) and ticket.slot_starts_at is not None:
        return max(ticket.slot_starts_at, ticket.queued_at)
    return ticket.queued_at


def slow_next(waiting: Sequence[Waiting], streak: Streak, now: datetime, policy: Policy) -> Waiting | None:
    """Of the first ones of each kind the one whom nobody else is before."""
    there = [ticket for ticket in waiting if ticket.behind_call is None or ticket.behind_call <= streak.called]
    if not there:
        return fewest_calls_behind(waiting)
    hall = _Hall(streak, now, policy)
    firsts = [a for a in there if not any(hall.sooner(b, a) for b in there if hall.standing(a) == hall.standing(b))]
    [winner] = [a for a in firsts if not any(hall.before(b, a) for b in firsts if b.id != a.id)]
    return winner


@dataclass(frozen=True)
class _Hall:
    streak: Streak
    now: datetime
    policy: Policy

    def standing(self, ticket: Waiting) -> int:
        if ticket.green:
            return 0
        if ticket.slot_starts_at is None:
            return 2
        return 1 if ticket.slot_starts_at <= self.now else 3

    def impatient(self, ticket: Waiting) -> bool:
        return self.now - could_expect_from(ticket) > timedelta(minutes=self.policy.walk_in_patience_minutes)

    def sooner(self, a: Waiting, b: Waiting) -> bool:
        """Of two of one kind."""
        if is_booked(a) and a.slot_starts_at != b.slot_starts_at:
            assert a.slot_starts_at is not None
            assert b.slot_starts_at is not None
            return a.slot_starts_at < b.slot_starts_at
        return (a.queued_at, a.id) < (b.queued_at, b.id)

    def lets_nobody_pass(self, ticket: Waiting) -> bool:
        """A walk-in who has waited too long, once enough others were called in a row."""
        enough = self.streak.booked_in_a_row >= self.policy.booked_in_a_row
        return is_walk_in(ticket) and enough and self.impatient(ticket)

    def before(self, a: Waiting, b: Waiting) -> bool:
        """Of two of different kinds."""
        if self.lets_nobody_pass(a) or self.lets_nobody_pass(b):
            return self.lets_nobody_pass(a)
        if {self.standing(a), self.standing(b)} == {0, 1}:
            green, booked = (a, b) if a.green else (b, a)
            overtaken = self.impatient(booked) and could_expect_from(booked) < green.queued_at
            return a is (booked if overtaken else green)
        return self.standing(a) < self.standing(b)


def fewest_calls_behind(waiting: Sequence[Waiting]) -> Waiting | None:
    """When everybody there has to let some calls pass first: whoever has to let pass the fewest."""

    def rank(ticket: Waiting) -> tuple[int, datetime, datetime, UUID]:
        slot = None if ticket.green else ticket.slot_starts_at
        return (ticket.behind_call or 0, slot or ticket.queued_at, ticket.queued_at, ticket.id)

    return min(waiting, key=rank, default=None)
