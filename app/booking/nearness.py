"""Without this module anybody could check in from home, or nobody whose phone is not sure where it is."""

from __future__ import annotations

from dataclasses import dataclass

from app.booking.alternatives import metres
from app.booking.errors import NotAtTheHall, PlaceUnknown
from app.booking.policy import Policy
from app.catalogue.models import ServicePoint


@dataclass(frozen=True)
class Where:
    """Where a phone says it is, in degrees (GCJ-02), and by how many metres it may be wrong."""

    latitude: float
    longitude: float
    accuracy_metres: float

    @property
    def plausible(self) -> bool:
        # Written so that what is not a number is not plausible either.
        return -90 <= self.latitude <= 90 and -180 <= self.longitude <= 180 and self.accuracy_metres >= 0


def check_at_the_hall(where: Where | None, point: ServicePoint, policy: Policy) -> None:
    """Raise `NotAtTheHall` when a phone is too far from a service point.

    Raises `PlaceUnknown` when the phone does not say where it is, or not better than the radius, and at a service
    point without coordinates: there one checks in by code.
    """
    if point.latitude is None or point.longitude is None or where is None or not where.plausible:
        raise PlaceUnknown
    if not where.accuracy_metres <= policy.radius_metres:
        raise PlaceUnknown
    away = metres(where.latitude, where.longitude, point.latitude, point.longitude)
    if away > policy.radius_metres:
        raise NotAtTheHall(metres=away, most=policy.radius_metres)
