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
