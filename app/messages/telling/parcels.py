"""Without this module certificates would stand at closed doors, and residents wait for couriers who do not come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from app.cases.models import Case
from app.catalogue.queries import items_by_id
from app.delivery.events import CourierOrderEnded, ParcelMoved, ParcelReceived, ParcelRegistered
from app.delivery.models import Parcel, ParcelCase
from app.delivery.order_rules import PAYER_WORDS
from app.delivery.ports import ParcelState
from app.delivery.rules import missing_materials, state_words
from app.delivery.words import Direction
from app.kernel import clock
from app.links.things import LinkKind, Thing
from app.messages.models import Message
from app.messages.telling.told import Told, Words, alike, item_words

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

_HOME = (Direction.RESULT_TO_APPLICANT, Direction.MATERIAL_RETURN)


async def registered(fact: ParcelRegistered) -> list[Told]:
    """Not yet with a courier, and nothing of one whose order is off again."""
    return await _on_its_way(fact, Direction.RESULT_TO_APPLICANT)


async def materials_returned(fact: ParcelRegistered) -> list[Told]:
    return await _on_its_way(fact, Direction.MATERIAL_RETURN)


async def _on_its_way(fact: ParcelRegistered, direction: Direction) -> list[Told]:
    found = await _inside(fact.parcel_id, direction)
    if found is None or found[0].state is ParcelState.CANCELLED:
        return []
    parcel, case = found
    return [await _told(parcel, case, str(parcel.id), payer=PAYER_WORDS[parcel.payer])]


async def posting_cancelled(fact: CourierOrderEnded) -> list[Told]:
    """Who was never told that the result comes by post does not hear that it does not."""
    found = await _inside(fact.parcel_id, Direction.RESULT_TO_APPLICANT)
    if found is None or found[0].tracking_number is None:
        return []
    return [await _told(*found, str(fact.parcel_id))]


async def courier_not_coming(fact: CourierOrderEnded) -> list[Told]:
    found = await _inside(fact.parcel_id, Direction.MATERIAL_TO_HALL)
    return [await _told(*found, str(fact.parcel_id))] if found else []


async def materials_received(fact: ParcelReceived) -> list[Told]:
    found = await _inside(fact.parcel_id, Direction.MATERIAL_TO_HALL)
    if found is None or await _lacking(fact.parcel_id):
        return []
    return [await _told(*found, str(fact.parcel_id))]


async def materials_missing(fact: ParcelReceived) -> list[Told]:
    found = await _inside(fact.parcel_id, Direction.MATERIAL_TO_HALL)
    lacking = await _lacking(fact.parcel_id) if found else []
    if found is None or not lacking:
        return []
    missing = ("、".join(zh for zh, _ in lacking), ", ".join(en for _, en in lacking))
    return [await _told(*found, f"{fact.parcel_id}/{missing[0]}", missing=missing)]


async def moved(fact: ParcelMoved) -> list[Told]:
    """Where a parcel is, as long as it is there: who is told late is not told where it was."""
    state = ParcelState(fact.state)
    found = await _inside(fact.parcel_id, *_HOME) if state in WORTH_TELLING else None
    if found is None or found[0].state is not state or found[0].state_at < clock.now() - _OLD:
        return []
    parcel, case = found
    told = await _told(parcel, case, f"{parcel.id}/{state.value}", state=state_words(state, parcel.delivered_to))
    at_once = state is ParcelState.OUT_FOR_DELIVERY
    return [replace(told, at_once=at_once, useless_after=parcel.state_at + _OLD)]


async def is_still_there(message: Message) -> bool:
    """Whether a parcel is where a message that waited for the morning says it is."""
    parcel = await Parcel.get_or_none(id=UUID(message.subject.partition(":")[2]))
    said = message.words["zh"]["state"]
    return parcel is not None and state_words(parcel.state, parcel.delivered_to)[0] == said


async def lost(fact: ParcelMoved) -> list[Told]:
    """Whichever way it went."""
    found = await _inside(fact.parcel_id, *Direction) if fact.state == ParcelState.LOST else None
    if found is None or found[0].state is not ParcelState.LOST:
        return []
    return [await _told(*found, str(fact.parcel_id))]


async def _inside(parcel_id: UUID, *directions: Direction) -> tuple[Parcel, Case] | None:
    """A parcel that goes one of these ways, and the first case in it: several of one person are told of once."""
    inside = ParcelCase.filter(parcel_id=parcel_id, parcel__direction__in=directions)
    content = await inside.order_by("case_id").select_related("parcel", "case").first()
    return (content.parcel, content.case) if content is not None else None


async def _lacking(parcel_id: UUID) -> list[Words]:
    """Materials that had to be inside and were not."""
    contents = await ParcelCase.filter(parcel_id=parcel_id).order_by("case_id").select_related("case")
    items = await items_by_id([content.case.item_id for content in contents])
    lacking: list[Words] = []
    for content, item in zip(contents, items, strict=True):
        listed = {material["order"]: material for material in item.materials} if item is not None else {}
        missing = missing_materials(list(listed.values()), content.found)
        lacking += [(listed[at]["name_zh"], listed[at]["name_en"] or listed[at]["name_zh"]) for at in missing]
    return lacking


async def _told(parcel: Parcel, case: Case, once: str, **more: Words) -> Told:
    values: Mapping[str, Words] = {
        "item": await item_words(case.item_key),
        "carrier": alike(parcel.carrier_name),
        "number": alike(parcel.tracking_number or "-"),
        **more,
    }
    return Told(case.resident_id, Thing(LinkKind.PARCEL, parcel.id), once, values)
