"""Without this module nobody could tell a waiting resident that it is their turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.facts import Fact


@dataclass(frozen=True)
class TicketTaken(Fact):
    ticket_id: UUID
    about: ClassVar[str] = "ticket_id"


@dataclass(frozen=True)
class TicketCalled(Fact):
    ticket_id: UUID
    about: ClassVar[str] = "ticket_id"


@dataclass(frozen=True)
class TicketNear(Fact):
    """Three more numbers and it is this one's turn."""

    ticket_id: UUID
    about: ClassVar[str] = "ticket_id"


@dataclass(frozen=True)
class TicketPassed(Fact):
    """Nobody came to the window; the number may rejoin."""

    ticket_id: UUID
    about: ClassVar[str] = "ticket_id"


@dataclass(frozen=True)
class TicketMoved(Fact):
    """The number was transferred to another business; it has a new code and keeps its time."""

    ticket_id: UUID
    about: ClassVar[str] = "ticket_id"
