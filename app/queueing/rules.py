"""Without this module a number could be called twice, or go where no number goes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.booking.policy import Policy
from app.booking.rules import Stretch
from app.kernel.clock import local
from app.kernel.transitions import Graph, edge
from app.queueing.errors import ClosedToday, NumbersGone, RecallsSpent, RejoinsSpent, SkillsInvalid, WalkInsClosed

GREEN_PREFIX = "Z"
"""The letter of the green channel, and of the business of a hall that is for nothing else; one counter for both."""

NEAR = 3
"""How many people are still ahead when a waiting person is told to come closer."""

_SKILLS = range(1, 10)
_CODE = re.compile(r"[A-Z]{1,2}[0-9]{3,6}")


class TicketChannel(StrEnum):
    """Where a number was taken; there is one queue whatever the channel."""

    PHONE = "PHONE"
    KIOSK = "KIOSK"
    DESK = "DESK"


class TicketState(StrEnum):
    WAITING = "WAITING"
    CALLED = "CALLED"
    SERVING = "SERVING"
    HUNG = "HUNG"
    DONE = "DONE"
    PASSED = "PASSED"
    ABANDONED = "ABANDONED"


AT_WINDOW = frozenset({TicketState.CALLED, TicketState.SERVING})
OPEN_STATES = AT_WINDOW | {TicketState.WAITING, TicketState.HUNG}

LIFE: Graph[TicketState] = Graph(
    [
        edge("call", TicketState.WAITING, TicketState.CALLED),
        edge("start", TicketState.CALLED, TicketState.SERVING),
        edge("finish", TicketState.SERVING, TicketState.DONE),
        edge("recall", TicketState.CALLED, TicketState.CALLED),
        edge("pass", TicketState.CALLED, TicketState.PASSED),
        edge("rejoin", TicketState.PASSED, TicketState.WAITING),
        edge("hang", TicketState.SERVING, TicketState.HUNG),
        edge("resume", TicketState.HUNG, TicketState.SERVING),
        edge("transfer", (TicketState.CALLED, TicketState.SERVING), TicketState.WAITING),
        edge("abandon", (TicketState.WAITING, TicketState.CALLED, TicketState.HUNG), TicketState.ABANDONED),
    ],
    {
        TicketState.WAITING: ("等候中", "waiting"),
        TicketState.CALLED: ("已叫号", "called"),
        TicketState.SERVING: ("办理中", "being served"),
        TicketState.HUNG: ("已挂起", "put aside"),
        TicketState.DONE: ("已办结", "done"),
        TicketState.PASSED: ("已过号", "passed"),
        TicketState.ABANDONED: ("已弃号", "given up"),
    },
)


@dataclass(frozen=True)
class OpenTicket:
    """What decides between several open numbers of one person for one item and day."""

    id: UUID
    state: TicketState
    taken_at: datetime


def tickets_giving_way(same_visit: Sequence[OpenTicket]) -> list[OpenTicket]:
    """Which open numbers end when two accounts of one person become one.

    One stays: the one being served, the one being called, the one put aside, then the one taken first.
    """
    nearness = {TicketState.SERVING: 0, TicketState.CALLED: 1, TicketState.HUNG: 2}
    return sorted(same_visit, key=lambda ticket: (nearness.get(ticket.state, 3), ticket.taken_at, ticket.id))[1:]


def ticket_code(category: str, number: int) -> str:
    """`D001`: the business's letter and a number that restarts each day."""
    return f"{category}{number:03d}"


def check_may_recall(code: str, calls: int, policy: Policy) -> None:
    """Raise `RecallsSpent` when a number was called again as often as the business does; then it is passed."""
    if calls > policy.recalls_most:
        raise RecallsSpent(ticket=code, most=policy.recalls_most)


def check_may_rejoin(code: str, rejoins: int, policy: Policy) -> None:
    """Raise `RejoinsSpent` when a passed number came back as often as it may; afterwards a new one is taken."""
    if rejoins >= policy.rejoins_most:
        raise RejoinsSpent(ticket=code)


def check_walk_in_hours(now: datetime, policy: Policy, opened: Sequence[Stretch], closed: Sequence[Stretch]) -> None:
    """Raise `WalkInsClosed` outside the hours in which a business gives out numbers without a booking.

    Beside its own these are the hours of the hall that day, from as early on as who booked may check in, through the
    break at noon; not in a session the hall closed. Raises `ClosedToday` when it does not open any more.
    """
    ahead = [period for period in opened if period.ends_at > now]
    if not ahead:
        raise ClosedToday
    if now < opened[0].starts_at - policy.early or any(gap.starts_at <= now < gap.ends_at for gap in closed):
        raise WalkInsClosed(hours=", ".join(_shown(period) for period in ahead))
    shown = f"{local(now):%H:%M}"
    begins, ends = policy.walk_in_from or "00:00", policy.walk_in_until or "24:00"
    if not begins <= shown < ends:
        raise WalkInsClosed(hours=f"{begins}-{ends}")


def _shown(period: Stretch) -> str:
    return f"{local(period.starts_at):%H:%M}-{local(period.ends_at):%H:%M}"


def check_numbers_left(given_out: int, policy: Policy) -> None:
    """Raise `NumbersGone` when a business has given out all numbers of the day; who booked gets one all the same."""
    if policy.tickets_a_day is not None and given_out >= policy.tickets_a_day:
        raise NumbersGone(most=policy.tickets_a_day)


def check_skills(skills: Mapping[str, int], served: Sequence[str]) -> None:
    """Raise `SkillsInvalid` for a business the hall does not serve, or a priority outside 1 to 9."""
    for category, priority in skills.items():
        if category not in served:
            raise SkillsInvalid(
                field="skills",
                reason_zh=f"该服务点不办理业务“{category}”",
                reason_en=f"the service point does not serve business {category}",
            )
        if priority not in _SKILLS:
            raise SkillsInvalid(field="skills", reason_zh="优先级为1至9", reason_en="a priority is 1 to 9")


def businesses_of(categories: Sequence[str], skills: Mapping[str, int]) -> dict[str, int]:
    """What a window calls, each with its priority: what was opened, as far as its skills allow."""
    return {category: skills.get(category, 1) for category in categories if not skills or category in skills}


def waits_since(queued_at: datetime, slot_starts_at: datetime | None) -> datetime:
    """From when somebody could expect to be called: not before the slot they booked."""
    return max(queued_at, slot_starts_at or queued_at)


def left_because_of_the_hall(since: datetime, now: datetime, policy: Policy) -> bool:
    """Whether somebody who leaves had waited longer than anybody should; then the visit is not held against them."""
    return now - since > timedelta(minutes=policy.walk_in_patience_minutes)


def is_code(text: str) -> bool:
    """Whether a text can be a number as it is printed: `D001`."""
    return _CODE.fullmatch(text) is not None
