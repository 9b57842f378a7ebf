"""Without this module a resident could not see the parcel's way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from app.cases.queries import case_of
from app.delivery.models import Parcel, ParcelEvent
from app.delivery.ports import SNAPSHOT_TOPIC, TrackingEvent
from app.delivery.rules import SILENT_AFTER, Watch
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Actor, Scope
from app.kernel.errors import NotFound
from app.kernel.inbox.notices import Notice, unmatched


async def parcels_of_cases(case_ids: Sequence[UUID]) -> list[Parcel | None]:
    """The newest parcel of each case, in key order."""
    found: dict[UUID, Parcel] = {}
    for parcel in await Parcel.filter(case_id__in=list(case_ids)).order_by("id"):
        found[parcel.case_id] = parcel
    return [found.get(key) for key in case_ids]


async def timelines_of(parcel_ids: Sequence[UUID]) -> list[list[ParcelEvent]]:
    """The valid rows of each parcel, newest first, in key order."""
    found: defaultdict[UUID, list[ParcelEvent]] = defaultdict(list)
    for event in await ParcelEvent.filter(parcel_id__in=list(parcel_ids), voided=False).order_by("-at", "-rank"):
        found[event.parcel_id].append(event)
    return [found[key] for key in parcel_ids]


async def valid_history(parcel_id: UUID) -> list[TrackingEvent]:
    """The valid rows of one parcel as plain values, newest first."""
    [rows] = await timelines_of([parcel_id])
    return [TrackingEvent(row.at, row.text, row.place, row.raw_code, row.state, row.delivered_to) for row in rows]


async def unknown_pushes(actor: Actor, *, limit: int, before: UUID | None) -> list[Notice]:
    """Pushes for parcels nobody registered, newest first.

    They belong to no part of the city: who works for one of its parts sees none. Raises `NotAllowed`.
    """
    actor.staff_id(Role.ISSUER, Role.SUPERVISOR)
    if actor.scope != Scope():
        return []
    return list(await unmatched(SNAPSHOT_TOPIC, limit=limit, before=before))


async def parcel_by_id(parcel_id: UUID) -> Parcel:
    return await Parcel.get(id=parcel_id)


async def parcel_of(parcel_id: UUID, actor: Actor) -> Parcel:
    """A parcel of a case the actor may see. Raises `NotFound` alike for none and for somebody else's."""
    found = await Parcel.get_or_none(id=parcel_id)
    if found is None:
        raise NotFound(what_zh="这个包裹", what_en="parcel")
    await case_of(found.case_id, actor)
    return found


async def parcel_by_number(carrier: str, number: str) -> Parcel | None:
    return await Parcel.get_or_none(carrier=carrier, tracking_number=number)


async def silent_parcels(limit: int) -> list[UUID]:
    """Watched parcels nobody has told us of for a day."""
    silent = Parcel.filter(watch=Watch.WATCHED, heard_at__lt=clock.now() - SILENT_AFTER)
    return [parcel.id for parcel in await silent.order_by("heard_at").limit(limit)]
