"""Facts about accounts. They carry ids only: whoever reacts reads what it may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.facts import Fact


@dataclass(frozen=True)
class AccountsJoined(Fact):
    """Two accounts of one person became one; everything of `absorbed` is the resident's now."""

    about: ClassVar[str] = "resident_id"
    resident_id: UUID
    absorbed_id: UUID


@dataclass(frozen=True)
class NumberLost(Fact):
    """Somebody proved by face that an identity number is theirs which this account only had typed in."""

    about: ClassVar[str] = "resident_id"
    resident_id: UUID


@dataclass(frozen=True)
class ChannelUnbound(Fact):
    """A host app no longer opens this account."""

    about: ClassVar[str] = "resident_id"
    resident_id: UUID
    channel: str


@dataclass(frozen=True)
class AccountClosed(Fact):
    """The resident left; what the law keeps is nobody's by name."""

    about: ClassVar[str] = "resident_id"
    resident_id: UUID
