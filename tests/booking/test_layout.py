from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from app.booking.errors import SessionInvalid
from app.booking.halls.extra_sessions import open_extra_session
from app.booking.halls.layout import lay_out_slots
from app.booking.models import BusinessPolicy, ExtraSession, OpeningException, Slot
from app.booking.policies import forget_policies
from app.booking.room.room import enter
from app.booking.tasks import lay_out_the_coming_days
from app.identity.rules import Role
from app.kernel import clock, jobs
from app.kernel.clock import at_local, local
from tests.booking.places import make_slot
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import nothing_moves
from tests.people import Caller
from tests.portal import Portal

# Each test lays out a week nobody else uses, in the published calendar of 2026.
HALL, BUSINESS = "city-hall", "D"


async def slots_on(day: date, business: str = BUSINESS) -> list[Slot]:
    return await Slot.filter(service_point_id=HALL, category=business, day=day).order_by("starts_at")


async def test_the_coming_week_follows_hours_and_calendar(portal: Portal) -> None:
    """The spring festival of 2026: a worked Saturday on the 14th, then nine days off."""
    with clock.standing_at(at_local(date(2026, 2, 12), 0, 5)):
        assert await lay_out_slots() > 0

    counts = {day: len(await slots_on(date(2026, 2, day))) for day in range(12, 21)}
    assert counts == {12: 14, 13: 14, 14: 14, 15: 0, 16: 0, 17: 0, 18: 0, 19: 0, 20: 0}
    saturday = await slots_on(date(2026, 2, 14))
    assert f"{local(saturday[0].starts_at):%H:%M}" == "08:30"
    assert f"{local(saturday[-1].ends_at):%H:%M}" == "17:30"
    assert {(slot.capacity, slot.taken) for slot in saturday} == {(4, 0)}


async def test_an_ordinary_weekend_has_none(portal: Portal) -> None:
    with clock.standing_at(at_local(date(2026, 3, 16), 0, 5)):
        await lay_out_slots()
    assert [len(await slots_on(date(2026, 3, day))) for day in range(16, 25)] == [14, 14, 14, 14, 14, 0, 0, 14, 0]


async def test_the_timetable_lays_the_days_out_each_night_five_minutes_into_the_day(portal: Portal) -> None:
    night = at_local(date(2026, 4, 13), 0, 5)
    with clock.standing_at(night):
        await lay_out_the_coming_days()
    assert len(await slots_on(date(2026, 4, 20))) == 14
    crons = {task.task.name: task.cron for task in jobs.queue.periodic_registry.periodic_tasks.values()}
    minute, hour, *every = crons["booking.lay_out_slots"].split()
    assert (int(hour), int(minute), every) == (night.hour, night.minute, ["*", "*", "*"])


async def test_running_twice_or_two_at_once_lays_each_slot_once(portal: Portal) -> None:
    with clock.standing_at(at_local(date(2026, 6, 8), 0, 5)):
        laid = await asyncio.gather(lay_out_slots(), lay_out_slots())
        async with nothing_moves():
            assert await lay_out_slots() == 0
    points_and_days = await Slot.filter(day__gte=date(2026, 6, 8), day__lte=date(2026, 6, 15)).count()
    assert sum(laid) == points_and_days


async def test_in_the_middle_of_a_day_only_what_lies_ahead_is_laid(portal: Portal) -> None:
    with clock.standing_at(at_local(date(2026, 7, 6), 15, 45)):
        await lay_out_slots()
    assert [f"{local(slot.starts_at):%H:%M}" for slot in await slots_on(date(2026, 7, 6))] == [
        "16:00",
        "16:30",
        "17:00",
    ]


@contextlib.asynccontextmanager
async def own_rules(business: str, **rules: object) -> AsyncIterator[None]:
    """A business of the city hall with rules of its own, for a while."""
    policy = await BusinessPolicy.create(service_point_id=HALL, category=business, rules=rules)
    forget_policies()
    try:
        yield
    finally:
        await policy.delete()
        forget_policies()


async def test_a_business_may_have_rules_of_its_own(portal: Portal) -> None:
    """An hour for each visit, one window, one of four places for the desk, tomorrow's released at eight."""
    rules = {"slot_minutes": 60, "windows": 1, "per_window": 4, "desk_share": 25, "days_ahead": 1}
    with clock.standing_at(at_local(date(2026, 8, 10), 0, 5)):
        async with own_rules("E", **rules, release_time="08:00"):
            await lay_out_slots()

    own = await slots_on(date(2026, 8, 10), "E")
    assert [f"{local(slot.starts_at):%H:%M}" for slot in own] == ["08:30", "09:30", "10:30", "14:00", "15:00", "16:00"]
    assert {(slot.capacity, slot.phone_capacity) for slot in own} == {(4, 3)}
    assert {slot.opens_at for slot in own} == {at_local(date(2026, 8, 9), 8)}
    assert [len(await slots_on(date(2026, 8, day), "E")) for day in (11, 12, 13)] == [6, 6, 0]
    assert [len(await slots_on(date(2026, 8, day))) for day in (11, 12)] == [14, 14]


async def test_slots_are_there_a_day_before_their_release_and_people_gather_however_early_it_is(portal: Portal) -> None:
    """At midnight, and in the night before, when the slots of that day's own layout would not be there yet."""
    rules = {"days_ahead": 1, "release_time": "00:00", "waiting_room": True, "gather_minutes": 10}
    wednesday = clock.today() + timedelta(days=400 - clock.today().weekday() + 1)
    person, release = await make_resident(), at_local(wednesday, 0)
    async with own_rules("H", **rules):
        with clock.standing_at(at_local(wednesday - timedelta(days=1), 0, 5)):
            await lay_out_slots()
        slot = (await slots_on(wednesday + timedelta(days=1), "H"))[0]
        assert slot.opens_at == release
        with clock.standing_at(release - timedelta(minutes=10)):
            place = await enter(person, slot.id)
    assert (place.number, place.turn, place.room.release) == (None, None, release)
    assert await slots_on(wednesday + timedelta(days=2), "H") == []


async def test_each_night_what_is_laid_follows_changed_rules_but_for_what_is_booked(portal: Portal) -> None:
    day = date(2026, 8, 24)
    with clock.standing_at(at_local(day, 0, 5)):
        await lay_out_slots()
        first, second, *_ = await slots_on(day, "C")
        await Slot.filter(id=second.id).update(taken=3, phone_taken=3)
        async with own_rules("C", slot_minutes=60, windows=1, per_window=1):
            await lay_out_slots()
            async with nothing_moves():
                assert await lay_out_slots() == 0
            laid = [(f"{local(slot.starts_at):%H:%M}", slot.capacity) for slot in await slots_on(day, "C")]
    assert (await Slot.get_or_none(id=first.id), (await Slot.get(id=second.id)).taken) == (None, 3)
    assert laid == [("09:00", 3), ("09:30", 1), ("10:30", 1), ("14:00", 1), ("15:00", 1), ("16:00", 1)]


async def test_a_day_with_an_exception_is_laid_by_it_even_a_holiday(portal: Portal) -> None:
    holiday, ordinary = date(2026, 10, 2), date(2026, 9, 30)
    morning = [{"open": "09:00", "close": "10:00"}]
    common: dict[str, Any] = {"service_point_id": HALL, "reason": "测试", "set_at": clock.now()}
    await OpeningException.create(category="", day=holiday, periods=morning, **common)
    await OpeningException.create(category="", day=ordinary, periods=morning, **common)
    await OpeningException.create(category="A", day=ordinary, periods=[], **common)

    with clock.standing_at(at_local(date(2026, 9, 28), 0, 5)):
        await lay_out_slots()

    assert [len(await slots_on(holiday, business)) for business in ("A", "D")] == [2, 2]
    assert [len(await slots_on(ordinary, business)) for business in ("A", "D")] == [0, 2]


EVENING = at_local(clock.today() + timedelta(days=20), 18)


async def open_session(caller: Caller, **wanted: Any) -> dict[str, Any]:
    session = {
        "servicePoint": "bayin-hall",
        "category": "Z",
        "opensAt": EVENING.isoformat(),
        "closesAt": (EVENING + timedelta(hours=2)).isoformat(),
        "capacity": 3,
        **wanted,
    }
    answer: dict[str, Any] = await caller.do("OpenExtraSession", **session)
    return answer


async def test_the_manager_opens_an_evening_and_residents_see_it(portal: Portal) -> None:
    manager = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER))

    session = await open_session(manager, servicePoint="marriage-office", category="F")

    assert [slot["startsAt"][11:16] for slot in session["slots"]] == ["18:00", "18:30", "19:00", "19:30"]
    assert {(slot["capacity"], slot["free"]) for slot in session["slots"]} == {(3, 3)}
    day = local(EVENING).date().isoformat()
    shown = await portal.stranger().do("Slots", itemKey="marriage", servicePoint="marriage-office", day=day)
    assert [slot["id"] for slot in shown] == [slot["id"] for slot in session["slots"]]


async def test_a_session_over_slots_that_are_there_is_refused(portal: Portal) -> None:
    manager = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER))
    first = await open_session(manager)
    assert first["__typename"] == "ExtraSession"
    half_hour = timedelta(minutes=30)
    async with nothing_moves():
        same = await open_session(manager)
        edge = await open_session(manager, opensAt=(EVENING - half_hour).isoformat(), capacity=9)
    assert same["code"] == edge["code"] == "SESSION_INVALID"
    assert "重叠" in same["message"]
    beside = await open_session(manager, opensAt=(EVENING - half_hour).isoformat(), closesAt=EVENING.isoformat())
    assert len(beside["slots"]) == 1


async def test_sessions_of_another_layer_may_overlap(portal: Portal) -> None:
    """While the counters are open somebody visits people at home, and an evening is both."""
    manager = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER))
    at = {"servicePoint": "wangyue-hall", "category": "G"}
    evening = await open_session(manager, **at)
    async with nothing_moves("session"):
        again = await open_session(manager, **at)
    homes = await open_session(manager, **at, layer="HOME_VISIT")
    assert (evening["__typename"], again["code"], homes["__typename"]) == (
        "ExtraSession", "SESSION_INVALID", "ExtraSession",
    )  # fmt: skip
    ordinary = await make_slot(1, starts_at=EVENING - timedelta(hours=8), place="city-hall", business="G")
    beside = {"opensAt": ordinary.starts_at.isoformat(), "closesAt": ordinary.ends_at.isoformat()}
    home = await open_session(manager, servicePoint="city-hall", category="G", layer="HOME_VISIT", **beside)
    assert [slot["startsAt"] for slot in home["slots"]] == [local(ordinary.starts_at).isoformat(timespec="seconds")]


async def test_managers_at_once_open_one_session_though_theirs_begin_ten_minutes_apart(portal: Portal) -> None:
    """Overlapping is not being equal: no index of the database would have noticed."""
    managers = [await make_staff(Role.DEPARTMENT_MANAGER) for _ in range(4)]
    ends = EVENING + timedelta(hours=2)

    outcomes = await asyncio.gather(
        *(
            open_extra_session(manager, "bayin-hall", "C", EVENING + timedelta(minutes=10 * place), ends, 3)
            for place, manager in enumerate(managers)
        ),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes].count(SessionInvalid) == 3
    session = await ExtraSession.get(service_point_id="bayin-hall", category="C")
    slots = await Slot.filter(service_point_id="bayin-hall", category="C", starts_at__gte=EVENING).order_by("starts_at")
    assert slots[0].starts_at == session.opens_at
    assert all(left.ends_at <= right.starts_at for left, right in pairwise(slots))


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"servicePoint": "nowhere"}, "NOT_FOUND"),
        ({"servicePoint": "x" * 61}, "NOT_FOUND"),
        ({"category": "E"}, "SESSION_INVALID"),
        ({"category": "no such business"}, "SESSION_INVALID"),
        ({"capacity": 0}, "SESSION_INVALID"),
        ({"capacity": 501}, "SESSION_INVALID"),
        ({"layer": "ORDINARY"}, "SESSION_INVALID"),
        ({"closesAt": EVENING.isoformat()}, "SESSION_INVALID"),
        ({"closesAt": (EVENING + timedelta(minutes=29)).isoformat()}, "SESSION_INVALID"),
        ({"opensAt": "2020-01-01T09:00:00+08:00", "closesAt": "2020-01-01T10:00:00+08:00"}, "SESSION_INVALID"),
        ({"closesAt": (EVENING + timedelta(hours=15)).isoformat()}, "SESSION_INVALID"),
    ],
)
async def test_a_session_that_cannot_be_is_refused(portal: Portal, wanted: dict[str, Any], code: str) -> None:
    manager = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER))
    async with nothing_moves():
        refused = await open_session(manager, **{"servicePoint": "qinghe-hall", **wanted})
    assert refused["code"] == code


async def test_only_the_manager_opens_sessions(portal: Portal) -> None:
    others = [await make_staff(role) for role in Role if role is not Role.DEPARTMENT_MANAGER]
    callers = [await caller_of(portal, actor) for actor in (*others, await make_resident())]
    async with nothing_moves():
        assert {(await open_session(caller))["code"] for caller in callers} == {"NOT_ALLOWED"}
