from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.booking import commands
from app.booking.errors import SlotGone
from app.booking.models import Booking, Slot
from app.cases.commands import withdraw
from app.cases.models import Case
from app.identity.rules import Level
from app.kernel import clock, db
from tests.booking.places import make_slot, places_taken, visit
from tests.cases.filing import CARD, PERMIT, file_case
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal

PASSPORT = "passport"


async def book(
    caller: Caller, slot: Slot | str, item: str = CARD, case_id: str | None = None, **more: Any
) -> dict[str, Any]:
    slot_id = slot if isinstance(slot, str) else str(slot.id)
    items = [{"itemKey": item, "caseId": case_id}]
    wanted = {"slotId": slot_id, "items": items, "idempotencyKey": new_key(), **more}
    answer: dict[str, Any] = await caller.do("Book", **wanted)
    return answer


async def test_a_place_is_taken_once_however_often_the_phone_repeats_it(portal: Portal) -> None:
    resident = await make_resident()
    caller, slot, key = await caller_of(portal, resident), await make_slot(2), new_key()
    case = await file_case(resident)

    first = await book(caller, slot, case_id=str(case.id), idempotencyKey=key)
    async with nothing_moves():
        again = await book(caller, slot, case_id=str(case.id), idempotencyKey=key)

    assert first == again
    assert (first["state"], first["itemKey"]) == ("BOOKED", CARD)
    assert first["slot"]["servicePoint"]["name"] == "云澜市政务服务中心"
    assert await places_taken(slot) == (1, 1)
    await case.refresh_from_db()
    assert case.visit_at == slot.starts_at
    assert await audit_of(f"booking:{first['id']}") == [("booking.made", "done")]
    seen = await caller.do("CaseDetail", id=str(case.id))
    assert (seen["booking"]["id"], seen["nextStep"]["code"]) == (first["id"], "COME_TO_HALL")


async def test_the_same_key_five_times_at_once_takes_one_place(portal: Portal) -> None:
    caller, slot, key = await caller_of(portal, await make_resident()), await make_slot(5), new_key()
    answers = await asyncio.gather(*(book(caller, slot, idempotencyKey=key) for _ in range(5)))
    assert len({answer["id"] for answer in answers}) == 1
    assert await places_taken(slot) == (1, 1)


async def test_a_key_stands_for_one_request(portal: Portal) -> None:
    caller, slot, key = await caller_of(portal, await make_resident()), await make_slot(5), new_key()
    await book(caller, slot, idempotencyKey=key)
    other = await make_slot(5)
    async with nothing_moves():
        refused = await book(caller, other, idempotencyKey=key)
    assert refused["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_different_keys_at_once_take_one_place_for_one_item(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    slots = [await make_slot(5) for _ in range(4)]
    answers = await asyncio.gather(*(book(caller, slot) for slot in slots))
    assert sorted(answer["__typename"] for answer in answers) == ["Booking", "Problem", "Problem", "Problem"]
    assert {answer["code"] for answer in answers if answer["__typename"] == "Problem"} == {"ALREADY_BOOKED"}
    assert sum([(await places_taken(slot))[0] for slot in slots]) == 1


async def test_a_full_slot_is_refused_with_the_next_free_one(portal: Portal) -> None:
    full = await make_slot(1, hours_ahead=500)
    free = await make_slot(1, hours_ahead=500.5)
    await book(await caller_of(portal, await make_resident()), full)
    caller = await caller_of(portal, await make_resident())

    async with nothing_moves():
        refused = await book(caller, full)
    caller.http.headers["accept-language"] = "en"
    in_english = await book(caller, full)

    assert (refused["code"], refused["field"], refused["suggestedId"]) == ("SLOT_FULL", "slotId", str(free.id))
    assert "云澜市政务服务中心" in refused["message"]
    assert in_english["message"].startswith("This slot is full. The next free one: ")
    assert (await book(caller, refused["suggestedId"]))["__typename"] == "Booking"


async def test_what_cannot_be_booked_is_refused_and_nothing_is_taken(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    counter, passports = await make_slot(5), await make_slot(5, business="E")
    begun = await make_slot(5, hours_ahead=-0.1)

    async with nothing_moves():
        answers = {
            "the slot has begun": await book(caller, begun),
            "the counter is another business's": await book(caller, passports),
            "the item needs no booking": await book(caller, counter, "residence-endorse"),
            "there is no such item": await book(caller, counter, "no-such-item"),
            "there is no such slot": await book(caller, str(db.new_id())),
            "that is no id": await book(caller, "1"),
            "there is no such case": await book(caller, counter, case_id=str(db.new_id())),
            "the key is too short": await book(caller, counter, idempotencyKey="1"),
        }

    assert {situation: answer["code"] for situation, answer in answers.items()} == {
        "the slot has begun": "SLOT_GONE",
        "the counter is another business's": "SLOT_FOR_OTHER_ITEMS",
        "the item needs no booking": "ITEM_NOT_BOOKABLE",
        "there is no such item": "NOT_FOUND",
        "there is no such slot": "NOT_FOUND",
        "that is no id": "NOT_FOUND",
        "there is no such case": "NOT_FOUND",
        "the key is too short": "INVALID_INPUT",
    }


async def test_an_id_that_is_none_is_named_wherever_it_stands(portal: Portal) -> None:
    caller, slot = await caller_of(portal, await make_resident()), await make_slot(5)
    async with nothing_moves():
        answers = [
            await book(caller, "1"),
            await book(caller, slot, case_id="not-an-id"),
            await book(caller, slot, "No Item"),
            await caller.do("MoveBooking", id="x", slotId=str(slot.id), idempotencyKey=new_key()),
            await book(caller, str(db.new_id())),
        ]
    assert [answer["code"] for answer in answers] == ["NOT_FOUND"] * 5
    assert [answer["field"] for answer in answers] == ["slotId", "items.caseId", "items.itemKey", "id", None]


async def test_a_slot_is_gone_the_moment_it_begins(portal: Portal) -> None:
    resident, slot = await make_resident(), await make_slot(5)
    with clock.standing_at(slot.starts_at):
        async with nothing_moves():
            with pytest.raises(SlotGone):
                await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())


async def test_only_a_case_of_ones_own_about_the_item_and_still_open_is_booked_for(portal: Portal) -> None:
    resident = await make_resident()
    caller, slot = await caller_of(portal, resident), await make_slot(5)
    foreign = await file_case(await make_resident())
    about_another = await file_case(resident, PERMIT)
    closed = await file_case(resident)
    await withdraw(resident, closed.id)

    async with nothing_moves():
        codes = [
            (answer["code"], answer["field"])
            for case in (foreign, about_another, closed)
            for answer in [await book(caller, slot, case_id=str(case.id))]
        ]

    assert codes == [("NOT_FOUND", None), ("INVALID_INPUT", "caseId"), ("INVALID_INPUT", "caseId")]
    assert await Case.filter(id__in=[foreign.id, about_another.id, closed.id], visit_at__isnull=False).count() == 0


@pytest.mark.parametrize(("level", "code"), [(Level.L1, "ASSURANCE_TOO_LOW"), (Level.L2, None)])
async def test_booking_needs_a_first_proof(portal: Portal, level: Level, code: str | None) -> None:
    caller, slot = await caller_of(portal, await make_resident(level)), await make_slot(1)
    answer = await book(caller, slot)
    assert answer.get("code") == code
    assert (await places_taken(slot))[0] == (0 if code else 1)


async def test_one_item_is_booked_once_and_two_bookings_are_enough(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    slots = [await make_slot(5, hours_ahead=24 * days) for days in (2, 3, 4)]
    await book(caller, slots[0])

    async with nothing_moves():
        same_item = await book(caller, slots[1])
    await book(caller, slots[1], PERMIT)
    async with nothing_moves():
        third = await book(caller, slots[2], "id-card-renew")

    assert same_item["code"] == "ALREADY_BOOKED"
    day = clock.local(slots[0].starts_at)
    assert f"{day.month}月{day.day}日{day:%H:%M}" in same_item["message"]
    assert third["code"] == "TOO_MANY_BOOKINGS"
    assert "2个" in third["message"]


async def test_three_items_at_once_still_make_two_bookings(portal: Portal) -> None:
    resident = await make_resident()
    caller, slot = await caller_of(portal, resident), await make_slot(5)
    items = (CARD, PERMIT, "id-card-renew")
    answers = await asyncio.gather(*(book(caller, slot, item) for item in items))
    assert sorted(answer.get("code", "") for answer in answers) == ["", "", "TOO_MANY_BOOKINGS"]
    assert await Booking.filter(resident_id=resident.id).count() == 2
    assert await places_taken(slot) == (2, 2)


async def test_my_bookings_are_listed_newest_first_and_only_mine(portal: Portal) -> None:
    resident, other = await make_resident(), await make_resident()
    caller = await caller_of(portal, resident)
    await book(await caller_of(portal, other), await make_slot(1))
    made = [await book(caller, await make_slot(1), item) for item in (CARD, PERMIT)]

    first = await caller.do("MyBookings", first=1)
    second = await caller.do("MyBookings", first=1, after=first["pageInfo"]["endCursor"])

    nodes = [first["edges"][0]["node"], second["edges"][0]["node"]]
    assert [node["id"] for node in nodes] == [made[1]["id"], made[0]["id"]]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    assert nodes[0]["ticket"] is None


async def test_free_places_are_shown_but_slots_that_began_are_not(portal: Portal) -> None:
    slot = await make_slot(3)
    begun = await make_slot(3, hours_ahead=-1)
    await book(await caller_of(portal, await make_resident()), slot)
    stranger = portal.stranger()

    shown = {
        found["id"]: found
        for day in {slot.day, begun.day}
        for found in await stranger.do("Slots", itemKey=CARD, servicePoint="city-hall", day=day.isoformat())
    }

    assert (shown[str(slot.id)]["capacity"], shown[str(slot.id)]["free"]) == (3, 2)
    assert str(begun.id) not in shown
    nowhere = await stranger.do("Slots", itemKey=CARD, servicePoint="nowhere", day=slot.day.isoformat())
    assert nowhere == []
