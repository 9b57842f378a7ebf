"""Without this module bad entries would be published and people would search in vain.

The publishing checks are those by which cities find bad entries of an implementation list (GB/T 39046).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from app.catalogue.documents import CatalogueDocument, ItemEntry
from app.catalogue.errors import FeeChoiceNeeded, FeeNotConfigured, FeeOutsideList, FeesTooLarge

NAME_WEIGHT, KEYWORD_WEIGHT, TOPIC_WEIGHT, MATERIAL_WEIGHT = 3, 4, 1, 1
LONGEST_SEARCH = 50
MOST_FEN = 100_000_000
"""A bill over more than a million yuan is a mistake of whoever wrote it."""

_RUN = re.compile(r"[㐀-鿿]+|[a-z0-9]+")


class LimitUnit(StrEnum):
    WORKING_DAY = "WORKING_DAY"
    CALENDAR_DAY = "CALENDAR_DAY"


class PlaceLevel(StrEnum):
    """How near to the people a service point is (市、县、乡、村四级)."""

    CITY = "CITY"
    COUNTY = "COUNTY"
    TOWN = "TOWN"
    VILLAGE = "VILLAGE"


def level_of(division_code: str) -> PlaceLevel:
    """By the form of its division's code (GB/T 2260 and its extensions): `...00` a city, then 6, 9 and 12 digits."""
    if len(division_code) > 9:
        return PlaceLevel.VILLAGE
    if len(division_code) > 6:
        return PlaceLevel.TOWN
    return PlaceLevel.CITY if division_code.endswith("00") else PlaceLevel.COUNTY


def grams(text: str) -> set[str]:
    """The pairs of neighbouring Chinese characters of a text, single ones that stand alone, and Latin words."""
    found: set[str] = set()
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        if run.isascii():
            found.add(run[:40])
        elif len(run) == 1:
            found.add(run)
        else:
            found.update(run[at : at + 2] for at in range(len(run) - 1))
    return found


def item_grams(item: ItemEntry) -> dict[str, int]:
    """Every gram of an item with its weight: the heaviest place where it occurs."""
    weights: dict[str, int] = {}
    places: Sequence[tuple[Iterable[str], int]] = (
        ((material.name_zh for material in item.materials), MATERIAL_WEIGHT),
        (item.topics, TOPIC_WEIGHT),
        ((item.name_zh, item.name_en), NAME_WEIGHT),
        (item.keywords, KEYWORD_WEIGHT),
    )
    for texts, weight in places:
        for text in texts:
            weights.update(dict.fromkeys(grams(text), weight))
    return weights


def faults_of(document: CatalogueDocument) -> list[str]:
    """Every fault of an import file that its shape alone does not show, one sentence each."""
    return [
        *_repeated_keys(document),
        *_broken_references(document),
        *_half_known_places(document),
        *_wrong_credit_codes(document),
        *_bad_items(document),
    ]


def _repeated_keys(document: CatalogueDocument) -> Iterable[str]:
    for kind, keys in (
        ("queue category", [entry.prefix for entry in document.enums.queue_categories]),
        ("division", [entry.code for entry in document.divisions]),
        ("department", [entry.key for entry in document.departments]),
        ("service point", [entry.key for entry in document.service_points]),
        ("item", [entry.key for entry in document.items]),
        ("implementation code", [entry.implement_code for entry in document.items]),
    ):
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            yield f"{kind} {key} occurs {keys.count(key)} times"


def _broken_references(document: CatalogueDocument) -> Iterable[str]:
    divisions = {entry.code for entry in document.divisions}
    departments = {entry.key for entry in document.departments}
    licences = {entry.key for entry in document.elicense_types}
    items = {entry.key for entry in document.items}
    categories = {entry.prefix for entry in document.enums.queue_categories}
    references = [
        *((f"division {entry.code}: parent", entry.parent, divisions) for entry in document.divisions if entry.parent),
        *((f"department {entry.key}: division", entry.division_code, divisions) for entry in document.departments),
        *(
            (f"service point {entry.key}: division", entry.division_code, divisions)
            for entry in document.service_points
        ),
        *(
            (f"service point {entry.key}: queue category", category, categories)
            for entry in document.service_points
            for category in entry.queue_categories
        ),
        *(
            (f"item {item.key}: queue category", item.appointment.queue_category, categories)
            for item in document.items
            if item.appointment.queue_category
        ),
        *((f"life event {event.key}: item", key, items) for event in document.life_events for key in event.item_keys),
        *((f"item {item.key}: department", item.department, departments) for item in document.items),
        *(
            (f"item {item.key}: e-licence type", material.elicense_type, licences)
            for item in document.items
            for material in item.materials
            if material.elicense_type
        ),
    ]
    return [f"{place} {key} is not in the file" for place, key, known in references if key not in known]


def _half_known_places(document: CatalogueDocument) -> Iterable[str]:
    for point in document.service_points:
        if (point.latitude is None) is not (point.longitude is None):
            yield f"service point {point.key}: latitude and longitude come together or not at all"


def _wrong_credit_codes(document: CatalogueDocument) -> Iterable[str]:
    for department in document.departments:
        try:
            uscc.validate(department.uscc)
        except ValidationError:
            yield f"department {department.key}: {department.uscc} is no credit code (GB 32100)"


def _bad_items(document: CatalogueDocument) -> Iterable[str]:
    for item in document.items:
        for fault in item_faults(item):
            yield f"item {item.key}: {fault}"


def item_faults(item: ItemEntry) -> Iterable[str]:
    """What contradicts itself in one entry."""
    promised, statutory = item.promised_limit, item.statutory_limit
    if (promised.value == 0) != (item.handling_type == "IMMEDIATE"):
        yield "a promise of 0 days and the immediate handling type go together"
    if promised.value and statutory.value and promised.unit == statutory.unit and promised.value > statutory.value:
        yield "the promised limit is longer than the statutory one"
    if (item.visit_count > 0) != (item.visit_reason is not None):
        yield "visits need a reason, and only visits do"
    if item.online_depth_level == 4 and item.visit_count > 0:
        yield "online depth IV means no visit"
    if bool(item.fees) != item.online_payment_supported:
        yield "online payment is supported exactly where there are fees"
    if item.appointment.supported and item.appointment.queue_category is None:
        yield "a bookable item needs a queue category"


@dataclass(frozen=True)
class FeeLine:
    """One line of what is owed: `quantity` times `amount_fen` fen."""

    fee_key: str
    name: str
    amount_fen: int
    quantity: int
    basis: str
    standard: str | None
    """Who sets the amount, as the list says; None where it does not."""

    @property
    def total_fen(self) -> int:
        return self.amount_fen * self.quantity


def fee_key_of(fee: Mapping[str, Any], position: int) -> str:
    """The fee's own key, or its place in the list when it is unique to the item."""
    return str(fee["fee_key"] or f"#{position + 1}")


def due_fees(fees: Sequence[Mapping[str, Any]], chosen: Mapping[str, int]) -> list[FeeLine]:
    """What an item's fee list makes due: every fixed fee, and of each group exactly the chosen one.

    `chosen` maps fee keys to quantities. Raises `FeeOutsideList`, `FeeChoiceNeeded`, `FeeNotConfigured` (a null amount
    is unknown, never zero) or `FeesTooLarge`.
    """
    listed = {fee_key_of(fee, position): fee for position, fee in enumerate(fees)}
    for key in chosen:
        if key not in listed or not 1 <= chosen[key] <= 99:
            raise FeeOutsideList(fee_key=key, known=", ".join(listed) or "—", field="fees")
    for group in {fee["group"] for fee in fees if fee["group"] and fee["rule"] in {"CHOOSE_ONE", "CONDITIONAL"}}:
        options = [key for key, fee in listed.items() if fee["group"] == group]
        if len([key for key in options if key in chosen]) != 1:
            raise FeeChoiceNeeded(options="、".join(f"{key} {listed[key]['name']}" for key in options), field="fees")
    due = [
        _line(key, fee, chosen.get(key, 1)) for key, fee in listed.items() if fee["rule"] == "FIXED" or key in chosen
    ]
    if sum(line.total_fen for line in due) > MOST_FEN:
        raise FeesTooLarge(field="fees")
    return due


def _line(key: str, fee: Mapping[str, Any], quantity: int) -> FeeLine:
    if fee["amount_fen"] is None:
        raise FeeNotConfigured(name=fee["name"])
    return FeeLine(key, fee["name"], fee["amount_fen"], quantity, fee["basis"] or "", fee.get("standard"))
