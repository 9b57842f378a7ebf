"""Without this module a city could not bring its own catalogue and calendar."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from pydantic import ValidationError

from app.catalogue.documents import CalendarDocument, CatalogueDocument, ItemEntry, LimitEntry
from app.catalogue.errors import CatalogueInvalid
from app.catalogue.models import Department, Division, ItemGram, ItemState, QueueCategory, ServiceItem, ServicePoint
from app.catalogue.rules import LimitUnit, faults_of, item_grams
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.clock.calendar import DayKind
from app.kernel.clock.days import CalendarDay

_GUIDE_PARTS = frozenset(
    {
        "subjects", "legal_basis", "special_procedures", "visit_reason", "channels", "conditions", "process_steps",
        "result", "faq", "keywords", "topics", "delivery",
    }
)  # fmt: skip

_PLACE_PARTS = {"name_zh", "name_en", "kind", "division_code", "address_zh", "latitude", "longitude", "windows"}


@dataclass(frozen=True)
class ImportReport:
    """What an import did to the items; `absent` are in force here but not in the file, and stay so."""

    published: int
    renewed: int
    unchanged: int
    absent: int

    def __str__(self) -> str:
        return (
            f"{self.published} items published, {self.renewed} renewed as a new version, "
            f"{self.unchanged} unchanged, {self.absent} not in the file"
        )


async def import_catalogue(actor: Actor, document: Mapping[str, Any]) -> ImportReport:
    """Bring a whole catalogue file in, all or nothing; again with the same file changes nothing.

    An item whose content differs from the version in force becomes a new version. Raises `CatalogueInvalid`
    with every fault found.
    """
    try:
        catalogue = CatalogueDocument.model_validate(document)
    except ValidationError as error:
        raise CatalogueInvalid([_sentence(fault) for fault in error.errors()]) from None
    faults = faults_of(catalogue)
    if faults:
        raise CatalogueInvalid(faults)
    async with db.transaction():
        await db.one_at_a_time("catalogue")
        await _keep_businesses(catalogue)
        await _keep_places(catalogue)
        report = await _publish_items(catalogue)
        await audit.record(actor, "catalogue.imported", "catalogue", detail={"report": str(report)})
    return report


def _sentence(fault: Mapping[str, Any]) -> str:
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"


async def _keep_businesses(catalogue: CatalogueDocument) -> None:
    for business in catalogue.enums.queue_categories:
        await QueueCategory.update_or_create(
            prefix=business.prefix, defaults={"name_zh": business.name_zh, "name_en": business.name_en}
        )


async def _keep_places(catalogue: CatalogueDocument) -> None:
    for division in catalogue.divisions:
        await Division.update_or_create(
            code=division.code,
            defaults={
                "name_zh": division.name_zh,
                "name_en": division.name_en,
                "parent_code": division.parent,
                "level": division.level,
            },
        )
    for department in catalogue.departments:
        await Department.update_or_create(
            key=department.key,
            defaults={
                "name_zh": department.name_zh,
                "name_en": department.name_en,
                "credit_code": department.uscc,
                "division_code": department.division_code,
            },
        )
    for point in catalogue.service_points:
        await ServicePoint.update_or_create(
            key=point.key,
            defaults={
                **point.model_dump(include=_PLACE_PARTS),
                "queue_categories": list(point.queue_categories),
                "opening_hours": point.model_dump(mode="json")["opening_hours"],
            },
        )


async def _publish_items(catalogue: CatalogueDocument) -> ImportReport:
    in_force = {item.key: item for item in await ServiceItem.filter(state=ItemState.IN_FORCE)}
    published = renewed = unchanged = 0
    for entry in catalogue.items:
        digest = _content_hash(entry)
        current = in_force.pop(entry.key, None)
        if current is not None and current.content_hash == digest:
            unchanged += 1
            continue
        if current is None:
            published += 1
        else:
            renewed += 1
            await ServiceItem.filter(id=current.id).update(state=ItemState.SUPERSEDED)
        await _publish(entry, digest, version=current.version + 1 if current else 1)
    return ImportReport(published, renewed, unchanged, absent=len(in_force))


def _content_hash(entry: ItemEntry) -> str:
    return hashlib.sha256(orjson.dumps(entry.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)).hexdigest()


async def _publish(entry: ItemEntry, digest: str, version: int) -> None:
    document = entry.model_dump(mode="json")
    item = await ServiceItem.create(
        key=entry.key,
        version=version,
        state=ItemState.IN_FORCE,
        content_hash=digest,
        implement_code=entry.implement_code,
        name_zh=entry.name_zh,
        name_en=entry.name_en,
        department_id=entry.department,
        item_type=entry.item_type,
        handling_type=entry.handling_type,
        min_level=int(entry.min_auth_level[1]),
        visit_count=entry.visit_count,
        online_depth=entry.online_depth_level,
        statutory_limit=entry.statutory_limit.value,
        statutory_unit=_unit(entry.statutory_limit),
        promised_limit=entry.promised_limit.value,
        promised_unit=_unit(entry.promised_limit),
        bookable=entry.appointment.supported,
        queue_category=entry.appointment.queue_category,
        result_by_post=entry.delivery.result_by_post,
        proxy_allowed=entry.proxy_allowed,
        fees=document["fees"],
        materials=document["materials"],
        guide={name: document[name] for name in sorted(_GUIDE_PARTS)}
        | {"statutory_note": entry.statutory_limit.note, "promised_note": entry.promised_limit.note},
        published_at=clock.now(),
    )
    await ItemGram.bulk_create(
        [ItemGram(item_id=item.id, gram=gram, weight=weight) for gram, weight in item_grams(entry).items()]
    )


def _unit(limit: LimitEntry) -> LimitUnit | None:
    return LimitUnit(limit.unit) if limit.unit else None


async def import_calendar(actor: Actor, document: Mapping[str, Any]) -> int:
    """Bring in published holidays and worked weekends, replacing the years that the file covers.

    Gives the number of days. Raises `CatalogueInvalid`.
    """
    try:
        calendar = CalendarDocument.model_validate(document)
        days = {date.fromisoformat(entry.date): (DayKind.HOLIDAY, entry.name_zh) for entry in calendar.holidays}
        days |= {
            date.fromisoformat(entry.date): (DayKind.ADJUSTED_WORKDAY, entry.for_zh)
            for entry in calendar.adjusted_workdays
        }
    except ValidationError as error:
        raise CatalogueInvalid([_sentence(fault) for fault in error.errors()]) from None
    except ValueError as error:
        raise CatalogueInvalid([str(error)]) from None
    async with db.transaction():
        for year in {day.year for day in days}:
            await CalendarDay.filter(day__gte=date(year, 1, 1), day__lte=date(year, 12, 31)).delete()
        await CalendarDay.bulk_create(
            [CalendarDay(day=day, kind=kind, name_zh=name) for day, (kind, name) in days.items()]
        )
        await audit.record(actor, "calendar.imported", "calendar", detail={"days": len(days)})
    return len(days)
