"""Without this module nobody could tell the resident where the parcel is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.facts import Fact


@dataclass(frozen=True)
class ParcelRegistered(Fact):
    """A parcel has its tracking number, typed in or given by the carrier."""

    parcel_id: UUID
    about: ClassVar[str] = "parcel_id"


@dataclass(frozen=True)
class ParcelMoved(Fact):
    """The parcel's own state changed; `state` is the new one."""

    parcel_id: UUID
    state: str
    about: ClassVar[str] = "parcel_id"


@dataclass(frozen=True)
class ParcelNewsTaken(Fact):
    """A carrier told of a parcel what does not move it: a scan on its way, its order placed or not to be cancelled any
    more, its weight, its fee.
    """

    parcel_id: UUID
    about: ClassVar[str] = "parcel_id"


@dataclass(frozen=True)
class ParcelPickedUp(Fact):
    """A carrier has the parcel: told once of each, by a scan, an order desk, or whatever comes first."""

    parcel_id: UUID
    about: ClassVar[str] = "parcel_id"


@dataclass(frozen=True)
class CourierOrdered(Fact):
    """Somebody wants a courier; the carrier is asked next."""

    parcel_id: UUID
    about: ClassVar[str] = "parcel_id"


@dataclass(frozen=True)
class CourierCancelAsked(Fact):
    """Somebody wants no courier after all; the carrier is told next."""

    parcel_id: UUID
    about: ClassVar[str] = "parcel_id"


@dataclass(frozen=True)
class CourierAssigned(Fact):
    """The carrier says who comes: name and phone are with the parcel."""

    parcel_id: UUID
    about: ClassVar[str] = "parcel_id"


@dataclass(frozen=True)
class CourierOrderEnded(Fact):
    """No courier comes; `state` is `CANCELLED` or `FAILED`."""

    parcel_id: UUID
    state: str
    about: ClassVar[str] = "parcel_id"


@dataclass(frozen=True)
class ParcelReceived(Fact):
    """The hall has the parcel in its hands: materials, or a result that came back.

    Once more when somebody corrects what was inside, and other materials are missing than was said.
    """

    parcel_id: UUID
    about: ClassVar[str] = "parcel_id"
