"""Without this module nobody could be told that somebody may now act for them, or no longer may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.facts import Fact


@dataclass(frozen=True)
class MandateGranted(Fact):
    """A mandate came into force, whichever way."""

    mandate_id: UUID
    about: ClassVar[str] = "mandate_id"


@dataclass(frozen=True)
class MandateRevoked(Fact):
    """A mandate ended before its time: taken back, given up or replaced."""

    mandate_id: UUID
    about: ClassVar[str] = "mandate_id"


@dataclass(frozen=True)
class ClaimConfirmed(Fact):
    """A window saw the papers of a guardian or a legal representative."""

    claim_id: UUID
    mandate_id: UUID
    about: ClassVar[str] = "claim_id"


@dataclass(frozen=True)
class ClaimRefused(Fact):
    claim_id: UUID
    about: ClassVar[str] = "claim_id"
