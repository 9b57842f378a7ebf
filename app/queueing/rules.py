"""Without this module the order in the hall would be whatever the database returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.kernel.transitions import Graph, edge


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
    ]
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
