"""What `make chaos` prints, and that its judge would have seen it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from app.booking.commands import book
from app.booking.models import Booking, BookingItem, Slot
from app.booking.rules import BookingState, Layer
from app.kernel import clock, db
from app.kernel.actor import Actor
from tests.booking.places import make_slot, visit
from tests.cases.filing import CARD
from tests.chaos.__main__ import booking, told
from tests.chaos.run import Verdict, judge
from tests.identity.accounts import make_resident
from tests.people import new_key
from tests.portal import Portal

SILENT: Mapping[str, Any] = {
    "booked": [], "refused": {}, "retried": 0, "stirred": {}, "doubled": 0, "unexplained": [],
}  # fmt: skip


def test_exactly_what_was_promised_is_printed() -> None:
    assert told(Verdict()) == "oversold 0\nlost places 0\ndouble bookings 0\nrefused without a reason 0"
    assert told(Verdict(oversold=1, lost=2, double=3, unexplained=["KeyError('x')"])) == (
        "oversold 1\nlost places 2\ndouble bookings 3\nrefused without a reason 1\n  KeyError('x')"
    )


def test_anything_but_nothing_is_a_failure() -> None:
    assert Verdict(booked=7, retried=3).good
    for wrong in (Verdict(oversold=1), Verdict(lost=1), Verdict(double=1), Verdict(unexplained=["?"])):
        assert not wrong.good


def test_a_million_on_a_thousand_places_by_two_processes_unless_one_says_otherwise() -> None:
    said = {option.name: option.default for option in booking.params}
    assert (said["attempts"], said["places"], said["processes"]) == (1_000_000, 1_000, 2)


async def verdict_of(slot: Slot, **said: object) -> tuple[int, int, int, list[str]]:
    verdict = await judge([str(slot.id)], [{**SILENT, **said}], lambda _line: None)
    return verdict.oversold, verdict.lost, verdict.double, verdict.unexplained


async def booked_slot() -> tuple[Actor, Slot, Booking]:
    """Two places, one of them booked as it should be."""
    resident, slot = await make_resident(), await make_slot(2, layer=Layer.EXTRA)
    return resident, slot, await book(resident, slot.id, visit(CARD), idempotency_key=new_key())


async def write(slot: Slot, resident: Actor, party: int = 1) -> None:
    """A booking that no command has made: nothing is counted and nobody has audited it."""
    day = slot.day + timedelta(days=int(await Booking.filter(slot_id=slot.id).count()))
    booking = await Booking.create(
        resident_id=resident.id, slot_id=slot.id, slots=[slot.id], item_key=CARD, day=day, party=party,
        state=BookingState.BOOKED, booked_at=clock.now(), until=slot.ends_at,
    )  # fmt: skip
    await BookingItem.create(booking_id=booking.id, resident_id=resident.id, item_key=CARD, day=day)


async def test_the_judge_finds_nothing_where_nothing_is_wrong(portal: Portal) -> None:
    _, slot, booking = await booked_slot()
    assert await verdict_of(slot, booked=[str(booking.id)]) == (0, 0, 0, [])


async def test_the_judge_sees_more_people_than_places(portal: Portal) -> None:
    """Whatever the counter says: the bookings are counted."""
    _, slot, _ = await booked_slot()
    await write(slot, await make_resident(), party=2)
    assert (await verdict_of(slot))[:2] == (1, 2)


async def test_the_judge_sees_a_place_that_is_nobodys(portal: Portal) -> None:
    _, slot, _ = await booked_slot()
    await Slot.filter(id=slot.id).update(taken=2)
    assert await verdict_of(slot) == (0, 1, 0, [])


async def test_the_judge_sees_a_booking_that_was_promised_and_is_gone(portal: Portal) -> None:
    _, slot, booking = await booked_slot()
    assert await verdict_of(slot, booked=[str(booking.id), str(db.new_id())]) == (0, 1, 0, [])


async def test_the_judge_sees_a_second_booking_of_one_person_and_one_nobody_audited(portal: Portal) -> None:
    resident, slot, _ = await booked_slot()
    await write(slot, resident)
    await Slot.filter(id=slot.id).update(taken=2)
    assert await verdict_of(slot) == (0, 0, 2, [])


@pytest.mark.parametrize(
    ("said", "verdict"),
    [({"doubled": 1}, (0, 0, 1, [])), ({"unexplained": ["KeyError('x')"]}, (0, 0, 0, ["KeyError('x')"]))],
)
async def test_the_judge_believes_a_web_process_that_saw_it(
    portal: Portal, said: dict[str, object], verdict: tuple[int, int, int, list[str]]
) -> None:
    _, slot, _ = await booked_slot()
    assert await verdict_of(slot, **said) == verdict
