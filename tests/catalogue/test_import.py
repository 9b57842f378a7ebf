from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from tortoise.models import Model

from app.cases import commands as cases
from app.cases.rules import DeliveryMethod
from app.catalogue.commands import ImportReport, import_calendar, import_catalogue
from app.catalogue.errors import CatalogueInvalid
from app.catalogue.models import Department, Division, ItemGram, ItemState, QueueCategory, ServiceItem, ServicePoint
from app.catalogue.queries import businesses_by_letter, item_in_force
from app.kernel.actor import SYSTEM
from app.kernel.clock.calendar import DayKind
from app.kernel.clock.days import CalendarDay, load_calendar
from app.seeding import SEED
from tests.catalogue.seed import Document, item_of, seed_catalogue
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import audit_of, nothing_moves
from tests.people import new_key
from tests.portal import Portal

CHANGED = "archive-query"
UNCHANGED = ImportReport(published=0, renewed=0, unchanged=74, absent=0)


async def test_the_seed_is_in_force(portal: Portal) -> None:
    seed = seed_catalogue()

    async def found(model: type[Model], part: str, key: str = "key") -> int:
        """Of the file's own: other tests may add a department of theirs."""
        wanted = [row[key] for row in seed[part]]
        return await model.filter(**{f"{key}__in": wanted}).count()

    assert await ServiceItem.filter(state=ItemState.IN_FORCE).count() == len(seed["items"]) == 74
    assert await found(Department, "departments") == len(seed["departments"]) == 20
    assert await found(ServicePoint, "service_points") == len(seed["service_points"]) == 8
    assert await QueueCategory.all().count() == len(seed["enums"]["queue_categories"]) == 9
    assert await found(Division, "divisions", "code") == len(seed["divisions"]) == 16


async def test_importing_the_same_file_again_changes_nothing_but_the_audit(portal: Portal) -> None:
    async with nothing_moves("audit_line"):
        assert await import_catalogue(SYSTEM, seed_catalogue()) == UNCHANGED
    assert (await audit_of("catalogue"))[-1] == ("catalogue.imported", "done")


async def test_a_changed_item_becomes_a_new_version_and_a_case_keeps_the_old_one(portal: Portal) -> None:
    resident = await make_resident()
    first = await item_in_force(CHANGED)
    case = await cases.apply(
        resident, CHANGED, delivery_method=DeliveryMethod.COLLECT, address=None, idempotency_key=new_key()
    )
    changed = seed_catalogue()
    item_of(changed, CHANGED)["name_zh"] = "民生档案查询(新版)"

    report = await import_catalogue(SYSTEM, changed)

    assert report == ImportReport(published=0, renewed=1, unchanged=73, absent=0)
    caller = await caller_of(portal, resident)
    in_force = await caller.do("Guide", key=CHANGED)
    filed_under = (await caller.do("CaseDetail", id=str(case.id)))["item"]
    assert (in_force["version"], in_force["name"]) == (first.version + 1, "民生档案查询(新版)")
    assert (filed_under["version"], filed_under["name"]) == (first.version, first.name_zh)

    assert (await import_catalogue(SYSTEM, seed_catalogue())).renewed == 1
    versions = await ServiceItem.filter(key=CHANGED).order_by("version")
    assert [version.state for version in versions[-3:]] == [
        ItemState.SUPERSEDED, ItemState.SUPERSEDED, ItemState.IN_FORCE,
    ]  # fmt: skip


async def test_a_business_is_called_as_the_last_file_says_and_by_its_letter_before(portal: Portal) -> None:
    def named(name: str) -> Document:
        document = seed_catalogue()
        put("enums", "queue_categories", 2, "name_zh", value=name)(document)
        return document

    async def names() -> list[tuple[str, str]]:
        return [(one.name_zh, one.name_en) for one in await businesses_by_letter(["C", "?"])]

    await import_catalogue(SYSTEM, named("不动产"))
    renamed = await names()
    await import_catalogue(SYSTEM, named("不动产登记"))

    assert renamed == [("不动产", "Real estate registration"), ("?", "")]
    assert await names() == [("不动产登记", "Real estate registration"), ("?", "")]


async def test_an_item_that_is_not_in_the_file_stays_in_force(portal: Portal) -> None:
    shorter = seed_catalogue()
    shorter["items"] = [item for item in shorter["items"] if item["key"] != "residence-endorse"]
    async with nothing_moves("audit_line"):
        report = await import_catalogue(SYSTEM, shorter)
    assert report == ImportReport(published=0, renewed=0, unchanged=73, absent=1)


async def test_two_imports_at_once_make_one_new_version(portal: Portal) -> None:
    before = await item_in_force(CHANGED)
    changed = seed_catalogue()
    item_of(changed, CHANGED)["keywords"].append("两次同时导入")

    reports = await asyncio.gather(*(import_catalogue(SYSTEM, changed) for _ in range(2)))

    assert sorted(report.renewed for report in reports) == [0, 1]
    after = await item_in_force(CHANGED)
    assert after.version == before.version + 1
    assert await ItemGram.filter(item_id=after.id, gram="两次").count() == 1
    await import_catalogue(SYSTEM, seed_catalogue())


def put(*path: str | int, value: Any) -> Callable[[Document], None]:
    """Set one place of the document."""

    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


def again(part: str) -> Callable[[Document], None]:
    """Let the first entry of a part occur twice."""
    return lambda document: document[part].append(document[part][0])


def on_item(key: str, **values: Any) -> Callable[[Document], None]:
    return lambda document: item_of(document, key).update(values)


FAULTS = [
    (put("departments", 0, "uscc", value="X" * 18), "department ps-household", "is no credit code"),
    (again("departments"), "department", "occurs 2 times"),
    (put("enums", "queue_categories", 1, "prefix", value="A"), "queue category A", "occurs 2 times"),
    (again("divisions"), "division 990000", "occurs 2 times"),
    (again("service_points"), "service point city-hall", "occurs 2 times"),
    (again("items"), "item id-card-first", "occurs 2 times"),
    (put("divisions", 1, "parent", value="999999"), "division 990100: parent 999999", "is not in the file"),
    (put("departments", 0, "division_code", value="999999"), "division 999999", "is not in the file"),
    (put("service_points", 0, "division_code", value="999999"), "city-hall: division 999999", "is not in the file"),
    (put("service_points", 0, "queue_categories", value=["Q"]), "city-hall: queue category Q", "is not in the file"),
    (
        on_item("passport", appointment={"supported": True, "required": True, "queue_category": "Q"}),
        "item passport: queue category Q",
        "is not in the file",
    ),
    (put("enums", "queue_categories", 0, "name_zh", value=""), "queue_categories.0.name_zh", "at least 1 character"),
    (put("life_events", 0, "item_keys", value=["nothing"]), "item nothing", "is not in the file"),
    (on_item("passport", department="nobody"), "item passport: department nobody", "is not in the file"),
    (put("items", 0, "materials", 0, "elicense_type", value="nothing"), "e-licence type nothing", "is not in the file"),
    (on_item("passport", handling_type="IMMEDIATE"), "item passport", "0 days and the immediate handling type"),
    (
        on_item("passport", promised_limit={"value": 900, "unit": "CALENDAR_DAY"}),
        "item passport",
        "longer than the statutory one",
    ),
    (on_item("passport", visit_reason=None), "item passport", "visits need a reason"),
    (on_item("passport", online_depth_level=4), "item passport", "online depth IV means no visit"),
    (on_item("passport", fees=[]), "item passport", "online payment is supported exactly where there are fees"),
    (
        on_item("passport", appointment={"supported": True, "required": True, "queue_category": None}),
        "item passport",
        "needs a queue category",
    ),
    (on_item("passport", min_auth_level="L9"), "min_auth_level", "L1"),
    (on_item("passport", implement_code="123"), "implement_code", "pattern"),
    (on_item("passport", visit_count=-1), "visit_count", "greater than or equal to 0"),
    (put("items", 0, "key", value="Upper Case"), "items.0.key", "pattern"),
    (put("service_points", 0, "opening_hours", value={"8": []}), "opening_hours", "'7'"),
    (put("service_points", 0, "opening_hours", "1", 0, "open", value="25:00"), "open", "pattern"),
    (put("service_points", 0, "windows", value="many"), "windows", "integer"),
    (put("service_points", 0, "latitude", value=91), "latitude", "less than or equal to 90"),
    (put("service_points", 0, "longitude", value=None), "city-hall: latitude and longitude", "not at all"),
    (put("items", value={}), "items", "tuple"),
    (lambda document: document.pop("divisions"), "divisions", "required"),
    (lambda document: document.pop("enums"), "enums", "required"),
]


@pytest.mark.parametrize(("change", "place", "fault"), FAULTS)
async def test_a_faulty_file_is_refused_naming_the_fault(
    portal: Portal, change: Callable[[Document], None], place: str, fault: str
) -> None:
    document = seed_catalogue()
    item_of(document, CHANGED)["name_zh"] = "不会导入"
    change(document)

    async with nothing_moves():
        with pytest.raises(CatalogueInvalid) as refused:
            await import_catalogue(SYSTEM, document)

    assert any(place in sentence and fault in sentence for sentence in refused.value.faults), refused.value.faults


async def test_every_fault_is_named_at_once(portal: Portal) -> None:
    document = seed_catalogue()
    on_item("passport", department="nobody", visit_reason=None)(document)
    on_item("marriage", online_depth_level=4)(document)

    with pytest.raises(CatalogueInvalid) as refused:
        await import_catalogue(SYSTEM, document)

    assert len(refused.value.faults) == 3
    assert refused.value.sentence("zh") == "目录文件有3处错误,未导入任何内容"


async def test_what_is_no_catalogue_at_all_is_refused(portal: Portal) -> None:
    for document in ({}, {"items": None}, {"divisions": "x", "departments": 1, "service_points": {}, "items": []}):
        async with nothing_moves():
            with pytest.raises(CatalogueInvalid):
                await import_catalogue(SYSTEM, document)


def published_calendar() -> Document:
    document: Document = orjson.loads((SEED / "working_calendar.json").read_bytes())
    return document


async def test_the_calendar_is_loaded_and_loading_it_again_changes_nothing(portal: Portal) -> None:
    document = published_calendar()
    count = len(document["holidays"]) + len(document["adjusted_workdays"])

    async with nothing_moves("audit_line"):
        assert await import_calendar(SYSTEM, document) == count

    calendar = await load_calendar()
    assert len(calendar.days) == count
    assert sum(kind is DayKind.ADJUSTED_WORKDAY for kind in calendar.days.values()) == len(
        document["adjusted_workdays"]
    )
    assert [calendar.is_published(year) for year in (2024, 2025, 2026, 2027)] == [True, True, True, False]


async def test_a_new_year_is_added_and_the_old_ones_stay(portal: Portal) -> None:
    before = await CalendarDay.all().count()
    next_year = {"holidays": [{"date": "2040-01-01", "name_zh": "元旦"}], "adjusted_workdays": []}

    await import_calendar(SYSTEM, next_year)

    assert await CalendarDay.all().count() == before + 1
    await CalendarDay.filter(day="2040-01-01").delete()


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"holidays": [{"date": "2026-02-30", "name_zh": "春节"}], "adjusted_workdays": []},
        {"holidays": [{"date": "20260101", "name_zh": "元旦"}], "adjusted_workdays": []},
        {"holidays": [], "adjusted_workdays": [{"date": "2026-01-04"}]},
    ],
)
async def test_a_faulty_calendar_is_refused(portal: Portal, document: Document) -> None:
    async with nothing_moves():
        with pytest.raises(CatalogueInvalid):
            await import_calendar(SYSTEM, document)
