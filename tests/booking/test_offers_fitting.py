"""Freed places and who they are enough for: parties, long visits, the share of phones."""

from __future__ import annotations

from app.booking.models import Booking, Slot
from app.booking.rules import Channel
from tests.booking.lines import (
    PLACE,
    a_day,
    book,
    certainly_offered,
    counted,
    fill,
    give_back,
    join,
    offer,
    slot_on,
    state_of,
    wait,
    wish,
)
from tests.booking.places import set_rules
from tests.cases.filing import PERMIT
from tests.identity.accounts import make_resident
from tests.portal import Portal


async def test_a_place_for_one_does_not_wait_for_two_but_two_get_what_comes_together(portal: Portal) -> None:
    day = a_day()
    slot = await slot_on(day, capacity=3)
    held = await fill(slot)
    _, pair = await wait(day, party=2)
    _, single = await wait(day)

    await give_back(held[0])
    assert await offer(slot) == 1
    assert [await state_of(pair), await state_of(single)] == [("WAITING", 0), ("OFFERED", 0)]
    await give_back(held[1])
    assert (await counted(slot), await offer(slot)) == ((2, 0), 0)  # one place is no use to two: it is anybody's
    await give_back(held[2])
    assert (await counted(slot), await offer(slot)) == ((1, 1), 1)  # with the free one it is

    assert await state_of(pair) == ("OFFERED", 0)
    assert (await certainly_offered(pair)).party == 2
    assert await counted(slot) == (3, 0)


async def test_a_party_that_gives_back_three_places_serves_several_in_line(portal: Portal) -> None:
    day = a_day()
    slot = await slot_on(day, capacity=3)
    family = await make_resident()
    held = (family, await book(family, slot, party=3))
    entries = [(await wait(day, party=size))[1] for size in (1, 3, 2, 1)]
    await give_back(held)
    assert (await counted(slot), await offer(slot)) == ((0, 3), 2)
    assert [(await state_of(entry))[0] for entry in entries] == ["OFFERED", "WAITING", "OFFERED", "WAITING"]
    assert await counted(slot) == (3, 0)


async def test_a_visit_of_two_slots_is_offered_only_a_row_of_two(portal: Portal) -> None:
    day = a_day()
    await set_rules(PLACE, "D", minutes_by_item={PERMIT: 60})
    slots = [await slot_on(day, 9), await slot_on(day, 9, 30), await slot_on(day, 10)]
    held = [pair for slot in slots for pair in await fill(slot)]
    long_visit = await join(await make_resident(), wish(day, time_until="09:30"), (PERMIT,))

    await give_back(held[0])
    assert (await counted(slots[0]), await offer(slots[0])) == ((0, 1), 0)
    assert await counted(slots[0]) == (0, 0)
    await give_back(held[1])
    assert await offer(slots[1]) == 1
    await set_rules(PLACE, "D")

    place = await certainly_offered(long_visit)
    assert (place.slots, place.until) == ([slots[0].id, slots[1].id], slots[1].ends_at)
    assert [await counted(slot) for slot in slots] == [(1, 0)] * 3


async def test_a_place_of_the_desk_is_offered_while_phones_have_not_used_their_share(portal: Portal) -> None:
    day = a_day()
    slot = await slot_on(day, capacity=2)
    by_phone, at_the_desk = await fill(slot)
    await Booking.filter(id=at_the_desk[1].id).update(channel=Channel.DESK)
    await Slot.filter(id=slot.id).update(phone_capacity=1, phone_taken=1)
    _, entry = await wait(day)
    await give_back(at_the_desk)
    assert (await counted(slot), slot.phone_taken) == ((1, 0), 1)  # phones have their share: it stays the desk's

    other_slot = await slot_on(day, 10, capacity=2)
    _, at_the_desk = await fill(other_slot)
    await Booking.filter(id=at_the_desk[1].id).update(channel=Channel.DESK)
    await Slot.filter(id=other_slot.id).update(phone_taken=1)
    await give_back(at_the_desk)
    assert (await counted(other_slot), other_slot.phone_taken) == ((1, 1), 2)
    assert await offer(other_slot) == 1
    assert (await counted(other_slot), other_slot.phone_taken) == ((2, 0), 2)
    assert await state_of(entry) == ("OFFERED", 0)
    await give_back(by_phone)
