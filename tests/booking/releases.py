"""A release of one's own, and people who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from app.booking.models import BusinessPolicy, Slot
from app.booking.policies import forget_policies
from app.booking.policy import Policy
from app.booking.room.draw import Room
from app.kernel import clock
from app.kernel.actor import Actor
from tests.booking.places import make_slot, set_rules
from tests.identity.accounts import make_resident

PLACE, BUSINESS = "city-hall", "D"
SECOND = timedelta(seconds=1)
RULES: dict[str, object] = {"waiting_room": True, "admitted_per_second": 10, "min_level": 2}


@asynccontextmanager
async def rules_of_a_rush(**more: object) -> AsyncIterator[None]:
    """Ten are called a second, unless said otherwise; afterwards the business is as it was."""
    await set_rules(PLACE, BUSINESS, **{**RULES, **more})
    yield
    await BusinessPolicy.filter(service_point_id=PLACE, category=BUSINESS).delete()
    forget_policies()


async def make_release(capacity: int = 50, *, opens_at: datetime | None = None) -> tuple[Slot, datetime]:
    """A slot of a release tomorrow, or at a moment; each has a room of its own."""
    release = opens_at or clock.now() + timedelta(days=1)
    slot = await make_slot(capacity, starts_at=release + timedelta(days=7))
    slot.opens_at = release
    await slot.save(update_fields=["opens_at"])
    return slot, release


def room_of(slot: Slot, **more: object) -> Room:
    assert slot.opens_at is not None
    return Room.of(PLACE, BUSINESS, slot.opens_at, Policy.model_validate({**RULES, **more}))


async def make_people(count: int) -> list[Actor]:
    return list(await asyncio.gather(*(make_resident() for _ in range(count))))
