"""Without this module a parcel's label would name somebody whose account is long gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import orjson
from tortoise.queryset import QuerySet

from app.delivery.models import Parcel, ParcelEvent
from app.delivery.queries import cases_of_parcels, whole_timelines
from app.delivery.rules import END_STATES
from app.identity.ports import Fate, Kind, Reason, Retention
from app.kernel.privacy import seal, unseal

_GONE = "已清除"


class Holdings:
    """Parcels hang on cases: they move with them, and lose their receiver when the account closes."""

    rank = 4
    kinds: Mapping[str, Kind] = {
        "parcels": Kind(
            "寄送记录中的寄件人、收件人、地址和物流描述",
            "senders, receivers and courier remarks of parcels",
            Fate.ANONYMISED,
        ),
    }
    retention: tuple[Retention, ...] = (
        Retention("parcels", 10950, "《机关文件材料归档范围和文书档案保管期限规定》:随办件三十年"),
    )

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:  # noqa: ARG002 - cases carry them
        return {}

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:
        sent = _parcels_of(resident_id).exclude(state__in=END_STATES)
        return [_reason(parcel) for parcel in await sent.order_by("id")]

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        """What couriers write may name who took the parcel, so their words go as well."""
        ids = [parcel.id for parcel in await _parcels_of(resident_id).order_by("id")]
        await ParcelEvent.filter(parcel_id__in=ids).update(text=_GONE, place="")
        gone = seal("{}")
        await Parcel.filter(id__in=ids, sender_sealed__isnull=False).update(sender_sealed=gone)
        parcels = await Parcel.filter(id__in=ids).update(receiver_sealed=gone, courier_sealed=None, phone_tail="")
        return {"parcels": parcels}

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        parcels = await _parcels_of(resident_id).order_by("id")
        ids = [parcel.id for parcel in parcels]
        timelines, contents = await whole_timelines(ids), await cases_of_parcels(ids)
        told = zip(parcels, timelines, contents, strict=True)
        return {"parcels": [_parcel(row, events, cases) for row, events, cases in told]}

    async def purge(self, kind: str, before: datetime) -> int:  # noqa: ARG002 - the archives decide, not we
        return 0


def _parcels_of(resident_id: UUID) -> QuerySet[Parcel]:
    return Parcel.filter(contents__case__resident_id=resident_id).distinct()


def _reason(parcel: Parcel) -> Reason:
    number = parcel.tracking_number or parcel.order_no
    return Reason(
        "PARCEL_ON_ITS_WAY",
        f"包裹{number}({parcel.carrier_name})还在路上,请签收后再注销",
        f"Parcel {number} is still on its way; please wait until you have it.",
        f"parcel:{parcel.id}",
    )


def _parcel(row: Parcel, events: Sequence[ParcelEvent], cases: Sequence[UUID]) -> dict[str, object]:
    return {
        "id": row.id,
        "direction": row.direction,
        "cases": list(cases),
        "carrier": row.carrier,
        "order_no": row.order_no,
        "tracking_number": row.tracking_number,
        "sender": orjson.loads(unseal(row.sender_sealed)) if row.sender_sealed else None,
        "receiver": orjson.loads(unseal(row.receiver_sealed)),
        "state": row.state,
        "delivered_to": row.delivered_to,
        "confirmed_at": row.confirmed_at,
        "registered_at": row.registered_at,
        "events": [{"at": event.at, "text": event.text, "place": event.place} for event in events],
    }
