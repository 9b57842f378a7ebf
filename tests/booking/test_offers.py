"""Freed places go to who is next in line, and to nobody else before."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.booking import commands, holds
from app.booking.events import PlaceOffered
from app.booking.line import joining as waiting_list
from app.booking.tasks import expire_forgotten_holds, tend_waiting_list
from app.identity.models import Resident
from app.kernel import clock
from tests.booking.hearing import hearing
from tests.booking.lines import (
    a_day,
    book,
    certainly_offered,
    counted,
    fill,
    give_back,
    join,
    offer,
    offered,
    slot_on,
    state_of,
    wait,
    wish,
)
from tests.cases.filing import PERMIT
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import audit_of, nothing_moves
from tests.portal import Portal


async def test_a_freed_place_is_held_for_who_came_first_until_they_answer(portal: Portal) -> None:
    day = a_day()
    slot = await slot_on(day)
    [(holder, held)] = await fill(slot)
    first, entry = await wait(day)
    _, behind = await wait(day)
    caller, giver = await caller_of(portal, first), await caller_of(portal, holder)

    await giver.do("CancelBooking", id=str(held.id))
    assert await counted(slot) == (0, 1)
    await portal.run_jobs()

    place = await certainly_offered(entry)
    assert await counted(slot) == (1, 0)
    assert [await state_of(entry), await state_of(behind)] == [("OFFERED", 0), ("WAITING", 0)]
    [seen] = await caller.do("MyWaitingList")
    until = datetime.fromisoformat(seen["offer"]["heldUntil"]) - clock.now()
    assert (seen["offer"]["id"], seen["offer"]["slot"]["id"]) == (str(place.id), str(slot.id))
    assert timedelta(minutes=29) < until <= timedelta(minutes=30)

    accepted = await caller.do("AcceptOffer", bookingId=str(place.id))
    async with nothing_moves():
        again = await caller.do("AcceptOffer", bookingId=str(place.id))
        too_late = await caller.do("PassOffer", bookingId=str(place.id))

    assert accepted == again
    assert (accepted["state"], accepted["heldUntil"], too_late["code"]) == ("BOOKED", None, "ILLEGAL_MOVE")
    assert [await state_of(entry), await state_of(behind)] == [("SERVED", 0), ("WAITING", 0)]
    assert await counted(slot) == (1, 0)
    assert await audit_of(f"booking:{place.id}") == [("booking.offered", "done"), ("booking.made", "done")]


async def test_an_offer_is_told_to_whoever_sends_messages(portal: Portal) -> None:
    day = a_day()
    slot = await slot_on(day)
    [held] = await fill(slot)
    resident, entry = await wait(day)
    await give_back(held)
    async with hearing(PlaceOffered) as heard:
        await offer(slot)
        facts = await heard()
    place = await certainly_offered(entry)
    assert {"booking_id": str(place.id), "resident_id": str(resident.id)} in facts


async def test_who_passes_is_in_line_again_and_the_place_goes_on_to_the_next(portal: Portal) -> None:
    day = a_day()
    slot = await slot_on(day)
    [held] = await fill(slot)
    (first, entry), (second, behind) = [await wait(day), await wait(day)]
    await give_back(held)
    assert await offer(slot) == 1
    caller = await caller_of(portal, first)
    place = await certainly_offered(entry)

    passed = await caller.do("PassOffer", bookingId=str(place.id))
    async with nothing_moves():
        again = await caller.do("PassOffer", bookingId=str(place.id))
    assert passed == again == {"__typename": "Booking", "id": str(place.id), "state": "CANCELLED", "late": False}
    assert await counted(slot) == (0, 1)
    assert await offer(slot) == 1

    assert [await state_of(entry), await state_of(behind)] == [("WAITING", 1), ("OFFERED", 0)]
    await waiting_list.pass_on(second, (await certainly_offered(behind)).id)
    assert await offer(slot) == 0
    assert await counted(slot) == (0, 0)  # everybody in line has let it pass: it is anybody's
    await book(await make_resident(), slot)


async def test_an_offer_nobody_answers_goes_on_by_itself(portal: Portal) -> None:
    day = a_day()
    slot = await slot_on(day)
    [held] = await fill(slot)
    (_, entry), (_, behind) = [await wait(day), await wait(day)]
    await give_back(held)
    await offer(slot)
    until = (await certainly_offered(entry)).held_until
    assert until is not None
    with clock.standing_at(until):
        await expire_forgotten_holds()
        assert await counted(slot) == (0, 1)
        await offer(slot)
    assert [await state_of(entry), await state_of(behind)] == [("WAITING", 1), ("OFFERED", 0)]
    assert await counted(slot) == (1, 0)


async def test_who_lets_three_offers_pass_is_out_of_the_line(portal: Portal) -> None:
    day = a_day()
    slots = [await slot_on(day, hour) for hour in (9, 10, 11)]
    held = [pair for slot in slots for pair in await fill(slot)]
    resident, entry = await wait(day)
    states = []
    for slot, pair, way in zip(slots, held, (waiting_list.pass_on, commands.cancel, None), strict=True):
        await give_back(pair)
        await offer(slot)
        place = await certainly_offered(entry)
        if way:
            await way(resident, place.id)
        else:
            assert place.held_until is not None
            with clock.standing_at(place.held_until):
                assert await holds.expire(place.id)
        states.append(await state_of(entry))
    assert states == [("WAITING", 1), ("WAITING", 2), ("OVER", 3)]
    assert [await counted(slot) for slot in slots] == [(0, 0)] * 3


async def test_who_leaves_while_a_place_is_offered_gives_it_on(portal: Portal) -> None:
    day = a_day()
    slot = await slot_on(day)
    [held] = await fill(slot)
    (first, entry), (_, behind) = [await wait(day), await wait(day)]
    await give_back(held)
    await offer(slot)
    await waiting_list.leave(first, entry.id)
    await offer(slot)
    assert [(await state_of(entry))[0], (await state_of(behind))[0]] == ["LEFT", "OFFERED"]
    assert await counted(slot) == (1, 0)


async def test_only_who_wished_for_the_hall_day_and_hour_is_asked(portal: Portal) -> None:
    day, another = a_day(), a_day()
    slot = await slot_on(day, 10)
    [held] = await fill(slot)
    for wanted in (
        wish(another),
        wish(day, place="city-hall"),
        wish(day, time_from="10:31"),
        wish(day, time_until="09:59"),
    ):
        await join(await make_resident(), wanted)
    await give_back(held)
    assert await counted(slot) == (0, 0)  # nobody to set it aside for

    [held] = await fill(slot)
    _, entry = await wait(another, days_from=day, days_until=another, time_from="10:00", time_until="10:00")
    await give_back(held)
    assert (await counted(slot), await offer(slot)) == ((0, 1), 1)
    assert await state_of(entry) == ("OFFERED", 0)


async def test_who_may_not_book_now_is_passed_over_and_stays_in_line(portal: Portal) -> None:
    day, elsewhere = a_day(), a_day()
    slot = await slot_on(day)
    [held] = await fill(slot)
    busy, entry = await wait(day)
    for hour, item in ((9, PERMIT), (10, "id-card-renew")):
        await book(busy, await slot_on(elsewhere, hour), item)
    gone, ended = await wait(day)
    await Resident.filter(id=gone.id).update(closed_at=clock.now())
    _, next_one = await wait(day)

    await give_back(held)
    assert await offer(slot) == 1

    assert [await state_of(one) for one in (entry, ended, next_one)] == [("WAITING", 0), ("OVER", 0), ("OFFERED", 0)]
    assert await offered(entry) is None
    assert await counted(slot) == (1, 0)


async def test_an_offering_that_was_lost_is_made_up_by_the_timetable(portal: Portal) -> None:
    """As after a worker was killed between the cancellation and the offer."""
    day = a_day()
    slot = await slot_on(day)
    [held] = await fill(slot)
    _, entry = await wait(day)
    await give_back(held)
    assert await counted(slot) == (0, 1)
    await tend_waiting_list()
    assert (await counted(slot), await state_of(entry)) == ((1, 0), ("OFFERED", 0))
    async with nothing_moves():
        await tend_waiting_list()


async def test_what_is_freed_within_the_last_hour_is_anybodys_at_once(portal: Portal) -> None:
    day = a_day()
    slot = await slot_on(day)
    [held] = await fill(slot)
    _, entry = await wait(day)
    with clock.standing_at(slot.starts_at - timedelta(minutes=60)):
        await give_back(held)
    assert (await counted(slot), await state_of(entry)) == ((0, 0), ("WAITING", 0))


async def test_an_offer_ends_an_hour_before_its_slot_at_the_latest(portal: Portal) -> None:
    day = a_day()
    slot = await slot_on(day)
    [held] = await fill(slot)
    first, entry = await wait(day)
    _, behind = await wait(day)
    with clock.standing_at(slot.starts_at - timedelta(minutes=70)):
        await give_back(held)
        await offer(slot)
        place = await certainly_offered(entry)
        assert place.held_until == slot.starts_at - timedelta(minutes=60)
    with clock.standing_at(slot.starts_at - timedelta(minutes=64)):
        await waiting_list.pass_on(first, place.id)
        assert await offer(slot) == 0  # four minutes are too few to ask anybody
    assert (await counted(slot), await state_of(behind)) == ((0, 0), ("WAITING", 0))
