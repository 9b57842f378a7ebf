from __future__ import annotations

import asyncio
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from app.booking.errors import SessionInvalid
from app.booking.layout import lay_out_slots, open_extra_session
from app.booking.models import BusinessPolicy, ExtraSession, Slot
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.clock import at_local, local
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


async def test_a_business_may_have_a_policy_of_its_own(portal: Portal) -> None:
    policy = await BusinessPolicy.create(service_point_id=HALL, category="E", slot_minutes=60, capacity=1, days_ahead=1)
    try:
        with clock.standing_at(at_local(date(2026, 8, 10), 0, 5)):
            await lay_out_slots()
    finally:
        await policy.delete()

    own = await slots_on(date(2026, 8, 10), "E")
    assert [f"{local(slot.starts_at):%H:%M}" for slot in own] == ["08:30", "09:30", "10:30", "14:00", "15:00", "16:00"]
    assert {slot.capacity for slot in own} == {1}
    assert [len(await slots_on(date(2026, 8, day), "E")) for day in (11, 12)] == [6, 0]
    assert [len(await slots_on(date(2026, 8, day))) for day in (11, 12)] == [14, 14]


async def test_what_is_laid_stays_when_the_policy_changes(portal: Portal) -> None:
    with clock.standing_at(at_local(date(2026, 8, 24), 0, 5)):
        await lay_out_slots()
        before = [(slot.id, slot.capacity) for slot in await slots_on(date(2026, 8, 24), "C")]
        policy = await BusinessPolicy.create(
            service_point_id=HALL, category="C", slot_minutes=30, capacity=99, days_ahead=7
        )
        try:
            assert await lay_out_slots() == 0
        finally:
            await policy.delete()
    assert [(slot.id, slot.capacity) for slot in await slots_on(date(2026, 8, 24), "C")] == before


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
