"""Without this module nobody would ask to be told where a parcel is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from app.delivery.commands import look_after, take_snapshot, watch
from app.delivery.events import ParcelRegistered
from app.delivery.ports import SNAPSHOT_TOPIC, TrackingSnapshot
from app.delivery.queries import parcel_by_id, silent_parcels
from app.kernel import db
from app.kernel.callbacks import Handled
from app.kernel.facts.publishing import reacts_to
from app.kernel.inbox.notices import handles, replay_unmatched
from app.kernel.jobs import Priority, job, timetable

_SNAPSHOT = TypeAdapter(TrackingSnapshot)
_BATCH = 200


@reacts_to(ParcelRegistered)
async def watch_the_parcel(fact: ParcelRegistered) -> None:
    await watch(fact.parcel_id)


@reacts_to(ParcelRegistered)
async def place_early_pushes(fact: ParcelRegistered) -> None:
    """A push may come before its parcel is registered: what was kept then finds its place now."""
    parcel = await parcel_by_id(fact.parcel_id)
    await replay_unmatched(SNAPSHOT_TOPIC, carrier=parcel.carrier, number=parcel.tracking_number)


@handles(SNAPSHOT_TOPIC)
async def take_push(content: dict[str, Any]) -> Handled:
    return await take_snapshot(_SNAPSHOT.validate_python(content))


@timetable("20 * * * *", name="delivery.sweep", priority=Priority.PATIENT)
async def sweep_silent_parcels() -> None:
    """A push repeated three times in vain is lost: ask about parcels silent for a day."""
    for parcel_id in await silent_parcels(_BATCH):
        async with db.transaction():
            await ask_tracker.defer(lock=f"parcel:{parcel_id}", parcel_id=str(parcel_id))


@job("delivery.ask_tracker", priority=Priority.PATIENT)
async def ask_tracker(parcel_id: str) -> None:
    await look_after(UUID(parcel_id))
