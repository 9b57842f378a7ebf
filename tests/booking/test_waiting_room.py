from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from app.booking import commands, holds
from app.booking.errors import (
    NoWaitingRoom,
    RoomNotOpen,
    SlotNotOpenYet,
    TooManyOnDevice,
    TurnInvalid,
    TurnNeeded,
    TurnNotYet,
)
from app.booking.models import Booking, Slot
from app.booking.room import room as waiting_room
from app.booking.room.draw import commitment, order
from app.booking.room.whereabouts import Place
from app.identity.errors import AssuranceTooLow
from app.identity.models import ChannelBinding
from app.identity.rules import Level
from app.identity.sessions import open_session
from app.kernel import clock, db
from app.kernel.actor import Actor, Principal
from app.kernel.errors import NotFound, TooManyRequests
from tests.booking.places import make_slot, places_taken, visit
from tests.booking.releases import SECOND, make_people, make_release, room_of, rules_of_a_rush
from tests.cases.filing import CARD
from tests.identity.accounts import make_resident
from tests.identity.traces import nothing_moves
from tests.people import new_key
from tests.portal import Portal

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
async def rush(portal: Portal) -> AsyncIterator[None]:
    async with rules_of_a_rush():
        yield


def resident_id(actor: Actor) -> UUID:
    assert actor.id is not None
    return actor.id


async def book(actor: Actor, slot: Slot, turn: str | None = None) -> Booking:
    return await commands.book(actor, slot.id, visit(CARD), turn=turn, idempotency_key=new_key())


async def gather(people: list[Actor], slot: Slot) -> list[Place]:
    """All enter a minute before the release, one after another."""
    assert slot.opens_at is not None
    with clock.standing_at(slot.opens_at - 60 * SECOND):
        return [await waiting_room.enter(person, slot.id) for person in people]


async def test_before_the_release_nobody_has_a_number_and_after_it_the_lot_decides(portal: Portal) -> None:
    """Thirty enter; the order of their turns is the draw that anybody can repeat, not that of their coming."""
    slot, release = await make_release()
    people = await make_people(30)
    before = await gather(people, slot)

    assert {place.number for place in before} == {None}
    assert {place.turn for place in before} == {None}
    assert [place.people for place in before] == list(range(1, 31))
    with clock.standing_at(release):
        after = [await waiting_room.look(person, place.ticket) for person, place in zip(people, before, strict=True)]
    seed = waiting_room._seed(room_of(slot))
    drawn = order(seed, map(resident_id, people))
    assert [place.number for place in after] == [drawn.index(resident_id(person)) for person in people]
    assert [place.turn_at for place in after] == [room_of(slot).turn_at(place.number or 0) for place in after]


async def test_leaving_and_entering_again_a_hundred_times_changes_nothing(portal: Portal) -> None:
    """Nor does a limit on trying keep anybody from the place they have."""
    slot, release = await make_release()
    people = await make_people(10)
    [first, *_] = await gather(people, slot)
    refused = 0
    with clock.standing_at(release - SECOND):
        for _ in range(100):
            try:
                again = await waiting_room.enter(people[0], slot.id)
            except TooManyRequests:
                refused += 1
    assert (again.people, refused) == (10, 81)
    with clock.standing_at(release + SECOND):
        mine = await waiting_room.look(people[0], first.ticket)
    drawn = order(waiting_room._seed(room_of(slot)), map(resident_id, people))
    assert mine.number == drawn.index(resident_id(people[0]))


async def test_who_comes_late_is_behind_everybody_who_gathered(portal: Portal) -> None:
    slot, release = await make_release()
    people, late = await make_people(25), await make_people(3)
    tickets = [place.ticket for place in await gather(people, slot)]
    with clock.standing_at(release):
        numbers = [(await waiting_room.enter(person, slot.id)).number for person in late]
        again = [(await waiting_room.enter(person, slot.id)).number for person in late]
        gathered = [
            (await waiting_room.look(person, text)).number for person, text in zip(people, tickets, strict=True)
        ]
    assert numbers == again == [25, 26, 27]
    assert sorted(number for number in gathered if number is not None) == list(range(25))


async def test_turns_that_nobody_used_are_not_saved_up_for_a_crowd(portal: Portal) -> None:
    """A minute after the release 600 could have been called; still the crowd then comes at ten a second."""
    slot, release = await make_release()
    people = await make_people(30)
    now = release + 60 * SECOND
    with clock.standing_at(now):
        places = [await waiting_room.enter(person, slot.id) for person in people]
    assert [place.number for place in places] == list(range(600, 630))
    with clock.standing_at(now + SECOND):
        looks = [await waiting_room.look(person, place.ticket) for person, place in zip(people, places, strict=True)]
    assert [place.turn is not None for place in looks] == [True] * 10 + [False] * 20


async def test_a_turn_comes_to_the_microsecond_and_books_one_place(portal: Portal) -> None:
    slot, release = await make_release()
    [person] = await make_people(1)
    [place] = await gather([person], slot)
    turn_at = release + SECOND / 10

    with clock.standing_at(release - MICROSECOND):
        async with nothing_moves():
            with pytest.raises(SlotNotOpenYet):
                await book(person, slot)
    with clock.standing_at(turn_at - MICROSECOND):
        early = await waiting_room.look(person, place.ticket)
        async with nothing_moves():
            with pytest.raises(TurnNotYet) as refused:
                await book(person, slot)
    with clock.standing_at(turn_at):
        called = await waiting_room.look(person, early.ticket)
        booking = await book(person, slot, called.turn)

    assert (early.number, early.ahead, early.turn, early.turn_at) == (0, 0, None, turn_at)
    assert (refused.value.values, refused.value.retry_after_seconds) == ({"ahead": 0}, 1)
    assert (called.ahead, called.expected_wait, called.people) == (0, None, 0)
    assert (booking.slot_id, await places_taken(slot)) == (slot.id, (1, 1))


async def test_without_a_turn_nothing_is_booked_held_or_moved_in_the_rush(portal: Portal) -> None:
    """Also not by moving a booking made at leisure; when the rush is over everybody may."""
    slot, release = await make_release()
    person, newcomer = await make_people(2)
    elsewhere = await book(person, await make_slot(5, hours_ahead=300))

    with clock.standing_at(release):
        async with nothing_moves():
            with pytest.raises(TurnNeeded):
                await book(newcomer, slot)
            with pytest.raises(TurnNeeded):
                await holds.hold(newcomer, slot.id, visit(CARD), idempotency_key=new_key())
            with pytest.raises(TurnNeeded):
                await commands.move(person, elsewhere.id, slot.id, idempotency_key=new_key())
    with clock.standing_at(release + timedelta(minutes=10)):
        with pytest.raises(NoWaitingRoom):
            await waiting_room.enter(person, slot.id)
        moved = await commands.move(person, elsewhere.id, slot.id, idempotency_key=new_key())
    assert (moved.slot_id, await places_taken(slot)) == (slot.id, (1, 1))


async def test_who_has_been_called_may_book_without_showing_the_pass(portal: Portal) -> None:
    slot, release = await make_release()
    [person] = await make_people(1)
    await gather([person], slot)
    with clock.standing_at(release + SECOND):
        assert (await book(person, slot)).slot_id == slot.id


async def test_a_pass_of_somebody_else_or_of_another_release_books_nothing(portal: Portal) -> None:
    slot, release = await make_release()
    other, _ = await make_release(opens_at=release + SECOND)
    person, stranger = await make_people(2)
    [place] = await gather([person], slot)
    with clock.standing_at(release + 2 * SECOND):
        turn = (await waiting_room.look(person, place.ticket)).turn
        async with nothing_moves():
            for who, where in ((stranger, slot), (person, other)):
                with pytest.raises(TurnInvalid):
                    await book(who, where, turn)
            with pytest.raises(TurnInvalid):
                await waiting_room.look(stranger, place.ticket)


async def test_a_pass_that_ran_out_is_renewed_by_asking_again(portal: Portal) -> None:
    slot, release = await make_release()
    [person] = await make_people(1)
    [place] = await gather([person], slot)
    with clock.standing_at(release + SECOND):
        turn = (await waiting_room.look(person, place.ticket)).turn
    with clock.standing_at(release + 302 * SECOND):
        with pytest.raises(TurnInvalid, match="expired"):
            await book(person, slot, turn)
        again = (await waiting_room.look(person, place.ticket)).turn
        assert (await book(person, slot, again)).slot_id == slot.id


async def test_a_booking_repeated_after_the_pass_ran_out_is_the_same_booking(portal: Portal) -> None:
    slot, release = await make_release()
    [person] = await make_people(1)
    [place] = await gather([person], slot)
    key = new_key()
    with clock.standing_at(release + SECOND):
        turn = (await waiting_room.look(person, place.ticket)).turn
        first = await commands.book(person, slot.id, visit(CARD), turn=turn, idempotency_key=key)
    with clock.standing_at(release + 400 * SECOND):
        again = await commands.book(person, slot.id, visit(CARD), turn=turn, idempotency_key=key)
    assert (again.id, await places_taken(slot)) == (first.id, (1, 1))


async def test_a_room_is_entered_in_its_time_for_a_slot_that_has_one(portal: Portal) -> None:
    slot, release = await make_release()
    [person] = await make_people(1)
    with clock.standing_at(release - timedelta(minutes=10) - MICROSECOND), pytest.raises(RoomNotOpen):
        await waiting_room.enter(person, slot.id)
    with clock.standing_at(release - timedelta(minutes=10)):
        assert (await waiting_room.enter(person, slot.id)).people == 1
    with pytest.raises(NoWaitingRoom):
        await waiting_room.enter(person, (await make_slot(5)).id)
    with pytest.raises(NotFound):
        await waiting_room.enter(person, db.new_id())


async def test_who_could_not_book_does_not_wait_either(portal: Portal) -> None:
    slot, release = await make_release()
    typed_nothing = await make_resident(Level.L1)
    with clock.standing_at(release - SECOND), pytest.raises(AssuranceTooLow):
        await waiting_room.enter(typed_nothing, slot.id)


async def test_an_agent_takes_the_place_of_the_principal_who_has_only_one(portal: Portal) -> None:
    slot, release = await make_release()
    agent, principal = await make_people(2)
    for_them = replace(agent, principal=Principal(resident_id(principal), db.new_id(), "PROXY"))
    with clock.standing_at(release + SECOND):
        places = [await waiting_room.enter(actor, slot.id) for actor in (for_them, principal, agent)]
    assert [place.number for place in places] == [10, 10, 11]


async def test_three_wait_on_one_phone_and_no_more(portal: Portal) -> None:
    """A user of the host app is the phone, in whichever session; who is inside may always come again."""
    slot, release = await make_release()
    [owner, *family] = await make_people(5)
    binding = await ChannelBinding.create(
        resident_id=owner.id, channel="wechat", app_id="wxtest", open_id=db.new_id().hex, bound_at=clock.now()
    )

    async def on_the_phone(principal: Actor | None) -> Place:
        tokens = await open_session(channel="wechat", device="测试手机", resident_id=owner.id, binding_id=binding.id)
        whose = Principal(resident_id(principal), db.new_id(), "PROXY") if principal else None
        return await waiting_room.enter(replace(owner, session_id=tokens.session_id, principal=whose), slot.id)

    with clock.standing_at(release - SECOND):
        for who in (None, family[0], family[1]):
            await on_the_phone(who)
        with pytest.raises(TooManyOnDevice) as refused:
            await on_the_phone(family[2])
        again = await on_the_phone(None)
        on_another_phone = await waiting_room.enter(family[2], slot.id)
    assert (refused.value.values, again.people, on_another_phone.people) == ({"most": 3}, 3, 4)


async def test_thirty_who_enter_at_once_get_thirty_places(portal: Portal) -> None:
    slot, release = await make_release()
    people = await make_people(30)
    with clock.standing_at(release):
        places = await asyncio.gather(*(waiting_room.enter(person, slot.id) for person in people))
    assert sorted(place.number or 0 for place in places) == list(range(30))


async def test_the_commitment_is_told_at_once_and_the_seed_a_minute_after_the_release(portal: Portal) -> None:
    slot, release = await make_release()
    minute = timedelta(minutes=1)
    told = []
    for moment in (release - minute, release, release + minute - MICROSECOND, release + minute):
        with clock.standing_at(moment):
            told.append(await waiting_room.draw_of(slot.id))
    [seed] = {draw.seed for draw in told} - {None}
    assert [draw.seed for draw in told] == [None, None, None, seed]
    assert seed is not None
    assert {draw.commitment for draw in told} == {hashlib.sha256(bytes.fromhex(seed)).hexdigest()}
    assert told[0].commitment == commitment(bytes.fromhex(seed))


async def test_everybody_who_waits_sees_when_nothing_is_left(portal: Portal) -> None:
    slot, release = await make_release(1)
    first, second = await make_people(2)
    places = await gather([first, second], slot)
    with clock.standing_at(release + SECOND):
        assert [(await waiting_room.look(second, places[1].ticket)).sold_out, places[0].sold_out] == [False, False]
        await book(first, slot)
        await asyncio.sleep(1.1)  # what a process knows may be a second old
        assert (await waiting_room.look(second, places[1].ticket)).sold_out is True


async def test_asking_all_the_time_is_refused_with_when_to_come_back(portal: Portal) -> None:
    slot, release = await make_release()
    [person] = await make_people(1)
    [place] = await gather([person], slot)
    with clock.standing_at(release):
        for _ in range(60):
            await waiting_room.look(person, place.ticket)
        with pytest.raises(TooManyRequests) as refused:
            await waiting_room.look(person, place.ticket)
    assert refused.value.retry_after_seconds == 60
