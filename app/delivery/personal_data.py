"""Without this module a parcel's label would name somebody whose account is long gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import orjson

from app.delivery.models import Parcel, ParcelEvent
from app.delivery.queries import timelines_of
from app.delivery.rules import END_STATES
from app.identity.ports import Fate, Kind, Reason, Retention
from app.kernel.privacy import seal, unseal

_GONE = "已清除"


class Holdings:
    """Parcels hang on cases: they move with them, and lose their receiver when the account closes."""

    rank = 4
    kinds: Mapping[str, Kind] = {
        "parcels": Kind(
            "寄送记录中的收件人、地址和物流描述", "receivers and courier remarks of parcels", Fate.ANONYMISED
        ),
    }
    retention: tuple[Retention, ...] = (
        Retention("parcels", 10950, "《机关文件材料归档范围和文书档案保管期限规定》:随办件三十年"),
    )

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:  # noqa: ARG002 - cases carry them
        return {}

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:
        sent = Parcel.filter(case__resident_id=resident_id).exclude(state__in=END_STATES)
        return [_reason(parcel) for parcel in await sent.order_by("id")]

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        """What couriers write may name who took the parcel, so their words go as well."""
        ids = [parcel.id for parcel in await Parcel.filter(case__resident_id=resident_id).order_by("id")]
        await ParcelEvent.filter(parcel_id__in=ids).update(text=_GONE, place="")
        parcels = await Parcel.filter(id__in=ids).update(receiver_sealed=seal("{}"), phone_tail="")
        return {"parcels": parcels}

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        parcels = await Parcel.filter(case__resident_id=resident_id).order_by("id")
        timelines = await timelines_of([parcel.id for parcel in parcels])
        return {"parcels": [_parcel(row, events) for row, events in zip(parcels, timelines, strict=True)]}

    async def purge(self, kind: str, before: datetime) -> int:  # noqa: ARG002 - the archives decide, not we
        return 0


def _reason(parcel: Parcel) -> Reason:
    return Reason(
        "PARCEL_ON_ITS_WAY",
        f"包裹{parcel.tracking_number}({parcel.carrier_name})还在路上,请签收后再注销",
        f"Parcel {parcel.tracking_number} is still on its way; please wait until you have it.",
        f"parcel:{parcel.id}",
    )


def _parcel(row: Parcel, events: Sequence[ParcelEvent]) -> dict[str, object]:
    return {
        "id": row.id,
        "case": row.case_id,
        "carrier": row.carrier,
        "tracking_number": row.tracking_number,
        "receiver": orjson.loads(unseal(row.receiver_sealed)),
        "state": row.state,
        "delivered_to": row.delivered_to,
        "registered_at": row.registered_at,
        "events": [{"at": event.at, "text": event.text, "place": event.place} for event in events],
    }
