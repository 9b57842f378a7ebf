from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError

from app.booking import commands
from app.booking.errors import SlotFull
from app.booking.models import Booking, Slot
from app.kernel import db
from app.kernel.actor import Actor
from tests.booking.places import make_slot, places_taken, visit
from tests.cases.filing import CARD
from tests.identity.accounts import make_resident
from tests.people import Phone, new_key
from tests.portal import Portal

TAKE_NAIVELY = "UPDATE {table} SET taken = taken + 1 WHERE id = $1"


async def test_six_at_once_for_three_places(portal: Portal) -> None:
    """Three are booked, three are told it is full with the next free slot, and the counter says three."""
    slot = await make_slot(3)
    phones = await asyncio.gather(*(portal.phone() for _ in range(6)))

    async def book(phone: Phone) -> Any:
        return await phone.do("Book", slotId=str(slot.id), items=[{"itemKey": CARD}], idempotencyKey=new_key())

    answers = await asyncio.gather(*(book(phone) for phone in phones))

    booked = [answer for answer in answers if answer["__typename"] == "Booking"]
    full = [answer for answer in answers if answer["__typename"] == "Problem"]
    assert len(booked) == 3
    assert [answer["code"] for answer in full] == ["SLOT_FULL"] * 3
    for answer in full:
        suggested = await Slot.get(id=answer["suggestedId"])
        assert suggested.taken < suggested.capacity
        assert "最近可约" in answer["message"]
    assert await places_taken(slot) == (3, 3)


async def test_thirty_at_once_for_ten_places(portal: Portal) -> None:
    """Ten are booked and not one more, whichever way thirty transactions interleave."""
    slot = await make_slot(10)
    residents = [await make_resident() for _ in range(30)]

    async def book(resident: Actor) -> bool:
        try:
            await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
        except SlotFull:
            return False
        return True

    outcomes = await asyncio.gather(*(book(resident) for resident in residents))

    assert sum(outcomes) == 10
    assert await places_taken(slot) == (10, 10)
    assert await Booking.filter(slot_id=slot.id).count() == 10


async def test_without_the_guards_the_same_thirty_oversell(portal: Portal) -> None:
    """Why the counter is changed by one conditional statement and bounded by the database.

    The naive way reads how many are taken, decides, and then writes. On a copy of the table without the
    check `slot_never_oversold`, thirty at once take more than the ten places there are; nobody is refused.
    """
    slot = await make_slot(10)
    await db.rows("CREATE TABLE slot_without_guard AS SELECT * FROM slot WHERE id = $1", slot.id)
    all_have_read = asyncio.Barrier(3)

    async def book_naively() -> bool:
        found = await db.row("SELECT taken, capacity FROM slot_without_guard WHERE id = $1", slot.id)
        assert found is not None
        await all_have_read.wait()
        if found["taken"] >= found["capacity"]:
            return False
        await db.rows(TAKE_NAIVELY.format(table="slot_without_guard"), slot.id)
        return True

    try:
        outcomes = await asyncio.gather(*(book_naively() for _ in range(30)))
        oversold = await db.row("SELECT taken FROM slot_without_guard WHERE id = $1", slot.id)
    finally:
        await db.rows("DROP TABLE slot_without_guard")

    assert oversold is not None
    assert sum(outcomes) == oversold["taken"] > 10


async def test_even_a_program_that_forgets_to_check_cannot_oversell(portal: Portal) -> None:
    """The second guard: the check of the table itself refuses the eleventh of ten places."""
    slot = await make_slot(1)
    await db.rows(TAKE_NAIVELY.format(table="slot"), slot.id)
    with pytest.raises(IntegrityError):
        await db.rows(TAKE_NAIVELY.format(table="slot"), slot.id)
    await slot.refresh_from_db()
    assert slot.taken == 1


async def test_even_a_program_that_forgets_to_check_cannot_book_an_item_twice_a_day(portal: Portal) -> None:
    """The partial index refuses the second live booking of one resident, item and day."""
    resident, slot = await make_resident(), await make_slot(5)
    first = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
    twin = {name: getattr(first, name) for name in ("resident_id", "slot_id", "item_key", "day", "state", "booked_at")}
    with pytest.raises(IntegrityError):
        await Booking.create(**twin)
