"""Whoever is quick: a freed place goes to who is next in line, once, and never to two."""

from __future__ import annotations

import asyncio
from random import Random

from app.booking import commands, holds
from app.booking.errors import SlotFull
from app.booking.line import joining as waiting_list
from app.booking.models import Booking, Slot
from app.booking.rules import BookingState
from app.booking.tasks import tend_waiting_list
from app.kernel import db
from app.kernel.actor import Actor
from app.kernel.errors import Refusal
from tests.booking.lines import (
    a_day,
    book,
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
from tests.booking.places import visit
from tests.cases.filing import CARD
from tests.identity.accounts import make_resident
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.portal import Portal


async def tend() -> int:
    """The timetable's turn."""
    await tend_waiting_list()
    return 0


async def grab(slot: Slot, tries: int, *, people: int = 4) -> list[Booking]:
    """What people get who try again and again, each a little after the others."""

    async def hurry(person: Actor) -> list[Booking]:
        for _ in range(tries):
            try:
                return [await book(person, slot)]
            except SlotFull:
                await asyncio.sleep(0.005)
        return []

    got = await asyncio.gather(*[hurry(await make_resident()) for _ in range(people)])
    return [booking for mine in got for booking in mine]


async def test_no_plain_booking_gets_between_a_cancellation_and_the_offer(portal: Portal) -> None:
    for _ in range(3):
        day = a_day()
        slot = await slot_on(day)
        [held] = await fill(slot)
        _, entry = await wait(day)

        async def free_it(slot: Slot, held: tuple[Actor, Booking]) -> None:
            await give_back(held)
            await asyncio.sleep(0.05)  # a worker that is busy with something else
            await offer(slot)

        grabbed, _ = await asyncio.gather(grab(slot, 40), free_it(slot, held))

        assert grabbed == []
        assert await state_of(entry) == ("OFFERED", 0)
        assert await counted(slot) == (1, 0)


async def test_the_same_crowd_gets_a_place_that_is_given_back_directly(portal: Portal) -> None:
    """Why it is set aside: without that, whoever tries again and again has it before the line is asked."""
    day = a_day()
    slot = await slot_on(day)
    [held] = await fill(slot)
    _, entry = await wait(day)

    async def free_it_directly() -> int:
        """As `places.free` would without a line: the counter goes down and the offering comes after."""
        await Booking.filter(id=held[1].id).update(state=BookingState.CANCELLED)
        await db.rows("UPDATE slot SET taken = taken - 1, phone_taken = phone_taken - 1 WHERE id = $1", slot.id)
        await asyncio.sleep(0.05)
        return await offer(slot)

    grabbed, asked = await asyncio.gather(grab(slot, 400), free_it_directly())

    assert (len(grabbed), asked) == (1, 0)
    assert await state_of(entry) == ("WAITING", 0)


async def test_six_workers_at_once_offer_each_place_once(portal: Portal) -> None:
    for _ in range(3):
        day = a_day()
        slot = await slot_on(day, capacity=2)
        held = await fill(slot)
        entries = [(await wait(day))[1] for _ in range(5)]
        for pair in held:
            await give_back(pair)

        outcomes = await at_once(*(offer(slot) for _ in range(4)), tend(), tend())

        assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)], outcomes
        assert [(await state_of(entry))[0] for entry in entries] == ["OFFERED"] * 2 + ["WAITING"] * 3
        assert await counted(slot) == (2, 0)
        async with nothing_moves():
            assert await offer(slot) == 0


async def test_taking_racing_passing_leaves_one_of_them(portal: Portal) -> None:
    for round_ in range(6):
        day = a_day()
        slot = await slot_on(day)
        [held] = await fill(slot)
        resident, entry = await wait(day)
        await give_back(held)
        await offer(slot)
        place = await offered(entry)
        assert place is not None
        acts = [waiting_list.accept(resident, place.id), waiting_list.pass_on(resident, place.id)]
        outcomes = await at_once(*(acts if round_ % 2 else reversed(acts)))
        assert sorted(isinstance(outcome, Refusal) for outcome in outcomes) == [False, True]
        await place.refresh_from_db()
        booked = place.state is BookingState.BOOKED
        assert await state_of(entry) == (("SERVED", 0) if booked else ("WAITING", 1))
        assert await counted(slot) == ((1, 0) if booked else (0, 0))


async def test_whatever_forty_people_do_at_once_no_place_is_sold_twice_or_lost(portal: Portal) -> None:
    """Booking, holding, giving back, moving, waiting, taking and passing, with workers offering all the while."""
    chance, day = Random(4), a_day()  # noqa: S311 - a dice, not a secret
    slots = [await slot_on(day, hour, capacity=3) for hour in (9, 10, 11)]
    people = [await make_resident() for _ in range(40)]

    async def act(person: Actor) -> None:
        [mine] = [await Booking.filter(resident_id=person.id, state__in=["HELD", "BOOKED"]).first()]
        slot, act = chance.choice(slots), chance.random()
        if mine is None:
            await (join(person, wish(day, party=chance.choice((1, 2)))) if act < 0.5 else _take(person, slot, act))
        elif mine.state is BookingState.HELD:
            await (holds.confirm(person, mine.id) if act < 0.5 else commands.cancel(person, mine.id))
        elif act < 0.3:
            await commands.move(person, mine.id, slot.id, idempotency_key=db.new_id().hex)
        else:
            await commands.cancel(person, mine.id)

    for _ in range(12):
        acting = [act(person) for person in chance.sample(people, 20)]
        outcomes = await at_once(*acting, *(offer(slot) for slot in slots), tend())
        assert not [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, Refusal)], (
            outcomes
        )
        for slot in slots:
            await counted(slot)
    await tend_waiting_list()
    for slot in slots:
        kept, reserved = await counted(slot)
        assert (reserved, kept <= 3) == (0, True)
    lost = "SELECT 1 FROM waiting_entry w WHERE w.state = 'OFFERED' AND NOT EXISTS ({held})"
    held = "SELECT 1 FROM booking b WHERE b.offered_to_id = w.id AND b.state = 'HELD'"
    assert await db.rows(lost.format(held=held)) == []


async def _take(person: Actor, slot: Slot, act: float) -> None:
    if act < 0.75:
        await book(person, slot, party=2 if act < 0.6 else 1)
    else:
        await holds.hold(person, slot.id, visit(CARD), idempotency_key=db.new_id().hex)
