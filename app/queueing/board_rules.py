"""Without this module a screen could call a hall quiet in which nobody gets a chair."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum

from app.booking.policy import Policy
from app.booking.rules import Stretch
from app.kernel.errors import Refusal
from app.queueing.errors import ClosedToday, NumbersGone, WalkInsClosed
from app.queueing.rules import check_numbers_left, check_walk_in_hours

_QUIET_BELOW = 3
"""With less than a third of what a business can well serve, nobody waits for long."""


class Crowd(IntEnum):
    """How full it is now."""

    QUIET = 1
    NORMAL = 2
    BUSY = 3


def crowd_of(waiting: int, policy: Policy) -> Crowd:
    """Busy from the number of waiting people on at which a business warns who takes a number."""
    if waiting >= policy.waiting_warning:
        return Crowd.BUSY
    return Crowd.QUIET if waiting * _QUIET_BELOW < policy.waiting_warning else Crowd.NORMAL


def crowd_of_hall(businesses: Sequence[Crowd]) -> Crowd:
    """A hall is as full as its fullest business: that is where one would stand."""
    return max(businesses, default=Crowd.QUIET)


def why_no_numbers(
    given_out: int, now: datetime, policy: Policy, opened: Sequence[Stretch], closed: Sequence[Stretch]
) -> Refusal | None:
    """What who comes without a booking would be refused with now; None when numbers are given out."""
    try:
        check_walk_in_hours(now, policy, opened, closed)
        check_numbers_left(given_out, policy)
    except (WalkInsClosed, ClosedToday, NumbersGone) as refusal:
        return refusal.again()  # kept for a while, without the trace
    return None
