from __future__ import annotations

import asyncio
from datetime import timedelta

from app.booking import commands, outcomes
from app.booking.models import Booking
from app.booking.rules import BookingState
from app.booking.tasks import mark_missed_visits
from app.kernel import clock
from tests.booking.places import make_slot, places_taken, visit
from tests.cases.filing import CARD, file_case
from tests.identity.accounts import make_resident
from tests.identity.traces import audit_of, nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.queueing.arrivals import check_in

GRACE = timedelta(minutes=10)


async def test_a_visit_is_missed_only_after_the_slot_and_its_grace(portal: Portal) -> None:
    resident, slot = await make_resident(), await make_slot(2)
    case = await file_case(resident)
    held = await commands.book(resident, slot.id, visit(CARD, case.id), idempotency_key=new_key())

    with clock.standing_at(slot.ends_at + GRACE):
        await mark_missed_visits()
    assert await Booking.exists(id=held.id, state=BookingState.BOOKED)

    with clock.standing_at(slot.ends_at + GRACE + timedelta(seconds=2)):
        await mark_missed_visits()
    await held.refresh_from_db()
    await case.refresh_from_db()
    assert held.state is BookingState.NO_SHOW
    assert case.visit_at is None
    assert await audit_of(f"booking:{held.id}") == [("booking.made", "done"), ("booking.missed", "done")]
    assert await places_taken(slot) == (1, 1)


async def test_who_checked_in_is_not_a_no_show(portal: Portal) -> None:
    resident, slot = await make_resident(), await make_slot(1)
    held = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
    with clock.standing_at(slot.starts_at):
        await check_in(resident, held.id)
    with clock.standing_at(slot.ends_at + timedelta(hours=5)):
        await mark_missed_visits()
    await held.refresh_from_db()
    assert held.state is BookingState.CHECKED_IN


async def test_marked_twice_or_twice_at_once_it_is_missed_once(portal: Portal) -> None:
    slot = await make_slot(1)
    held = await commands.book(await make_resident(), slot.id, visit(CARD), idempotency_key=new_key())
    with clock.standing_at(slot.ends_at + timedelta(hours=1)):
        assert sorted(await asyncio.gather(*(outcomes.mark_missed(held.id) for _ in range(3)))) == [False, False, True]
        async with nothing_moves():
            assert not await outcomes.mark_missed(held.id)


async def test_after_a_missed_visit_the_resident_may_book_again(portal: Portal) -> None:
    resident, slot, next_slot = await make_resident(), await make_slot(1), await make_slot(1, hours_ahead=60)
    held = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
    with clock.standing_at(slot.ends_at + timedelta(hours=1)):
        await outcomes.mark_missed(held.id)
        again = await commands.book(resident, next_slot.id, visit(CARD), idempotency_key=new_key())
    assert again.state is BookingState.BOOKED
