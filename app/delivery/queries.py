"""Without this module a resident could not see the parcel's way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app.cases.rules import CASE_ROLES
from app.delivery.models import Parcel, ParcelCase, ParcelEvent
from app.delivery.ports import SNAPSHOT_TOPIC, DeliveredTo, ParcelState, TrackingEvent
from app.delivery.rules import AHEAD, LOCKER_FOLLOWED, SILENT_AFTER, Watch
from app.delivery.words import Direction
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind, Scope
from app.kernel.errors import NotFound
from app.kernel.inbox.notices import Notice, unmatched

MOST_SHOWN = 200
"""Rows of a parcel that are shown: carriers do send parcels in circles."""

_MOST_CHANGES = 5_000
_TIMELINES = """
    SELECT e.id FROM unnest($1::uuid[]) AS wanted (parcel_id), LATERAL (
        SELECT id FROM parcel_event WHERE parcel_id = wanted.parcel_id AND NOT voided
        ORDER BY at DESC, rank DESC, key DESC LIMIT $2
    ) e
"""
# Of a run of rows that say the same only the first counts: a hundred thousand scans are a handful of changes.
_CHANGES = """
    SELECT at, raw_code, state, delivered_to, undoes FROM (
        SELECT at, rank, key, raw_code, state, delivered_to, undoes,
               lag(raw_code) OVER told AS code_before, lag(state) OVER told AS state_before,
               lag(delivered_to) OVER told AS receiver_before
        FROM parcel_event
        WHERE parcel_id = $1 AND NOT voided AND at <= $2 AND (state IS NOT NULL OR undoes <> '')
        WINDOW told AS (ORDER BY at, rank, key)
    ) each
    WHERE undoes <> '' OR (raw_code, state, delivered_to) IS DISTINCT FROM (code_before, state_before, receiver_before)
    ORDER BY at DESC, rank DESC, key DESC LIMIT $3
"""


async def parcels_of_cases(case_ids: Sequence[UUID]) -> list[Parcel | None]:
    """The newest parcel with the result of each case, in key order."""
    return [
        next((parcel for parcel in parcels if parcel.direction is Direction.RESULT_TO_APPLICANT), None)
        for parcels in await every_parcel_of_cases(case_ids)
    ]


async def every_parcel_of_cases(case_ids: Sequence[UUID]) -> list[list[Parcel]]:
    """All parcels of each case, newest first, in key order."""
    found: defaultdict[UUID, list[Parcel]] = defaultdict(list)
    contents = ParcelCase.filter(case_id__in=list(case_ids)).select_related("parcel")
    for content in await contents.order_by("-parcel_id"):
        found[content.case_id].append(content.parcel)
    return [found[key] for key in case_ids]


async def cases_of_parcels(parcel_ids: Sequence[UUID]) -> list[list[UUID]]:
    """The cases whose papers are in each parcel, in key order."""
    found: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for content in await ParcelCase.filter(parcel_id__in=list(parcel_ids)).order_by("case_id"):
        found[content.parcel_id].append(content.case_id)
    return [found[key] for key in parcel_ids]


async def case_numbers_of_parcels(parcel_ids: Sequence[UUID]) -> list[list[str]]:
    """The numbers of the cases whose papers are in each parcel, in key order."""
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    contents = ParcelCase.filter(parcel_id__in=list(parcel_ids)).select_related("case")
    for content in await contents.order_by("case_id"):
        found[content.parcel_id].append(content.case.number)
    return [found[key] for key in parcel_ids]


async def parcels_by_id(parcel_ids: Sequence[UUID]) -> list[Parcel | None]:
    """In key order."""
    found = await Parcel.in_bulk(list(parcel_ids), "id")
    return [found[key] for key in parcel_ids]


async def timelines_of(parcel_ids: Sequence[UUID]) -> list[list[ParcelEvent]]:
    """The newest valid rows of each parcel, newest first, in key order."""
    return await _newest(parcel_ids, MOST_SHOWN)


async def whole_timelines(parcel_ids: Sequence[UUID]) -> list[list[ParcelEvent]]:
    """All that can be told of each parcel, newest first, in key order."""
    return await _newest(parcel_ids, 100 * MOST_SHOWN)


async def _newest(parcel_ids: Sequence[UUID], most: int) -> list[list[ParcelEvent]]:
    found: defaultdict[UUID, list[ParcelEvent]] = defaultdict(list)
    ids = [row["id"] for row in await db.rows(_TIMELINES, list(parcel_ids), most)]
    for event in await ParcelEvent.filter(id__in=ids).order_by("-at", "-rank", "-key"):
        found[event.parcel_id].append(event)
    return [found[key] for key in parcel_ids]


async def valid_history(parcel_id: UUID, now: datetime) -> list[TrackingEvent]:
    """What changed in the history of one parcel as far as it is due, newest first; their words are left out."""
    return [
        TrackingEvent(
            row["at"],
            "",
            "",
            row["raw_code"],
            ParcelState(row["state"]) if row["state"] else None,
            DeliveredTo(row["delivered_to"]) if row["delivered_to"] else None,
            row["undoes"],
        )
        for row in await db.rows(_CHANGES, parcel_id, now + AHEAD, _MOST_CHANGES)
    ]


async def unknown_pushes(actor: Actor, *, limit: int, before: UUID | None) -> list[Notice]:
    """Pushes for parcels nobody registered, newest first.

    They belong to no part of the city: who works for one of its parts sees none. Raises `NotAllowed`.
    """
    actor.staff_id(Role.ISSUER, Role.SUPERVISOR)
    if actor.scope != Scope():
        return []
    return list(await unmatched(SNAPSHOT_TOPIC, limit=limit, before=before))


def visible_parcels(actor: Actor) -> QuerySet[Parcel]:
    """The parcels with papers of cases the actor may see. Raises `NotSignedIn` or `NotAllowed`."""
    if actor.kind is ActorKind.STAFF:
        actor.staff_id(*CASE_ROLES)
        return parcels_in(actor.scope)
    own = {f"contents__case__{name}": value for name, value in actor.matters().items()}
    return Parcel.filter(**own).distinct()


def parcels_in(scope: Scope) -> QuerySet[Parcel]:
    """The parcels with papers of cases of a part of the city."""
    if scope == Scope():
        return Parcel.all()
    found = Parcel.filter(contents__case__item__department__division_code__startswith=scope.division)
    found = found.filter(contents__case__item__department_id=scope.department) if scope.department else found
    return found.distinct()


async def parcel_for(actor: Actor, parcel_id: UUID) -> Parcel:
    """A parcel the actor may see. Raises `NotFound` alike for none and for somebody else's."""
    parcel = await visible_parcels(actor).get_or_none(id=parcel_id)
    if parcel is None:
        raise parcel_missing()
    return parcel


def parcel_missing() -> NotFound:
    return NotFound(what_zh="这个包裹", what_en="parcel")


async def parcel_by_id(parcel_id: UUID) -> Parcel:
    return await Parcel.get(id=parcel_id)


async def parcel_by_number(carrier: str, number: str) -> Parcel | None:
    return await Parcel.get_or_none(carrier=carrier, tracking_number=number)


async def silent_parcels(limit: int) -> list[UUID]:
    """Parcels nobody has told us of for a day: also such as the tracker would not watch, or was never asked to."""
    waiting = [Watch.WATCHED, Watch.REFUSED, Watch.ASKED]
    now = clock.now()
    silent = Parcel.filter(watch__in=waiting, heard_at__lt=now - SILENT_AFTER).exclude(tracker="")
    silent = silent.exclude(Q(state=ParcelState.DELIVERED, state_at__lt=now - LOCKER_FOLLOWED))
    return [parcel.id for parcel in await silent.order_by("heard_at").limit(limit)]
