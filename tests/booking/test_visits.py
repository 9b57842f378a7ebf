"""Several things in one visit, for several people, and how often somebody may come."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.booking import commands, places
from app.booking.errors import SlotFull, TooManyBookings
from app.booking.models import Booking, Slot
from app.booking.rules import Channel
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.clock import at_local
from tests.booking.places import make_slot, places_taken, set_rules, visit
from tests.cases.filing import CARD, PERMIT
from tests.identity.accounts import caller_of, make_resident
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal
from tests.representation.stage import make_pair

RENEW, TEMPORARY, CHILD = "id-card-renew", "id-card-temp", "birth-household"
PLACE = "wangyue-hall"
FAR = date(2032, 3, 1)
"""A Monday long after every slot that is laid out."""


async def row_of(day: date, *capacities: int, business: str = "D") -> list[Slot]:
    """Slots one after another from nine o'clock."""
    nine = at_local(day, 9)
    starts = [nine + timedelta(minutes=30 * number) for number in range(len(capacities))]
    return [
        await make_slot(capacity, starts_at=start, place=PLACE, business=business)
        for capacity, start in zip(capacities, starts, strict=True)
    ]


async def ask(caller: Caller, slot_id: UUID | str, *items: str, **more: Any) -> dict[str, Any]:
    wanted = [{"itemKey": item} for item in items or (CARD,)]
    answer: dict[str, Any] = await caller.do(
        "Book", slotId=str(slot_id), items=wanted, **{"idempotencyKey": new_key(), **more}
    )
    return answer


async def book(resident: Actor, slot: Slot, item: str = CARD) -> Booking:
    return await commands.book(resident, slot.id, visit(item), idempotency_key=new_key())


async def test_a_visit_takes_as_many_slots_in_a_row_as_its_items_need(portal: Portal) -> None:
    await set_rules(PLACE, "D", minutes_by_item={CARD: 20, PERMIT: 45})
    slots = await row_of(FAR, 2, 2, 2, 2)
    caller = await caller_of(portal, await make_resident())

    booked = await ask(caller, slots[0].id, CARD, PERMIT, party=2)

    assert (booked["itemKeys"], booked["party"]) == ([CARD, PERMIT], 2)
    assert datetime.fromisoformat(booked["until"]) == slots[2].ends_at
    assert [await places_taken(slot) for slot in slots] == [(2, 2), (2, 2), (2, 2), (0, 0)]
    await caller.do("CancelBooking", id=booked["id"])
    assert [await places_taken(slot) for slot in slots] == [(0, 0)] * 4


async def test_where_too_few_are_free_in_a_row_none_is_taken_and_a_free_row_is_named(portal: Portal) -> None:
    await set_rules(PLACE, "D", minutes_by_item={CARD: 60})
    day = FAR + timedelta(days=1)
    slots = await row_of(day, 1, 1, 1, 1, 1)
    await set_rules(PLACE, "D")
    await book(await make_resident(), slots[1])
    await set_rules(PLACE, "D", minutes_by_item={CARD: 60})
    caller = await caller_of(portal, await make_resident())

    async with nothing_moves():
        the_second_is_full = await ask(caller, slots[0].id)
        the_first_is_full = await ask(caller, slots[1].id)
        the_day_ends = await ask(caller, slots[4].id)

    codes = [answer["code"] for answer in (the_second_is_full, the_first_is_full, the_day_ends)]
    assert codes == ["NOT_ENOUGH_IN_A_ROW", "SLOT_FULL", "NOT_ENOUGH_IN_A_ROW"]
    assert "连续2个时段" in the_second_is_full["message"]
    assert [one["id"] for one in the_second_is_full["alternatives"]][:2] == [str(slots[2].id), str(slots[3].id)]
    assert (await ask(caller, the_day_ends["suggestedId"]))["__typename"] == "Booking"


async def test_a_visit_does_not_go_on_after_the_hall_has_closed_for_noon(portal: Portal) -> None:
    await set_rules(PLACE, "D", minutes_by_item={CARD: 60})
    day = FAR + timedelta(days=8)
    before, after, last = [
        await make_slot(1, starts_at=at_local(day, *at), place=PLACE) for at in ((11, 30), (14, 0), (14, 30))
    ]
    caller = await caller_of(portal, await make_resident())
    async with nothing_moves():
        refused = await ask(caller, before.id)
    booked = await ask(caller, after.id)
    await set_rules(PLACE, "D")
    assert (refused["code"], refused["suggestedId"]) == ("NOT_ENOUGH_IN_A_ROW", str(after.id))
    assert datetime.fromisoformat(booked["until"]) == last.ends_at


async def test_a_second_item_is_booked_once_too(portal: Portal) -> None:
    """Also when two phones ask at the same moment, for visits that share only their second item."""
    await set_rules(PLACE, "D", live_most=5)
    slots = await row_of(FAR + timedelta(days=2), 5, 5, 5, 5, 5, 5)
    resident = await make_resident()
    caller = await caller_of(portal, resident)
    answers = await at_once(
        ask(caller, slots[0].id, CARD, RENEW), ask(caller, slots[2].id, PERMIT, RENEW), ask(caller, slots[4].id, RENEW)
    )
    assert sorted(str(answer.get("code")) for answer in answers if isinstance(answer, dict)) == [
        "ALREADY_BOOKED", "ALREADY_BOOKED", "None",
    ]  # fmt: skip
    assert await Booking.filter(resident_id=resident.id).count() == 1


async def test_what_no_visit_can_be_is_refused(portal: Portal) -> None:
    await set_rules(PLACE, "D", party_most=3)
    [slot] = await row_of(FAR + timedelta(days=3), 2)
    caller = await caller_of(portal, await make_resident())
    six = (CARD, PERMIT, RENEW, TEMPORARY, CHILD, "death-cancel")
    async with nothing_moves():
        answers = {
            "nothing": await caller.do("Book", slotId=str(slot.id), items=[], idempotencyKey=new_key()),
            "six things": await ask(caller, slot.id, *six),
            "the same twice": await ask(caller, slot.id, CARD, CARD),
            "nobody": await ask(caller, slot.id, party=0),
            "minus one": await ask(caller, slot.id, party=-1),
            "a thousand": await ask(caller, slot.id, party=1000),
            "more than there are places": await ask(caller, slot.id, party=3),
        }
    assert {situation: (answer["code"], answer["field"]) for situation, answer in answers.items()} == {
        "nothing": ("VISIT_INVALID", "items"),
        "six things": ("VISIT_INVALID", "items"),
        "the same twice": ("VISIT_INVALID", "items"),
        "nobody": ("PARTY_TOO_LARGE", "party"),
        "minus one": ("PARTY_TOO_LARGE", "party"),
        "a thousand": ("PARTY_TOO_LARGE", "party"),
        "more than there are places": ("SLOT_FULL", "slotId"),
    }
    assert "1至3人" in answers["a thousand"]["message"]


@pytest.mark.parametrize(
    ("period", "allowed_after", "zh"), [("per_day", 1, "当天"), ("per_week", 7, "当周"), ("per_month", 31, "当月")]
)
async def test_a_day_week_or_month_has_a_limit_and_the_next_is_free_again(
    portal: Portal, period: str, allowed_after: int, zh: str
) -> None:
    await set_rules(PLACE, "G", live_most=20, **{period: 2})
    caller = await caller_of(portal, await make_resident())
    monday = {"per_day": date(2032, 5, 3), "per_week": date(2032, 5, 10), "per_month": date(2032, 5, 31)}[period]
    here = await row_of(monday, 5, 5, 5, business="G")
    later = await row_of(monday + timedelta(days=allowed_after), 5, business="G")
    items = ("individual-setup", "company-setup", "food-licence")
    made = [await ask(caller, slot.id, item) for slot, item in zip(here[:2], items[:2], strict=True)]

    async with nothing_moves():
        third = await ask(caller, here[2].id, items[2])

    assert [answer["__typename"] for answer in made] == ["Booking", "Booking"]
    assert third["code"] == "TOO_MANY_IN_PERIOD"
    assert f"您{zh}已预约这类业务2次" in third["message"]
    assert (await ask(caller, later[0].id, items[2]))["__typename"] == "Booking"
    await caller.do("CancelBooking", id=made[0]["id"])
    assert (await ask(caller, here[2].id, items[0]))["__typename"] == "Booking"


async def test_the_rules_say_how_many_live_bookings_one_may_hold(portal: Portal) -> None:
    await set_rules(PLACE, "D", live_most=3)
    resident = await make_resident()
    slots = await row_of(FAR + timedelta(days=4), 5, 5, 5, 5)
    for slot, item in zip(slots, (CARD, PERMIT, RENEW), strict=False):
        await book(resident, slot, item)
    async with nothing_moves():
        with pytest.raises(TooManyBookings) as refused:
            await book(resident, slots[3], TEMPORARY)
    assert refused.value.values["limit"] == 3


async def test_phones_leave_the_desk_its_share_but_the_desk_may_take_all(portal: Portal) -> None:
    await set_rules(PLACE, "D")
    [slot] = await row_of(FAR + timedelta(days=5), 3)
    await Slot.filter(id=slot.id).update(phone_capacity=1)
    first = await book(await make_resident(), slot)
    with pytest.raises(SlotFull):
        await book(await make_resident(), slot)

    async def at_the_desk() -> bool:
        async with db.transaction():
            return await places.take([slot.id], 1, Channel.DESK)

    assert [await at_the_desk() for _ in range(3)] == [True, True, False]
    await slot.refresh_from_db()
    assert (slot.taken, slot.phone_taken) == (3, 1)
    assert first.channel is Channel.PHONE


async def test_three_hundred_at_once_by_one_account_are_two_bookings(portal: Portal) -> None:
    await set_rules(PLACE, "D")
    resident = await make_resident()
    slots = await row_of(FAR + timedelta(days=6), *[50] * 10)
    items = (CARD, PERMIT, RENEW, TEMPORARY, CHILD)
    asked = [(slots[number % 10], items[number % 5]) for number in range(300)]

    outcomes = await at_once(*(book(resident, slot, item) for slot, item in asked))

    codes = {getattr(outcome, "code", "") for outcome in outcomes if isinstance(outcome, BaseException)}
    assert codes <= {"ALREADY_BOOKED", "TOO_MANY_BOOKINGS"}
    assert sum(isinstance(outcome, Booking) for outcome in outcomes) == 2
    assert await Booking.filter(resident_id=resident.id).count() == 2
    counted = [await places_taken(slot) for slot in slots]
    assert all(taken == kept for taken, kept in counted)
    assert sum(taken for taken, _ in counted) == 2


async def test_four_things_at_once_are_decided_one_after_another(portal: Portal) -> None:
    """In one and the same crowd each would see the same history, and all would be booked."""
    resident = await make_resident()
    slots = await row_of(FAR + timedelta(days=8), *[5] * 4)
    items = (CARD, PERMIT, RENEW, TEMPORARY)

    outcomes = await at_once(*(book(resident, slot, item) for slot, item in zip(slots, items, strict=True)))

    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [getattr(refusal, "code", "") for refusal in refused] == ["TOO_MANY_BOOKINGS"] * 2
    assert await Booking.filter(resident_id=resident.id).count() == 2


async def test_days_without_slots_and_ids_that_are_none_give_nothing(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    yesterday = await make_slot(5, hours_ahead=-24, place=PLACE)
    resident = str((await make_resident()).id)
    async with nothing_moves():
        gone = await ask(caller, yesterday.id)
        foreign = [await ask(caller, strange) for strange in (resident, db.new_id(), "1", "' OR 1=1")]
    assert gone["code"] == "SLOT_GONE"
    assert [answer["code"] for answer in foreign] == ["NOT_FOUND"] * 4
    holiday = await caller.do("Slots", itemKey=CARD, servicePoint=PLACE, day="2027-01-01")
    assert holiday == []


async def test_an_agent_books_for_the_principal_and_only_what_they_may(portal: Portal) -> None:
    await set_rules(PLACE, "D")
    principal, agent = await make_pair(portal, CARD)
    slots = await row_of(FAR + timedelta(days=7), 5, 5)
    async with agent.switched_to(principal) as phone:
        booked = await ask(phone, slots[0].id)
        async with nothing_moves():
            beyond = await ask(phone, slots[1].id, PERMIT)
            in_one_visit = await ask(phone, slots[1].id, CARD, PERMIT)
    row = await Booking.get(id=booked["id"])
    assert str(row.resident_id) == principal.id
    assert [beyond["code"], in_one_visit["code"]] == ["OUTSIDE_MANDATE"] * 2
    assert (await principal.phone.do("MyBookings"))["edges"][0]["node"]["id"] == booked["id"]
    assert clock.local(slots[0].starts_at).hour == 9
