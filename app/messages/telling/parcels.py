"""Without this module a certificate would stand at a closed door."""

from __future__ import annotations

from datetime import timedelta

from app.delivery.events import ParcelMoved, ParcelRegistered
from app.delivery.models import Parcel
from app.delivery.ports import ParcelState
from app.delivery.rules import STATE_WORDS
from app.kernel import clock
from app.messages.telling.told import Told, alike, item_words

_PAGE = "pages/case/detail?id={}"
_OLD = timedelta(hours=24)

WORTH_TELLING = frozenset(
    {
        ParcelState.PICKED_UP,
        ParcelState.OUT_FOR_DELIVERY,
        ParcelState.AWAITING_COLLECTION,
        ParcelState.DELIVERED,
        ParcelState.DELIVERY_FAILED,
        ParcelState.RETURNED,
    }
)
"""protocols/express.md 5.3, rule 8: each once, and nothing that happened more than a day ago."""


async def registered(fact: ParcelRegistered) -> list[Told]:
    parcel = await Parcel.get_or_none(id=fact.parcel_id).prefetch_related("case")
    if parcel is None:
        return []
    values = {
        "item": await item_words(parcel.case.item_key),
        "carrier": alike(parcel.carrier_name),
        "number": alike(parcel.tracking_number),
    }
    page = _PAGE.format(parcel.case_id)
    return [Told(parcel.case.resident_id, f"parcel:{parcel.id}", str(parcel.id), values, page)]


async def moved(fact: ParcelMoved) -> list[Told]:
    state = ParcelState(fact.state)
    if state not in WORTH_TELLING:
        return []
    parcel = await Parcel.get_or_none(id=fact.parcel_id).prefetch_related("case")
    if parcel is None or parcel.state_at < clock.now() - _OLD:
        return []
    values = {
        "item": await item_words(parcel.case.item_key),
        "state": STATE_WORDS[state],
        "number": alike(parcel.tracking_number),
    }
    page = _PAGE.format(parcel.case_id)
    return [Told(parcel.case.resident_id, f"parcel:{parcel.id}", f"{parcel.id}/{state.value}", values, page)]
