"""Without this module nobody could tell the resident where the parcel is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.facts import Fact


@dataclass(frozen=True)
class ParcelRegistered(Fact):
    parcel_id: UUID
    about: ClassVar[str] = "parcel_id"


@dataclass(frozen=True)
class ParcelMoved(Fact):
    """The parcel's own state changed; `state` is the new one."""

    parcel_id: UUID
    state: str
    about: ClassVar[str] = "parcel_id"
