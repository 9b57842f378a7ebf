"""Without this module nobody could remind, count or react to a booking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.facts import Fact


@dataclass(frozen=True)
class SlotBooked(Fact):
    booking_id: UUID
    about: ClassVar[str] = "booking_id"


@dataclass(frozen=True)
class BookingCancelled(Fact):
    booking_id: UUID
    about: ClassVar[str] = "booking_id"


@dataclass(frozen=True)
class VisitKept(Fact):
    """The resident was served at a window."""

    booking_id: UUID
    about: ClassVar[str] = "booking_id"


@dataclass(frozen=True)
class VisitMissed(Fact):
    booking_id: UUID
    about: ClassVar[str] = "booking_id"
