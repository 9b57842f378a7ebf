"""Without this module the order in the hall would be whatever the database returns."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.transitions import Graph, edge


class TicketState(StrEnum):
    WAITING = "WAITING"
    CALLED = "CALLED"
    SERVING = "SERVING"
    DONE = "DONE"
    PASSED = "PASSED"
    ABANDONED = "ABANDONED"


AT_WINDOW = frozenset({TicketState.CALLED, TicketState.SERVING})

LIFE: Graph[TicketState] = Graph(
    [
        edge("call", TicketState.WAITING, TicketState.CALLED),
        edge("start", TicketState.CALLED, TicketState.SERVING),
        edge("finish", TicketState.SERVING, TicketState.DONE),
        edge("pass", TicketState.CALLED, TicketState.PASSED),
        edge("abandon", (TicketState.WAITING, TicketState.CALLED), TicketState.ABANDONED),
    ]
)


def ticket_code(category: str, number: int) -> str:
    """`D001`: the business's letter and a number that restarts each day."""
    return f"{category}{number:03d}"
