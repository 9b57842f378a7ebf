"""In line: who may join, where they stand, and how it ends without an offer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.booking.errors import AlreadyInLine
from app.booking.events import SlotBooked
from app.booking.models import Slot, WaitingEntry
from app.booking.tasks import leave_the_line, tend_waiting_list
from app.identity.rules import Level
from app.kernel import clock, db
from app.kernel.clock import at_local
from tests.booking.lines import PLACE, a_day, any_day, book, fill, give_back, join, offer, slot_on, state_of, wait, wish
from tests.cases.filing import CARD, PERMIT
from tests.identity.accounts import caller_of, make_resident
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal
from tests.representation.stage import make_pair

ITEMS = (CARD, PERMIT, "id-card-renew", "id-card-temp", "birth-household", "hukou-spouse")


async def ask(caller: Caller, item: str = CARD, **terms: Any) -> dict[str, Any]:
    day = terms.pop("day", None) or any_day()
    wanted = {
        "items": [{"itemKey": item}],
        "servicePoints": [PLACE],
        "daysFrom": day.isoformat(),
        "daysUntil": day.isoformat(),
        "idempotencyKey": new_key(),
        **terms,
    }
    answer: dict[str, Any] = await caller.do("JoinWaitingList", **wanted)
    return answer


async def before(caller: Caller) -> list[int]:
    return [entry["before"] for entry in await caller.do("MyWaitingList")]


async def test_who_joins_sees_how_many_want_the_same_and_were_there_before(portal: Portal) -> None:
    day, key = a_day(), new_key()
    first, second, third, elsewhen = [await caller_of(portal, await make_resident()) for _ in range(4)]

    joined = await ask(first, day=day, party=2, timeFrom="09:00", timeUntil="11:30", idempotencyKey=key)
    async with nothing_moves():
        replayed = await ask(first, day=day, party=2, timeFrom="09:00", timeUntil="11:30", idempotencyKey=key)
        reused = await ask(first, day=day, party=3, idempotencyKey=key)
    await ask(second, day=day)
    await ask(third, day=day, timeFrom="11:00")
    await ask(elsewhen, day=day, timeFrom="13:00", timeUntil="14:00")

    assert joined == replayed
    assert reused["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert (joined["state"], joined["itemKeys"], joined["party"], joined["before"]) == ("WAITING", [CARD], 2, 0)
    assert [point["key"] for point in joined["servicePoints"]] == [PLACE]
    assert [await before(caller) for caller in (first, second, third, elsewhen)] == [[0], [1], [2], [2]]
    assert await audit_of(f"line:{joined['id']}") == [("line.joined", "done")]
    await first.do("LeaveWaitingList", id=joined["id"])
    assert [await before(caller) for caller in (second, third)] == [[0], [1]]


async def test_all_halls_of_a_business_within_a_radius_are_waited_for(portal: Portal) -> None:
    caller, another = [await caller_of(portal, await make_resident()) for _ in range(2)]
    near = {"latitude": 40.2, "longitude": 109.1, "radiusKm": 10.0}
    wide = await ask(caller, servicePoints=None, near=near)
    with_one_named = await ask(another, near={**near, "radiusKm": 1.0})
    assert [point["key"] for point in wide["servicePoints"]] == ["city-hall", "wangyue-hall"]
    assert [point["key"] for point in with_one_named["servicePoints"]] == [PLACE, "city-hall"]


async def test_what_nobody_could_be_offered_is_refused(portal: Portal) -> None:
    caller, today = await caller_of(portal, await make_resident()), clock.today()
    nowhere = {"latitude": 0.0, "longitude": 0.0, "radiusKm": 5.0}
    of_two = [{"itemKey": CARD}, {"itemKey": "hf-purchase"}]
    async with nothing_moves():
        answers = {
            "no hall": await ask(caller, servicePoints=[]),
            "21 halls": await ask(caller, servicePoints=[f"hall-{number}" for number in range(21)]),
            "an unknown hall": await ask(caller, servicePoints=["no-such-hall"]),
            "a hall without the business": await ask(caller, servicePoints=["marriage-office"]),
            "nothing so near": await ask(caller, servicePoints=[], near=nowhere),
            "a radius of nothing": await ask(caller, near={**nowhere, "radiusKm": 0.0}),
            "all the country": await ask(caller, near={**nowhere, "radiusKm": 5000.0}),
            "no point on earth": await ask(caller, near={**nowhere, "latitude": 91.0}),
            "backwards": await ask(caller, daysUntil=today.isoformat()),
            "yesterday": await ask(caller, day=today - timedelta(days=1)),
            "next year": await ask(caller, day=today + timedelta(days=91)),
            "no time": await ask(caller, timeFrom="9 o'clock"),
            "25 o'clock": await ask(caller, timeUntil="25:00"),
            "hours backwards": await ask(caller, timeFrom="15:00", timeUntil="10:00"),
            "two businesses": await ask(caller, items=of_two),
            "nobody": await ask(caller, party=0),
            "a thousand": await ask(caller, party=1000),
            "what needs no booking": await ask(caller, "residence-endorse"),
            "no such item": await ask(caller, "no-such-item"),
            "the same twice": await ask(caller, items=[{"itemKey": CARD}] * 2),
        }
    assert {situation: (answer["code"], answer["field"]) for situation, answer in answers.items()} == {
        "no hall": ("LINE_INVALID", "servicePoints"),
        "21 halls": ("LINE_INVALID", "servicePoints"),
        "an unknown hall": ("NOT_FOUND", None),
        "a hall without the business": ("ITEM_NOT_SERVED_HERE", "servicePoints"),
        "nothing so near": ("LINE_INVALID", "near"),
        "a radius of nothing": ("LINE_INVALID", "near"),
        "all the country": ("LINE_INVALID", "near"),
        "no point on earth": ("LINE_INVALID", "near"),
        "backwards": ("LINE_INVALID", "daysUntil"),
        "yesterday": ("LINE_INVALID", "daysUntil"),
        "next year": ("LINE_INVALID", "daysUntil"),
        "no time": ("LINE_INVALID", "timeFrom"),
        "25 o'clock": ("LINE_INVALID", "timeFrom"),
        "hours backwards": ("LINE_INVALID", "timeUntil"),
        "two businesses": ("LINE_INVALID", "items"),
        "nobody": ("PARTY_TOO_LARGE", "party"),
        "a thousand": ("PARTY_TOO_LARGE", "party"),
        "what needs no booking": ("ITEM_NOT_BOOKABLE", "items"),
        "no such item": ("NOT_FOUND", None),
        "the same twice": ("VISIT_INVALID", "items"),
    }


async def test_one_stands_in_line_once_for_an_item_however_many_phones_ask(portal: Portal) -> None:
    resident = await make_resident()
    outcomes = await at_once(*(join(resident, wish(a_day())) for _ in range(5)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyInLine"] * 4 + ["WaitingEntry"]
    [entry] = await WaitingEntry.filter(resident_id=resident.id)
    async with nothing_moves():
        with pytest.raises(AlreadyInLine) as refused:
            await join(resident, wish(a_day()), (PERMIT, CARD))
    assert refused.value.suggestion == entry.id


async def test_one_stands_in_five_lines_at_most(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)
    for item in ITEMS[:5]:
        await join(resident, wish(a_day()), (item,))
    async with nothing_moves():
        sixth = await ask(caller, ITEMS[5])
    assert sixth["code"] == "LINE_INVALID"
    assert "5个" in sixth["message"]


async def test_who_has_a_booking_for_the_item_does_not_wait_for_it(portal: Portal) -> None:
    resident, day = await make_resident(), a_day()
    booking = await book(resident, await slot_on(day))
    caller = await caller_of(portal, resident)
    async with nothing_moves():
        refused = await ask(caller, day=day)
    assert (refused["code"], refused["suggestedId"]) == ("ALREADY_BOOKED", str(booking.id))


async def test_where_there_is_a_free_place_one_is_told_instead_of_waiting(portal: Portal) -> None:
    day = a_day()
    slot = await slot_on(day, 10)
    caller = await caller_of(portal, await make_resident())
    async with nothing_moves():
        refused = await ask(caller, day=day)
    assert (refused["code"], refused["suggestedId"]) == ("LINE_NOT_NEEDED", str(slot.id))
    assert "10:00" in refused["message"]
    assert (await ask(caller, day=day, timeFrom="13:00"))["__typename"] == "WaitingEntry"


async def test_a_free_place_in_the_wished_hours_is_found_behind_hundreds_in_the_morning(portal: Portal) -> None:
    day = a_day()
    early = [at_local(day, 6) + timedelta(seconds=20 * number) for number in range(501)]
    shown = {"service_point_id": PLACE, "category": "D", "day": day, "capacity": 1}
    morning = [Slot(starts_at=at, ends_at=at + timedelta(minutes=30), **shown) for at in early]
    await Slot.bulk_create(morning)
    late = await slot_on(day, 16)
    caller = await caller_of(portal, await make_resident())
    try:
        async with nothing_moves():
            refused = await ask(caller, day=day, timeFrom="15:00", timeUntil="17:00")
    finally:
        await Slot.filter(id__in=[slot.id for slot in morning]).delete()

    assert refused["code"] == "LINE_NOT_NEEDED"
    assert [one["id"] for one in refused["alternatives"]] == [str(late.id)]


async def test_waiting_needs_the_level_that_booking_would(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident(Level.L1))
    async with nothing_moves():
        refused = await ask(caller)
    assert refused["code"] == "ASSURANCE_TOO_LOW"


async def test_one_leaves_only_ones_own_place_and_may_say_so_twice(portal: Portal) -> None:
    resident, entry = await wait(a_day())
    caller, stranger = await caller_of(portal, resident), await caller_of(portal, await make_resident())
    async with nothing_moves():
        strange = [await stranger.do("LeaveWaitingList", id=id_) for id_ in (str(entry.id), str(db.new_id()), "1")]
        no_offer = await caller.do("AcceptOffer", bookingId=str(entry.id))
    left = await caller.do("LeaveWaitingList", id=str(entry.id))
    async with nothing_moves():
        again = await caller.do("LeaveWaitingList", id=str(entry.id))
    assert [answer["code"] for answer in (*strange, no_offer)] == ["NOT_FOUND"] * 4
    assert left == again == {"__typename": "WaitingEntry", "id": str(entry.id), "state": "LEFT"}
    assert [one["state"] for one in await caller.do("MyWaitingList")] == ["LEFT"]
    assert (await ask(caller))["__typename"] == "WaitingEntry"


async def test_waiting_ends_with_its_last_day(portal: Portal) -> None:
    day = a_day()
    _, entry = await wait(day)
    with clock.standing_at(clock.at_local(day, 23, 59)):
        await tend_waiting_list()
    assert await state_of(entry) == ("WAITING", 0)
    with clock.standing_at(clock.at_local(day + timedelta(days=1), 0)):
        await tend_waiting_list()
        assert await state_of(entry) == ("OVER", 0)
        async with nothing_moves():
            await tend_waiting_list()


async def test_who_books_the_item_otherwise_waits_no_longer(portal: Portal) -> None:
    day = a_day()
    resident, entry = await wait(day)
    permit = await join(resident, wish(day), (PERMIT,))
    booking = await book(resident, await slot_on(day, 15), CARD)
    await portal.run_jobs()
    assert [await state_of(entry), await state_of(permit)] == [("OVER", 0), ("WAITING", 0)]
    async with nothing_moves():
        await leave_the_line(SlotBooked(booking.id))


async def test_an_agent_waits_for_the_principal(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    day = a_day()
    [held] = await fill(await slot_on(day))
    async with agent.switched_to(principal) as phone:
        joined = await ask(phone, day=day)
        beyond = await ask(phone, PERMIT, day=day)
    assert (joined["state"], beyond["code"]) == ("WAITING", "OUTSIDE_MANDATE")
    assert await agent.phone.do("MyWaitingList") == []
    await give_back(held)
    await offer(held[1].slot)
    [seen] = await principal.phone.do("MyWaitingList")
    async with agent.switched_to(principal) as phone:
        accepted = await phone.do("AcceptOffer", bookingId=seen["offer"]["id"])
    assert (accepted["state"], accepted["id"]) == ("BOOKED", seen["offer"]["id"])
    entry = await WaitingEntry.get(id=joined["id"])
    assert (str(entry.resident_id), entry.state.value) == (principal.id, "SERVED")
