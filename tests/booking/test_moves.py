"""Another time for a booking: the old place is kept until the new one is sure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.booking import commands
from app.booking.errors import CancelTooLate, MoveTooLate, SlotClosed, SlotFull, VisitInvalid
from app.booking.models import Booking, Slot
from app.booking.rules import BookingState, Layer
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import IllegalMove, Refusal
from tests.booking.places import make_slot, places_taken, row_of, set_rules, visit
from tests.cases.filing import CARD, PERMIT, file_case
from tests.identity.accounts import caller_of, make_resident
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal
from tests.queueing.arrivals import check_in
from tests.representation.stage import make_pair

PLACE = "qinghe-hall"


async def book(resident: Actor, slot: Slot, item: str = CARD) -> Booking:
    return await commands.book(resident, slot.id, visit(item), idempotency_key=new_key())


async def move(resident: Actor, booking: Booking, slot: Slot) -> Booking:
    return await commands.move(resident, booking.id, slot.id, idempotency_key=new_key())


async def ask(caller: Caller, booking: Booking, slot: Slot, **more: Any) -> dict[str, Any]:
    wanted = {"id": str(booking.id), "slotId": str(slot.id), "idempotencyKey": new_key(), **more}
    answer: dict[str, Any] = await caller.do("MoveBooking", **wanted)
    return answer


async def test_a_booking_moves_to_another_hall_and_its_old_place_is_free(portal: Portal) -> None:
    resident, here, there = await make_resident(), await make_slot(1), await make_slot(1, hours_ahead=50, place=PLACE)
    case = await file_case(resident)
    caller, key = await caller_of(portal, resident), new_key()
    booking = await commands.book(resident, here.id, visit(CARD, case.id), idempotency_key=new_key())

    moved = await ask(caller, booking, there, idempotencyKey=key)
    async with nothing_moves():
        replayed = await ask(caller, booking, there, idempotencyKey=key)
        other_body = await ask(caller, booking, here, idempotencyKey=key)

    assert moved == replayed
    assert (moved["id"], moved["state"], moved["slot"]["id"]) == (str(booking.id), "BOOKED", str(there.id))
    assert other_body["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert [await places_taken(here), await places_taken(there)] == [(0, 0), (1, 1)]
    await booking.refresh_from_db()
    assert (booking.moves, booking.day, booking.until) == (1, there.day, there.ends_at)
    await case.refresh_from_db()
    assert case.visit_at == there.starts_at
    assert (await audit_of(f"booking:{booking.id}"))[-1] == ("booking.moved", "done")


async def test_without_room_there_the_old_place_is_kept(portal: Portal) -> None:
    resident, here, full = await make_resident(), await make_slot(1), await make_slot(1, hours_ahead=31)
    booking = await book(resident, here)
    await book(await make_resident(), full)
    caller = await caller_of(portal, resident)
    async with nothing_moves():
        refused = await ask(caller, booking, full)
    assert (refused["code"], len(refused["alternatives"])) == ("SLOT_FULL", 3)
    assert [await places_taken(here), await places_taken(full)] == [(1, 1), (1, 1)]


async def test_a_long_visit_moves_by_one_slot_into_places_it_has_itself(portal: Portal) -> None:
    await set_rules(PLACE, "D", minutes_by_item={CARD: 60})
    slots = await row_of(1, 4, days_ahead=31, place=PLACE)
    resident = await make_resident()
    booking = await book(resident, slots[0])

    later = await move(resident, booking, slots[1])
    assert later.slots == [slots[1].id, slots[2].id]
    assert [await places_taken(slot) for slot in slots] == [(0, 0), (1, 1), (1, 1), (0, 0)]
    earlier = await move(resident, booking, slots[0])
    assert earlier.slots == [slots[0].id, slots[1].id]
    assert [await places_taken(slot) for slot in slots] == [(1, 1), (1, 1), (0, 0), (0, 0)]

    await Slot.filter(id=slots[1].id).update(closed_at=clock.now())
    async with nothing_moves():
        with pytest.raises(SlotClosed):
            await move(resident, booking, slots[1])
    await set_rules(PLACE, "D")


async def test_moved_to_where_it_is_nothing_changes(portal: Portal) -> None:
    resident, slot = await make_resident(), await make_slot(1)
    booking = await book(resident, slot)
    same = await move(resident, booking, slot)
    assert (same.moves, same.slot_id, await places_taken(slot)) == (0, slot.id, (1, 1))


async def test_many_who_swap_two_slots_wait_for_each_other_but_never_for_ever(portal: Portal) -> None:
    one, other = await make_slot(9), await make_slot(9)
    people = [await make_resident() for _ in range(16)]
    bookings = [await book(person, one if number % 2 else other) for number, person in enumerate(people)]

    outcomes = await at_once(
        *(
            move(person, booking, other if number % 2 else one)
            for number, (person, booking) in enumerate(zip(people, bookings, strict=True))
        )
    )

    assert {type(outcome) for outcome in outcomes} <= {Booking, SlotFull}  # no deadlock, and full only while it is
    moved = sum(isinstance(outcome, Booking) for outcome in outcomes)
    counters = [await places_taken(one), await places_taken(other)]
    assert all(taken == kept for taken, kept in counters)
    assert sum(taken for taken, _ in counters) == 16
    assert await Booking.filter(id__in=[booking.id for booking in bookings], moves=1).count() == moved > 0


async def test_two_full_slots_cannot_be_swapped(portal: Portal) -> None:
    one, other = await make_slot(1), await make_slot(1)
    first, second = await make_resident(), await make_resident()
    bookings = [await book(first, one), await book(second, other)]
    outcomes = await at_once(move(first, bookings[0], other), move(second, bookings[1], one))
    assert [type(outcome) for outcome in outcomes] == [SlotFull, SlotFull]
    assert [await places_taken(one), await places_taken(other)] == [(1, 1), (1, 1)]


async def test_one_booking_moved_five_times_at_once_is_in_one_place(portal: Portal) -> None:
    resident, slots = await make_resident(), [await make_slot(1) for _ in range(6)]
    booking = await book(resident, slots[0])
    outcomes = await at_once(*(move(resident, booking, slot) for slot in slots[1:]))
    assert {type(outcome) for outcome in outcomes} == {Booking}
    counters = [await places_taken(slot) for slot in slots]
    assert all(taken == kept for taken, kept in counters)
    assert sum(taken for taken, _ in counters) == 1


async def test_a_move_racing_a_cancellation_keeps_no_place(portal: Portal) -> None:
    for round_ in range(6):
        resident, here, there = await make_resident(), await make_slot(1), await make_slot(1)
        booking = await book(resident, here)
        acts = [move(resident, booking, there), commands.cancel(resident, booking.id)]
        outcomes = await at_once(*(acts if round_ % 2 else reversed(acts)))
        refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
        assert all(isinstance(outcome, IllegalMove) for outcome in refused)
        await booking.refresh_from_db()
        assert booking.state is BookingState.CANCELLED
        assert [await places_taken(here), await places_taken(there)] == [(0, 0), (0, 0)]


async def test_a_move_racing_a_check_in_leaves_one_of_them(portal: Portal) -> None:
    """Two phones of one resident, two clocks: one moves in time while the other stands in the hall."""

    async def move_in_time(resident: Actor, booking: Booking, slot: Slot) -> str:
        with clock.standing_at(booking.slot.starts_at - timedelta(hours=2)):
            await move(resident, booking, slot)
        return "moved"

    async def come(resident: Actor, booking: Booking) -> str:
        with clock.standing_at(booking.slot.starts_at - timedelta(minutes=5)):
            await check_in(resident, booking.id)
        return "came"

    for round_ in range(6):
        resident, here, there = await make_resident(), await make_slot(1), await make_slot(1, hours_ahead=54)
        booking = await book(resident, here)
        acts = [move_in_time(resident, booking, there), come(resident, booking)]
        outcomes = await at_once(*(acts if round_ % 2 else reversed(acts)))
        done = [outcome for outcome in outcomes if isinstance(outcome, str)]
        assert len(done) == 1, outcomes
        await booking.refresh_from_db()
        moved = done == ["moved"]
        assert booking.state is (BookingState.BOOKED if moved else BookingState.CHECKED_IN)
        assert [await places_taken(here), await places_taken(there)] == (
            [(0, 0), (1, 1)] if moved else [(1, 1), (0, 0)]
        )


@pytest.mark.parametrize(("seconds", "refusal"), [(7199, MoveTooLate), (1, MoveTooLate), (0, CancelTooLate)])
async def test_after_the_deadline_a_booking_is_no_longer_moved(
    portal: Portal, seconds: int, refusal: type[Refusal]
) -> None:
    resident, here, there = await make_resident(), await make_slot(1), await make_slot(1, hours_ahead=54)
    booking = await book(resident, here)
    with clock.standing_at(here.starts_at - timedelta(seconds=seconds)):
        async with nothing_moves():
            with pytest.raises(refusal):
                await move(resident, booking, there)
    with clock.standing_at(here.starts_at - timedelta(seconds=7200)):
        await move(resident, booking, there)


@pytest.mark.parametrize("state", [one for one in BookingState if one is not BookingState.BOOKED])
async def test_only_what_is_booked_and_still_ahead_moves(portal: Portal, state: BookingState) -> None:
    resident, here, there = await make_resident(), await make_slot(1), await make_slot(1)
    booking = await book(resident, here)
    await Booking.filter(id=booking.id).update(state=state)
    async with nothing_moves():
        with pytest.raises(IllegalMove):
            await move(resident, booking, there)


async def test_a_visit_at_home_does_not_become_one_at_the_hall_or_the_reverse(portal: Portal) -> None:
    resident, here = await make_resident(), await make_slot(1)
    at_home = await make_slot(1, layer=Layer.HOME_VISIT)
    booking = await book(resident, here)
    async with nothing_moves():
        with pytest.raises(VisitInvalid):
            await move(resident, booking, at_home)


async def test_the_booking_that_moves_does_not_count_against_itself(portal: Portal) -> None:
    await set_rules(PLACE, "D", per_day=1, live_most=1)
    slots = await row_of(2, 2, days_ahead=32, place=PLACE)
    resident = await make_resident()
    booking = await book(resident, slots[0])
    assert (await move(resident, booking, slots[1])).moves == 1
    await set_rules(PLACE, "D")


async def test_who_has_more_bookings_than_the_limit_may_still_move_one(portal: Portal) -> None:
    """Two accounts became one, or the limit was lowered."""
    resident, other = await make_resident(), await make_resident()
    slots = [await make_slot(1, hours_ahead=hours) for hours in (70, 71, 72, 73)]
    booking = await book(resident, slots[0])
    await book(resident, slots[1], PERMIT)
    third = await book(other, slots[2], "id-card-temp")
    await Booking.filter(id=third.id).update(resident_id=resident.id)

    moved = await move(resident, booking, slots[3])

    assert moved.slot_id == slots[3].id
    assert [await places_taken(slot) for slot in slots] == [(0, 0), (1, 1), (1, 1), (1, 1)]


async def test_an_agent_moves_for_the_principal_and_nobody_else_finds_the_booking(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    here, there = await make_slot(2), await make_slot(2)
    card, permit = await book(principal.actor, here), await book(principal.actor, here, PERMIT)
    stranger = await caller_of(portal, await make_resident())

    async with nothing_moves():
        async with agent.switched_to(principal) as phone:
            beyond = await ask(phone, permit, there)
        as_oneself = await ask(agent.phone, card, there)
        strange = await ask(stranger, card, there)
        nowhere = await stranger.do("MoveBooking", id=str(db.new_id()), slotId=str(there.id), idempotencyKey=new_key())
    assert [answer["code"] for answer in (beyond, as_oneself, strange, nowhere)] == ["NOT_FOUND"] * 4
    async with agent.switched_to(principal) as phone:
        moved = await ask(phone, card, there)
    assert moved["slot"]["id"] == str(there.id)


async def test_where_nobody_can_be_booked_nobody_moves_to(portal: Portal) -> None:
    resident, here = await make_resident(), await make_slot(2)
    caller, booking = await caller_of(portal, resident), await book(resident, here)
    begun, passports = await make_slot(5, hours_ahead=-1), await make_slot(5, business="E")
    closed, later = await make_slot(5), await make_slot(5)
    await Slot.filter(id=closed.id).update(closed_at=clock.now())
    await Slot.filter(id=later.id).update(opens_at=clock.now() + timedelta(hours=1))
    async with nothing_moves():
        codes = [(await ask(caller, booking, slot))["code"] for slot in (begun, passports, closed, later)]
    assert codes == ["SLOT_GONE", "SLOT_FOR_OTHER_ITEMS", "SLOT_CLOSED", "SLOT_NOT_OPEN_YET"]
