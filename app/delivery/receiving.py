"""Without this module what comes to the hall by post would lie there, and its case would not know.

Scanned in by its number: a result that came back waits at the desk again; materials are held against the case's list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.cases.commands import record_returned
from app.cases.models import Case
from app.cases.rules import CaseState
from app.catalogue.queries import items_by_id
from app.delivery.commands import note_each
from app.delivery.contents import carried, locked_with_cases
from app.delivery.errors import ParcelNotReturned
from app.delivery.events import ParcelMoved, ParcelReceived
from app.delivery.models import Parcel, ParcelCase
from app.delivery.ports import DeliveredTo, ParcelState
from app.delivery.queries import parcel_for, parcel_missing, visible_parcels
from app.delivery.rules import END_STATES, Watch, check_tracking_number, missing_materials
from app.delivery.tasks_of_desk import open_task, settle_by_itself
from app.delivery.words import Direction, OrderState, TaskKind
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput
from app.kernel.facts.publishing import publish

RECEIVERS = (Role.ISSUER, Role.WINDOW_ACCEPTOR)
_SETTLED_BY_SCAN = (
    TaskKind.RETURNED,
    TaskKind.REFUSED,
    TaskKind.STUCK,
    TaskKind.LOST,
    TaskKind.RECEIPT_UNCONFIRMED,
)
_Listed = Sequence[tuple[Case, Sequence[Mapping[str, Any]]]]
"""Cases, each with the list of materials of its item."""

_AWAY = frozenset({ParcelState.RETURNED, ParcelState.RETURNING, ParcelState.REFUSED, ParcelState.LOST})


async def parcels_with_number(actor: Actor, tracking_number: str) -> list[Parcel]:
    """What a scanner may have in its hand: parcels of this number, of whichever carrier.

    Raises `NotAllowed` or `TrackingNumberInvalid`.
    """
    actor.staff_id(*RECEIVERS)
    number = check_tracking_number(tracking_number)
    return await visible_parcels(actor).filter(tracking_number=number).order_by("-id").limit(10)


async def scan_return(actor: Actor, parcel_id: UUID) -> Parcel:
    """What the hall sent and what came back is in its hands: cases of a result wait at the desk, to be sent again or
    collected; materials can be sent back again.

    Also when the carrier forgot to say so. Again is harmless. Raises `NotAllowed`, `NotFound` or `ParcelNotReturned`.
    """
    actor.staff_id(*RECEIVERS)
    await parcel_for(actor, parcel_id)
    async with db.transaction():
        parcel, cases = await locked_with_cases(parcel_id)
        if not _may_come_back(parcel, cases):
            raise ParcelNotReturned
        if parcel.received_at is not None:
            return parcel
        await _arrive(parcel, ParcelState.RETURNED, None)
        for case in await carried(parcel, cases):
            await record_returned(actor, case)
        await note_each(actor, "parcel.returned", parcel, cases)
    return parcel


def _may_come_back(parcel: Parcel, cases: Sequence[Case]) -> bool:
    """Somebody may say so whose case is not closed, or whose parcel is known to come back, or was lost; of materials,
    while they were not delivered.
    """
    if parcel.direction is not Direction.RESULT_TO_APPLICANT:
        ended = {ParcelState.DELIVERED, ParcelState.CANCELLED}
        return parcel.direction is Direction.MATERIAL_RETURN and parcel.state not in ended
    return (
        parcel.state in _AWAY
        or parcel.received_at is not None
        or any(case.state is CaseState.DELIVERING for case in cases)
    )


async def receive_materials(actor: Actor, parcel_id: UUID, found: Mapping[UUID, Sequence[int]]) -> Parcel:
    """A parcel with materials is opened: `found` names for each case the orders of its item's list that were inside.

    What is missing becomes a task; opening it again corrects what was found. Raises `NotAllowed`, `NotFound`,
    `ParcelNotReturned` or `InvalidInput`.
    """
    actor.staff_id(*RECEIVERS)
    await parcel_for(actor, parcel_id)
    async with db.transaction():
        parcel, cases = await locked_with_cases(parcel_id)
        if parcel.direction is not Direction.MATERIAL_TO_HALL:
            raise ParcelNotReturned
        if found.keys() - {case.id for case in cases}:
            raise parcel_missing()
        listed = await _materials_of(cases)
        before = await _missing(parcel, listed) if parcel.received_at is not None else None
        if before is None:
            await _arrive(parcel, ParcelState.DELIVERED, DeliveredTo.ADDRESSEE)
        await _keep_found(parcel, listed, found)
        missing = await _missing(parcel, listed)
        if before is not None and missing != before:
            await publish(ParcelReceived(parcel.id))
        if missing:
            await open_task(TaskKind.MATERIALS_MISSING, f"parcel:{parcel.id}", parcel.id, missing=missing)
        else:
            await settle_by_itself(parcel.id, TaskKind.MATERIALS_MISSING)
        await note_each(actor, "parcel.received", parcel, cases)
    return parcel


async def _materials_of(cases: Sequence[Case]) -> _Listed:
    items = await items_by_id([case.item_id for case in cases])
    return [(case, item.materials if item is not None else []) for case, item in zip(cases, items, strict=True)]


async def _keep_found(parcel: Parcel, listed: _Listed, found: Mapping[UUID, Sequence[int]]) -> None:
    for case, materials in listed:
        inside = sorted(set(found.get(case.id, ())))
        if not set(inside) <= {material["order"] for material in materials}:
            raise InvalidInput(
                field="found", reason_zh="材料序号不在清单内", reason_en="a material is not on the item's list"
            )
        await ParcelCase.filter(parcel_id=parcel.id, case_id=case.id).update(found=inside)


async def _missing(parcel: Parcel, listed: _Listed) -> dict[str, list[int]]:
    """Orders of required materials that were not inside, by the number of the case."""
    inside = {content.case_id: content.found for content in await ParcelCase.filter(parcel_id=parcel.id)}
    lacking = {case.number: missing_materials(materials, inside[case.id]) for case, materials in listed}
    return {number: orders for number, orders in lacking.items() if orders}


async def _arrive(parcel: Parcel, state: ParcelState, to: DeliveredTo | None) -> None:
    """The hall's own word: it has the parcel, whatever the carrier's last scan says."""
    now = clock.now()
    moved = parcel.state is not state
    parcel.received_at = now
    if parcel.state not in END_STATES or moved:
        parcel.state, parcel.state_at, parcel.delivered_to = state, now, to
    if parcel.order_state is not None:
        parcel.order_state = OrderState.PICKED_UP
    if parcel.tracking_number is not None:
        parcel.watch = Watch.ENDED
    await parcel.save()
    await settle_by_itself(parcel.id, *_SETTLED_BY_SCAN)
    await publish(ParcelReceived(parcel.id))
    if moved:
        await publish(ParcelMoved(parcel.id, state.value))
