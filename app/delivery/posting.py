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
from app.delivery.models import Parcel, ParcelCase
from app.delivery.ports import Payer
from app.delivery.queries import parcels_in
from app.delivery.rules import WAITING_STATES
from app.delivery.words import Direction
from app.identity.rules import Role
from app.kernel import audit, clock
from app.kernel.actor import Actor

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


async def parcels_to_hand_over(actor: Actor, carrier: str) -> list[Parcel]:
    """Results, and materials that go back, ready for the courier of a carrier, oldest first. Raises `NotAllowed`."""
    actor.staff_id(Role.ISSUER)
    ready = parcels_in(actor.scope).filter(carrier=carrier, direction__in=list(_FROM_HALL), state__in=WAITING_STATES)
    ready = ready.filter(tracking_number__isnull=False, received_at__isnull=True)
    return await ready.order_by("id").limit(MOST_ON_A_SHEET)


async def hand_over_sheet(actor: Actor, carrier: str, hall: str) -> tuple[list[Parcel], bytes]:
    """What a courier of a carrier takes along now, and the sheet (PDF) both sides sign; the print is audited.

    Raises `NotAllowed`, `NotFound` or `SheetEmpty`.
    """
    parcels = await parcels_to_hand_over(actor, carrier)
    if not parcels:
        raise SheetEmpty
    point = await service_point_for(actor, hall)
    inside = await _numbers_inside([parcel.id for parcel in parcels])
    lines = [_line(parcel, inside.get(parcel.id, [])) for parcel in parcels]
    sheet = HandOverSheet(parcels[0].carrier_name, point.name_zh, clock.now(), lines)
    detail = {"carrier": carrier, "parcels": len(parcels)}
    await audit.record(actor, "parcel.sheet_printed", f"carrier:{carrier}", detail=detail)
    return parcels, await asyncio.to_thread(draw, sheet)


def _line(parcel: Parcel, cases: Sequence[str]) -> SheetLine:
    remark = "须本人持证签收" if parcel.needs_identity else ""
    return SheetLine(parcel.tracking_number or "", cases, _PAYERS[parcel.payer], remark or _FROM_HALL[parcel.direction])


async def _numbers_inside(parcel_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """The numbers of the cases in each parcel."""
    inside: dict[UUID, list[str]] = {}
    contents = ParcelCase.filter(parcel_id__in=list(parcel_ids)).select_related("case").order_by("case_id")
    for content in await contents:
        inside.setdefault(content.parcel_id, []).append(content.case.number)
    return inside
