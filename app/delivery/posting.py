"""Without this module nobody at the hall would know what goes out today."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.cases.models import Case
from app.cases.queries import visible_cases
from app.cases.rules import CaseState, DeliveryMethod
from app.catalogue.queries import service_point_for
from app.delivery.errors import SheetEmpty
from app.delivery.hand_over import HandOverSheet, SheetLine, draw
from app.delivery.models import Parcel
from app.delivery.ports import Payer
from app.delivery.queries import case_numbers_of_parcels, parcel_missing, parcels_in
from app.delivery.rules import WAITING_STATES
from app.delivery.words import Direction
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput

MOST_ON_A_SHEET = 100
_FROM_HALL = {Direction.RESULT_TO_APPLICANT: "", Direction.MATERIAL_RETURN: "材料退回"}
_PAYERS = {Payer.CITY: "寄付月结", Payer.SENDER: "寄付", Payer.RECIPIENT_ON_DELIVERY: "到付"}


@dataclass(frozen=True)
class CasePage:
    cases: list[Case]
    has_more: bool


async def cases_to_post(actor: Actor, *, limit: int, after: UUID | None) -> CasePage:
    """Results of an actor's part of the city that wait to be posted, oldest first; each on the list is audited.

    Raises `NotAllowed`.
    """
    actor.staff_id(Role.ISSUER)
    query = visible_cases(actor).filter(state=CaseState.RESULT_READY, delivery_method=DeliveryMethod.POST)
    if after is not None:
        query = query.filter(id__gt=after)
    found = await query.order_by("id").limit(limit + 1)
    await audit.record_each(actor, "case.listed", [(f"case:{case.id}", case.resident_id) for case in found[:limit]])
    return CasePage(found[:limit], has_more=len(found) > limit)


async def parcels_to_hand_over(actor: Actor, carrier: str, hall: str, after: UUID | None) -> list[Parcel]:
    """Results, and materials that go back, of a hall, that no courier of a carrier has signed for yet.

    Oldest first, and one more than fit on a sheet. A number typed in is of whichever hall. Raises `NotAllowed`.
    """
    actor.staff_id(Role.ISSUER)
    ready = parcels_in(actor.scope).filter(
        carrier=carrier, direction__in=list(_FROM_HALL), state__in=WAITING_STATES, hall__in=[hall, ""]
    )
    ready = ready.filter(tracking_number__isnull=False, received_at__isnull=True, handed_over_at__isnull=True)
    ready = ready.filter(id__gt=after) if after is not None else ready
    return await ready.order_by("id").limit(MOST_ON_A_SHEET + 1)


@dataclass(frozen=True)
class PrintedSheet:
    parcels: list[Parcel]
    pdf: bytes
    has_more: bool


async def hand_over_sheet(actor: Actor, carrier: str, hall: str, *, after: UUID | None = None) -> PrintedSheet:
    """What a courier of a carrier takes along now, and the sheet (PDF) both sides sign; the print is audited.

    `after` is the last parcel of the sheet before. Raises `NotAllowed`, `NotFound` or `SheetEmpty`.
    """
    found = await parcels_to_hand_over(actor, carrier, hall, after)
    if not found:
        raise SheetEmpty
    parcels = found[:MOST_ON_A_SHEET]
    point = await service_point_for(actor, hall)
    inside = await case_numbers_of_parcels([parcel.id for parcel in parcels])
    lines = [_line(parcel, numbers) for parcel, numbers in zip(parcels, inside, strict=True)]
    sheet = HandOverSheet(parcels[0].carrier_name, point.name_zh, clock.now(), lines)
    detail = {"carrier": carrier, "parcels": len(parcels)}
    await audit.record(actor, "parcel.sheet_printed", f"carrier:{carrier}", detail=detail)
    return PrintedSheet(parcels, await asyncio.to_thread(draw, sheet), has_more=len(found) > len(parcels))


async def hand_over(actor: Actor, hall: str, parcel_ids: Sequence[UUID]) -> list[Parcel]:
    """The courier has signed for these at a hall: they are on no later sheet. Again is harmless.

    Raises `NotAllowed`, `NotFound` when one of them is none, or `InvalidInput` for more than fit on a sheet.
    """
    actor.staff_id(Role.ISSUER)
    await service_point_for(actor, hall)
    wanted = set(parcel_ids)
    if len(wanted) > MOST_ON_A_SHEET:
        raise InvalidInput(
            field="parcelIds",
            reason_zh=f"一张交接单最多{MOST_ON_A_SHEET}件",
            reason_en=f"a sheet holds {MOST_ON_A_SHEET} parcels at most",
        )
    async with db.transaction():
        outgoing = parcels_in(actor.scope).filter(id__in=wanted, direction__in=list(_FROM_HALL))
        if set(await outgoing.values_list("id", flat=True)) != wanted:
            raise parcel_missing()
        parcels = await Parcel.filter(id__in=wanted).order_by("id").select_for_update()
        for parcel in parcels:
            if parcel.handed_over_at is None:
                parcel.handed_over_at, parcel.hall = clock.now(), hall
                await parcel.save(update_fields=["handed_over_at", "hall"])
                await audit.record(actor, "parcel.handed_over", f"parcel:{parcel.id}", detail={"hall": hall})
    return parcels


def _line(parcel: Parcel, cases: Sequence[str]) -> SheetLine:
    remark = "须本人持证签收" if parcel.needs_identity else ""
    return SheetLine(parcel.tracking_number or "", cases, _PAYERS[parcel.payer], remark or _FROM_HALL[parcel.direction])
