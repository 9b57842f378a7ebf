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
class DepositDue(Fact):
    """A place is held until its deposit is paid; whoever takes the money confirms it or lets it go."""

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


@dataclass(frozen=True)
class BookingMoved(Fact):
    """The visit is at another time now; `by_hall` when the hall had to close the time before."""

    booking_id: UUID
    from_slot_id: UUID
    to_slot_id: UUID
    by_hall: bool
    about: ClassVar[str] = "booking_id"


@dataclass(frozen=True)
class BookingHallCancelled(Fact):
    """The hall could not keep a booking: the resident is told, owes nothing, and is not to blame.

    What was paid for the visit is given back by whoever took it, in reaction to this fact.
    """

    booking_id: UUID
    offered_booking_id: UUID | None
    about: ClassVar[str] = "booking_id"


@dataclass(frozen=True)
class PlaceOffered(Fact):
    """A place is held for somebody until a moment: for who is next in line, or instead of a closed time."""

    booking_id: UUID
    resident_id: UUID
    about: ClassVar[str] = "booking_id"


@dataclass(frozen=True)
class PlacesReserved(Fact):
    """Places of a slot were freed and wait to be offered to who is next in line."""

    slot_id: UUID
    about: ClassVar[str] = "slot_id"


@dataclass(frozen=True)
class VisitDue(Fact):
    """A visit is near: `which` is `DAY_BEFORE` or `SOON`."""

    booking_id: UUID
    which: str
    about: ClassVar[str] = "booking_id"


@dataclass(frozen=True)
class SessionClosed(Fact):
    """A stretch of time was closed by the hall; who was booked in it is seen to one after another."""

    closure_id: UUID
    about: ClassVar[str] = "closure_id"


@dataclass(frozen=True)
class FaultRecorded(Fact):
    """A missed or late-cancelled visit counts against a resident, perhaps with a warning or a bar."""

    booking_id: UUID
    resident_id: UUID
    about: ClassVar[str] = "resident_id"


@dataclass(frozen=True)
class FaultExcused(Fact):
    """A missed or late-cancelled visit does not count after all."""

    booking_id: UUID
    about: ClassVar[str] = "booking_id"


@dataclass(frozen=True)
class AppealDecided(Fact):
    appeal_id: UUID
    granted: bool
    about: ClassVar[str] = "appeal_id"
