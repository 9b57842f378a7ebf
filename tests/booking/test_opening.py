"""Rules and exceptions: shown before they are made, and made exactly as shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import pytest

from app.booking.commands import book
from app.booking.errors import RulesChanged
from app.booking.halls import opening
from app.booking.halls.layout import lay_out_slots
from app.booking.halls.rule_checks import WORDS
from app.booking.models import Booking, BookingItem, BusinessPolicy, OpeningException, Slot
from app.booking.policies import forget_policies
from app.booking.policy import Policy
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Actor, Scope
from app.kernel.clock import local
from app.kernel.clock.calendar import DayKind
from app.kernel.clock.days import CalendarDay
from app.kernel.errors import Refusal
from graphql_schema.booking.rules import BookingRules, BusinessRules, RulesInput
from tests.booking.places import places_taken, visit
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal

STATION, BUSINESS, ITEM = "hubin-station", "B", "sscard-apply"
AT = {"servicePoint": STATION, "category": BUSINESS}


@pytest.fixture(autouse=True)
async def station(portal: Portal) -> AsyncIterator[None]:
    """The station of a community, laid out anew by the default rules; tomorrow is a working day whatever the date."""
    holiday = await CalendarDay.get_or_none(day=tomorrow())
    await CalendarDay.update_or_create({"kind": DayKind.ADJUSTED_WORKDAY, "name_zh": "测试"}, day=tomorrow())
    await lay_out_slots()
    yield
    await CalendarDay.filter(day=tomorrow()).delete()
    if holiday is not None:
        await CalendarDay.create(day=holiday.day, kind=holiday.kind, name_zh=holiday.name_zh)
    await BookingItem.filter(booking__slot__service_point_id=STATION).delete()
    await Booking.filter(slot__service_point_id=STATION).delete()
    for model in (BusinessPolicy, OpeningException, Slot):
        await model.filter(service_point_id=STATION).delete()
    forget_policies()
    await lay_out_slots()


def tomorrow() -> date:
    return clock.today() + timedelta(days=1)


async def manager(portal: Portal, language: str = "zh-CN", scope: Scope | None = None) -> Caller:
    return await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER, scope=scope or Scope()), language)


async def slots_ahead(day: date) -> list[Slot]:
    """Empty or not, in the order of time."""
    ahead = Slot.filter(service_point_id=STATION, category=BUSINESS, day=day, closed_at=None)
    return await ahead.order_by("starts_at")


async def book_at(slot: Slot) -> Booking:
    return await book(await make_resident(), slot.id, visit(ITEM), idempotency_key=new_key())


async def test_longer_slots_are_previewed_then_applied_and_who_has_booked_keeps_the_time(portal: Portal) -> None:
    boss, day = await manager(portal), tomorrow()
    booked = (await slots_ahead(day))[1]
    booking = await book_at(booked)
    rules = {"slotMinutes": 60, "perWindow": 3, "cancelBeforeMinutes": 60}

    async with nothing_moves("session"):
        preview = await boss.do("PreviewRules", **AT, rules=rules)
    [shown] = [one for one in preview["days"] if one["day"] == day.isoformat()]
    set_ = await boss.do("SetBusinessRules", **AT, rules=rules, fingerprint=preview["fingerprint"])

    assert (preview["__typename"], shown["bookings"], preview["bookings"]) == ("OpeningPreview", 1, 1)
    assert [len(shown[what]) for what in ("added", "removed", "changed", "kept")] == [5, 11, 0, 1]
    assert shown["kept"][0] | {"startsAt": "", "endsAt": ""} == {
        "startsAt": "", "endsAt": "", "capacity": 3, "taken": 1, "bookable": True,
    }  # fmt: skip
    assert (set_["slotMinutes"], set_["perWindow"], set_["version"]) == (60, 3, 1)
    assert [one["name"] for one in set_["own"]] == ["取消截止分钟数", "每窗口每时段人次", "每个时段的分钟数"]
    laid = [(f"{local(slot.starts_at):%H:%M}", slot.capacity) for slot in await slots_ahead(day)]
    assert laid == [("09:30", 3), ("10:00", 3), ("11:00", 3), ("14:00", 3), ("15:00", 3), ("16:00", 3)]
    assert (await Booking.get(id=booking.id)).slots == [booked.id]
    assert await places_taken(booked) == (1, 1)
    assert (await audit_of(f"rules:{STATION}/{BUSINESS}"))[-1] == ("booking.rules_set", "done")
    for_all = await portal.stranger().do("BookingRules", **AT)
    assert (for_all["cancelBeforeMinutes"], for_all["daysAhead"], for_all["releaseTime"]) == (60, 7, None)


async def test_null_puts_a_rule_back_and_what_is_not_said_stays(portal: Portal) -> None:
    boss = await manager(portal)
    for rules in ({"partyMost": 9, "graceMinutes": 30}, {"graceMinutes": None}):
        preview = await boss.do("PreviewRules", **AT, rules=rules)
        assert (preview["added"], preview["removed"], preview["days"]) == (0, 0, [])
        await boss.do("SetBusinessRules", **AT, rules=rules, fingerprint=preview["fingerprint"])
    told = await boss.do("BusinessRules", **AT)
    assert (told["partyMost"], told["graceMinutes"], told["version"]) == (9, 10, 2)
    assert told["own"] == [{"field": "partyMost", "name": "一次预约的人数"}]


async def test_items_credit_and_release_are_rules_like_the_others(portal: Portal) -> None:
    boss = await manager(portal, "en")
    credit = {"fault": "NO_SHOW", "count": 3, "withinDays": 60, "consequence": "BAR", "days": 10, "liveAtMost": 1}
    rules = {
        "minutesByItem": [{"itemKey": ITEM, "minutes": 45}], "creditRules": [credit], "releaseTime": "8:30:00",
    }  # fmt: skip
    wrong = await boss.do("PreviewRules", **AT, rules=rules)
    rules["releaseTime"] = "08:30"
    preview = await boss.do("PreviewRules", **AT, rules=rules)
    await boss.do("SetBusinessRules", **AT, rules=rules, fingerprint=preview["fingerprint"])

    assert wrong["message"] == "The rules are not valid: “放号时间”(releaseTime) must be a time such as 08:00."
    told = await boss.do("BusinessRules", **AT)
    assert (told["minutesByItem"], told["creditRules"]) == (rules["minutesByItem"], [credit])
    [opens_at] = {slot.opens_at for slot in await slots_ahead(tomorrow())}
    assert opens_at == clock.at_local(tomorrow() - timedelta(days=7), 8, 30)


async def test_a_place_more_in_a_full_slot_is_offered_to_who_waits_for_it(portal: Portal) -> None:
    boss, day = await manager(portal), tomorrow()
    full, beside, *_ = await slots_ahead(day)
    for _ in range(full.capacity):
        await book_at(full)
    waits = await caller_of(portal, await make_resident())
    hours = {"daysFrom": day.isoformat(), "daysUntil": day.isoformat(), "timeFrom": "08:00"}
    until = f"{local(full.starts_at):%H:%M}"
    entry = await waits.do(
        "JoinWaitingList", items=[{"itemKey": ITEM}], servicePoints=[STATION], **hours, timeUntil=until,
        idempotencyKey=new_key(),
    )  # fmt: skip
    assert entry["__typename"] == "WaitingEntry"

    preview = await boss.do("PreviewRules", **AT, rules={"perWindow": 3})
    await boss.do("SetBusinessRules", **AT, rules={"perWindow": 3}, fingerprint=preview["fingerprint"])
    for slot in (full, beside):
        await slot.refresh_from_db()
    assert [(slot.capacity, slot.reserved) for slot in (full, beside)] == [(3, 1), (3, 0)]
    await portal.run_jobs()

    [mine] = await waits.do("MyWaitingList")
    assert (mine["state"], mine["offer"]["slot"]["id"]) == ("OFFERED", str(full.id))
    await waits.do("LeaveWaitingList", id=entry["id"])


async def test_a_preview_is_good_for_what_it_showed_only(portal: Portal) -> None:
    """Somebody books a slot that would have gone; the rules were set by somebody else; the rules are others."""
    boss, day = await manager(portal), tomorrow()
    rules = {"slotMinutes": 20}
    preview = await boss.do("PreviewRules", **AT, rules=rules)
    await book_at((await slots_ahead(day))[0])
    async with nothing_moves("session"):
        booked = await boss.do("SetBusinessRules", **AT, rules=rules, fingerprint=preview["fingerprint"])
        preview = await boss.do("PreviewRules", **AT, rules=rules)
        other = await boss.do("SetBusinessRules", **AT, rules={"slotMinutes": 15}, fingerprint=preview["fingerprint"])
    applied = await boss.do("SetBusinessRules", **AT, rules=rules, fingerprint=preview["fingerprint"])
    async with nothing_moves("session"):
        again = await boss.do("SetBusinessRules", **AT, rules=rules, fingerprint=preview["fingerprint"])
    assert applied["__typename"] == "BusinessRules"
    assert {one["code"] for one in (booked, other, again)} == {"RULES_CHANGED"}


async def test_a_booking_where_nothing_changes_does_not_spoil_a_preview(portal: Portal) -> None:
    boss, day = await manager(portal), tomorrow()
    preview = await boss.do("PreviewRules", **AT, rules={"perWindow": 3})
    await book_at((await slots_ahead(day))[0])
    set_ = await boss.do("SetBusinessRules", **AT, rules={"perWindow": 3}, fingerprint=preview["fingerprint"])
    assert set_["__typename"] == "BusinessRules"
    assert {slot.capacity for slot in await slots_ahead(day)} == {3}


async def test_of_managers_at_once_one_sets_the_rules(portal: Portal) -> None:
    bosses = [await make_staff(Role.DEPARTMENT_MANAGER) for _ in range(4)]
    wanted = {"slot_minutes": 20}
    preview = await opening.preview_rules(bosses[0], STATION, BUSINESS, wanted)

    outcomes = await at_once(
        *(opening.set_rules(boss, STATION, BUSINESS, wanted, preview.fingerprint) for boss in bosses)
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Rules", *["RulesChanged"] * 3]
    policy = await BusinessPolicy.get(service_point_id=STATION, category=BUSINESS)
    assert (policy.version, policy.rules) == (1, {"slot_minutes": 20})


async def set_until_done(boss: Actor, wanted: dict[str, Any]) -> int:
    """Preview and apply until nobody books in between; gives how many previews it took."""
    for tried in range(1, 200):
        preview = await opening.preview_rules(boss, STATION, BUSINESS, wanted)
        try:
            await opening.set_rules(boss, STATION, BUSINESS, wanted, preview.fingerprint)
        except RulesChanged:
            continue
        return tried
    raise AssertionError("never applied")


async def test_while_the_slots_are_laid_out_again_people_book_and_no_place_is_lost(portal: Portal) -> None:
    """Thirty book any slot of a day while it is cut anew four times: each is booked as they were told, or refused."""
    day, boss = tomorrow(), await make_staff(Role.DEPARTMENT_MANAGER)
    residents = [await make_resident() for _ in range(30)]

    async def book_something(resident: Actor, place: int) -> Booking | None:
        for _ in range(20):
            slots = await slots_ahead(day)
            try:
                return await book(resident, slots[place % len(slots)].id, visit(ITEM), idempotency_key=new_key())
            except Refusal:
                await asyncio.sleep(0.03)
        return None

    async def change_rules() -> None:
        for minutes in (20, 60, 15, 30):
            await set_until_done(boss, {"slot_minutes": minutes})

    _, *bookings = await at_once(
        change_rules(), *(book_something(resident, place) for place, resident in enumerate(residents))
    )

    assert [one for one in bookings if isinstance(one, BaseException)] == []
    made = [one for one in bookings if isinstance(one, Booking)]
    assert made
    for booking in made:
        slot = await Slot.get(id=booking.slot_id)
        assert (slot.starts_at, slot.ends_at) == (booking.slot.starts_at, booking.until)
    for slot in await Slot.filter(service_point_id=STATION, category=BUSINESS, day=day):
        counted, kept = await places_taken(slot)
        assert counted == kept


async def test_a_day_is_closed_but_for_who_has_booked_and_opened_again(portal: Portal) -> None:
    boss, day = await manager(portal), tomorrow()
    first, second, *rest = await slots_ahead(day)
    await book_at(first)
    that_day = {"servicePoint": STATION, "day": day.isoformat()}

    preview = await boss.do("PreviewOpeningException", **that_day, periods=[])
    async with nothing_moves("session"):
        stale = await boss.do("SetOpeningException", **that_day, periods=[], reason="停电检修", fingerprint="x")
    closed = await boss.do(
        "SetOpeningException", **that_day, periods=[], reason="停电检修", fingerprint=preview["fingerprint"]
    )

    of_day = {one["category"]: one for one in preview["days"]}
    assert (len(of_day[BUSINESS]["removed"]), of_day[BUSINESS]["bookings"]) == (11, 1)
    assert (len(of_day["Z"]["removed"]), stale["code"], closed["periods"]) == (12, "RULES_CHANGED", [])
    assert await slots_ahead(day) == []
    assert await portal.stranger().do("OpeningExceptions", servicePoint=STATION) == [
        {"day": day.isoformat(), "category": "", "periods": [], "reason": "停电检修"}
    ]
    refused = [await _refusal(await make_resident(), slot) for slot in (first, second)]
    assert refused == ["SLOT_CLOSED", "NOT_FOUND"]

    preview = await boss.do("PreviewOpeningException", **that_day)
    await boss.do("RemoveOpeningException", **that_day, fingerprint=preview["fingerprint"])
    async with nothing_moves("session"):
        preview = await boss.do("PreviewOpeningException", **that_day)
        gone = await boss.do("RemoveOpeningException", **that_day, fingerprint=preview["fingerprint"])
    assert gone["code"] == "NOT_FOUND"
    again = await slots_ahead(day)
    assert [slot.starts_at for slot in again] == [slot.starts_at for slot in (first, second, *rest)]
    assert await places_taken(first) == (1, 1)


async def _refusal(resident: Actor, slot: Slot) -> str:
    try:
        await book(resident, slot.id, visit(ITEM), idempotency_key=new_key())
    except Refusal as refusal:
        return refusal.code
    return "BOOKED"


async def test_an_exception_of_one_business_goes_before_that_of_all(portal: Portal) -> None:
    boss, day = await manager(portal), tomorrow()
    that_day = {"servicePoint": STATION, "day": day.isoformat()}
    short = [{"open": "09:00", "close": "10:00"}]
    for category, periods in (("", []), (BUSINESS, short)):
        asked = {**that_day, "category": category, "periods": periods}
        preview = await boss.do("PreviewOpeningException", **asked)
        await boss.do("SetOpeningException", **asked, reason="测试", fingerprint=preview["fingerprint"])
    assert [f"{local(slot.starts_at):%H:%M}" for slot in await slots_ahead(day)] == ["09:00", "09:30"]
    assert await Slot.filter(service_point_id=STATION, category="Z", day=day, closed_at=None).count() == 0


RULE_FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"slotMinutes": 4}, "slotMinutes", "“每个时段的分钟数”(slotMinutes)应为5至240"),
    ({"windows": 201}, "windows", "“窗口数”(windows)应为0至200"),
    ({"walkInShare": 101}, "walkInShare", "“现场取号比例”(walkInShare)应为0至100"),
    ({"daysAhead": 91}, "daysAhead", "“可提前预约的天数”(daysAhead)应为0至90"),
    ({"partyMost": 0}, "partyMost", "“一次预约的人数”(partyMost)应为1至20"),
    ({"perDay": 0}, "perDay", "“每天预约次数”(perDay)应为1至20"),
    ({"releaseTime": "25:00"}, "releaseTime", "“放号时间”(releaseTime)应为24小时制的时间,例如08:00"),
    ({"releaseTime": "08:00+00:00"}, "releaseTime", "“放号时间”(releaseTime)应为24小时制的时间,例如08:00"),
    ({"releaseTime": "08:00:30"}, "releaseTime", "“放号时间”(releaseTime)应为24小时制的时间,例如08:00"),
    (
        {"minutesByItem": [{"itemKey": ITEM, "minutes": 481}]},
        "minutesByItem",
        "“事项办理分钟数”(minutesByItem)应为1至480",
    ),
    (
        {"minutesByItem": [{"itemKey": "passport", "minutes": 10}]},
        "minutesByItem",
        "“事项办理分钟数”(minutesByItem)中的事项passport不属于这类业务",
    ),
    (
        {"creditRules": [{"fault": "NO_SHOW", "count": 0, "withinDays": 1, "consequence": "BAR"}]},
        "creditRules",
        "“信用规则”(creditRules)中的count应为1至100",
    ),
    (
        {"walkInFrom": "12:00", "walkInUntil": "09:00"},
        "walkInFrom",
        "“现场取号开始时间”(walkInFrom)应早于现场取号结束时间",
    ),
]


@pytest.mark.parametrize(("rules", "field", "sentence"), RULE_FAULTS, ids=lambda value: str(value)[:30])
async def test_a_rule_that_makes_no_sense_is_refused_by_its_name(
    portal: Portal, rules: dict[str, Any], field: str, sentence: str
) -> None:
    boss = await manager(portal)
    async with nothing_moves("session"):
        refused = await boss.do("PreviewRules", **AT, rules=rules)
        not_set = await boss.do("SetBusinessRules", **AT, rules=rules, fingerprint="x")
    assert (refused["code"], refused["field"], refused["message"]) == (
        "POLICY_INVALID",
        field,
        f"预约规则有误:{sentence}",
    )
    assert not_set["message"] == refused["message"]


@pytest.mark.parametrize(
    "periods",
    [
        [{"open": "9:00", "close": "10:00"}],
        [{"open": "10:00", "close": "09:00"}],
        [{"open": "09:00", "close": "11:00"}, {"open": "10:00", "close": "12:00"}],
        [{"open": f"1{hour}:00", "close": f"1{hour}:30"} for hour in range(7)],
    ],
)
async def test_hours_that_make_no_sense_are_refused(portal: Portal, periods: list[dict[str, str]]) -> None:
    boss = await manager(portal)
    day = (clock.today() + timedelta(days=3)).isoformat()
    async with nothing_moves("session"):
        refused = await boss.do("PreviewOpeningException", servicePoint=STATION, day=day, periods=periods)
    assert (refused["code"], refused["field"]) == ("POLICY_INVALID", "periods")


async def test_the_past_cannot_be_changed(portal: Portal) -> None:
    boss = await manager(portal)
    asked = {"servicePoint": STATION, "day": (clock.today() - timedelta(days=1)).isoformat(), "fingerprint": "x"}
    async with nothing_moves("session"):
        set_ = await boss.do("SetOpeningException", **asked, periods=[], reason="测试")
        removed = await boss.do("RemoveOpeningException", **asked)
    assert (set_["code"], removed["code"]) == ("DAY_OVER", "DAY_OVER")


async def test_what_is_elsewhere_is_not_there(portal: Portal) -> None:
    """A hall of another district, a hall nobody knows, and a business the hall does not have, in the same words."""
    boss = await manager(portal, scope=Scope(None, "990103"))
    nowhere = [AT, {**AT, "servicePoint": "nowhere"}, {"servicePoint": "wangyue-hall", "category": "F"}]
    async with nothing_moves("session"):
        codes = {(await boss.do("PreviewRules", **place, rules={}))["code"] for place in nowhere}
        codes |= {(await boss.do("BusinessRules", **place))["code"] for place in nowhere}
        for place in nowhere:
            refused = await boss.do("PreviewOpeningException", **place, day=clock.today().isoformat(), periods=[])
            codes.add(refused["code"])
        unknown = await portal.stranger().do("BookingRules", **{**AT, "category": "F"})
    assert codes == {"NOT_FOUND"} == {unknown["code"]}


def test_every_rule_has_a_word_and_a_place_in_the_schema() -> None:
    """Fails for a new rule until staff can read it, set it, and know what it is called."""
    rules = set(Policy.model_fields)
    assert set(WORDS) == rules
    assert {field.name for field in fields(RulesInput)} == rules
    assert {field.name for field in fields(BusinessRules)} - {"own", "version"} == rules
    assert {field.name for field in fields(BookingRules)} <= rules
