"""Without this module a certificate would stand at a closed door."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from app.cases.models import Case
from app.delivery.events import ParcelMoved, ParcelRegistered
from app.delivery.models import Parcel, ParcelCase
from app.delivery.ports import ParcelState
from app.delivery.rules import state_words
from app.delivery.words import Direction
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
    found = await _result_in(fact.parcel_id)
    if found is None:
        return []
    parcel, case = found
    values = {
        "item": await item_words(case.item_key),
        "carrier": alike(parcel.carrier_name),
        "number": alike(parcel.tracking_number or ""),
    }
    return [Told(case.resident_id, f"parcel:{parcel.id}", str(parcel.id), values, _PAGE.format(case.id))]


async def moved(fact: ParcelMoved) -> list[Told]:
    state = ParcelState(fact.state)
    found = await _result_in(fact.parcel_id) if state in WORTH_TELLING else None
    if found is None or found[0].state_at < clock.now() - _OLD:
        return []
    parcel, case = found
    values = {
        "item": await item_words(case.item_key),
        "state": state_words(state, parcel.delivered_to),
        "number": alike(parcel.tracking_number or ""),
    }
    page = _PAGE.format(case.id)
    return [Told(case.resident_id, f"parcel:{parcel.id}", f"{parcel.id}/{state.value}", values, page)]


async def _result_in(parcel_id: UUID) -> tuple[Parcel, Case] | None:
    """A parcel with results, and the first case in it: several of one person are told of once."""
    inside = ParcelCase.filter(parcel_id=parcel_id, parcel__direction=Direction.RESULT_TO_APPLICANT)
    content = await inside.order_by("case_id").select_related("parcel", "case").first()
    return (content.parcel, content.case) if content is not None else None
