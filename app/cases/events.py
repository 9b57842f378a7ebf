"""Without this module nobody above the cases could react to what happens to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.facts import Fact


@dataclass(frozen=True)
class CaseSubmitted(Fact):
    case_id: UUID
    about: ClassVar[str] = "case_id"


@dataclass(frozen=True)
class CaseAccepted(Fact):
    case_id: UUID
    about: ClassVar[str] = "case_id"


@dataclass(frozen=True)
class CaseApproved(Fact):
    """The body decided in the applicant's favour; `has_fees` says that a bill has to be made."""

    case_id: UUID
    has_fees: bool
    about: ClassVar[str] = "case_id"


@dataclass(frozen=True)
class CaseMoved(Fact):
    """Its fees are paid, its result was sent, or came back to the hall."""

    case_id: UUID
    about: ClassVar[str] = "case_id"


@dataclass(frozen=True)
class CaseClosed(Fact):
    case_id: UUID
    about: ClassVar[str] = "case_id"


@dataclass(frozen=True)
class CaseWithdrawn(Fact):
    case_id: UUID
    about: ClassVar[str] = "case_id"
