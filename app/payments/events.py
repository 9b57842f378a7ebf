"""Without this module nobody could react to money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.facts import Fact


@dataclass(frozen=True)
class BillIssued(Fact):
    bill_id: UUID
    about: ClassVar[str] = "bill_id"


@dataclass(frozen=True)
class BillPaid(Fact):
    """The one success of a bill; amount in fen."""

    bill_id: UUID
    amount_fen: int
    about: ClassVar[str] = "bill_id"


@dataclass(frozen=True)
class SurplusReceived(Fact):
    """Money came in that no bill was waiting for; it has to go back. Amount in fen."""

    attempt_id: UUID
    amount_fen: int
    about: ClassVar[str] = "attempt_id"
