"""Slots of one's own, so that a test shares its places with nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from app.booking.models import BusinessPolicy, Slot
from app.booking.policies import forget_policies
from app.booking.policy import Policy
from app.booking.rules import KEEPS_THE_PLACE, Layer
from app.booking.visits import VisitItem
from app.kernel import clock, db


def visit(item: str, case_id: UUID | None = None) -> list[VisitItem]:
    """A visit for one thing."""
    return [VisitItem(item, case_id)]


async def set_rules(place: str, business: str, **rules: object) -> None:
    """The rules of a business, checked, in force at once in this process."""
    Policy.model_validate(rules)
    await BusinessPolicy.update_or_create({"rules": rules}, service_point_id=place, category=business)
    forget_policies()


async def make_slot(
    capacity: int,
    *,
    hours_ahead: float = 30,
    starts_at: datetime | None = None,
    place: str = "city-hall",
    business: str = "D",
    layer: Layer = Layer.ORDINARY,
    minutes: int = 30,
) -> Slot:
    """Half an hour at a counter; by default at the hall's identity-card counter, tomorrow."""
    distinct = timedelta(microseconds=db.new_id().int % 10**6)
    start = starts_at or clock.now() + timedelta(hours=hours_ahead) + distinct
    return await Slot.create(
        service_point_id=place,
        category=business,
        layer=layer,
        day=clock.local(start).date(),
        starts_at=start,
        ends_at=start + timedelta(minutes=minutes),
        capacity=capacity,
    )


async def row_of(
    capacity: int, slots: int, *, days_ahead: int, place: str = "city-hall", business: str = "D"
) -> list[Slot]:
    """Slots one after another from about nine o'clock, so that they are of one day whenever the test runs. Only beyond
    eight days ahead has nobody laid out others between them.
    """
    distinct = timedelta(microseconds=db.new_id().int % 10**6)
    first = clock.at_local(clock.today() + timedelta(days=days_ahead), 9) + distinct
    length = timedelta(minutes=30)
    return [
        await make_slot(capacity, starts_at=first + number * length, place=place, business=business)
        for number in range(slots)
    ]


_KEPT = """
    SELECT coalesce(sum(party), 0)::int AS places FROM booking WHERE $1 = ANY(slots) AND state IN ({stays})
"""


async def places_taken(slot: Slot) -> tuple[int, int]:
    """The counter of a slot, and the places of the bookings it stands for. They must always be equal."""
    await slot.refresh_from_db()
    stays = "'" + "', '".join(sorted(KEEPS_THE_PLACE)) + "'"
    kept = await db.row(_KEPT.format(stays=stays), slot.id)
    assert kept is not None
    return slot.taken - slot.reserved, kept["places"]
