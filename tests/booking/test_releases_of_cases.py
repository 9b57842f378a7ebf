"""Places of cases that are over."""

from __future__ import annotations

from datetime import timedelta

from app.booking import commands as booking
from app.booking import outcomes
from app.booking.models import Booking, Slot
from app.booking.rules import BookingState
from app.booking.visits import VisitItem
from app.cases import commands as cases
from app.kernel.actor import Actor
from tests.booking.places import make_slot, places_taken, row_of
from tests.cases.filing import CARD, PERMIT, file_case
from tests.identity.accounts import make_resident
from tests.identity.crowds import at_once
from tests.people import new_key
from tests.portal import Portal


async def book_for(resident: Actor, first: Slot, *wanted: VisitItem) -> Booking:
    return await booking.book(resident, first.id, list(wanted), idempotency_key=new_key())


async def test_a_visit_for_two_cases_is_needed_until_both_are_over(portal: Portal) -> None:
    resident = await make_resident()
    card, permit = await file_case(resident), await file_case(resident, PERMIT)
    slots = await row_of(1, 2, days_ahead=33)
    held = await book_for(resident, slots[0], VisitItem(CARD, card.id), VisitItem(PERMIT, permit.id))

    await cases.withdraw(resident, card.id)
    await portal.run_jobs()
    await held.refresh_from_db()
    assert held.state is BookingState.BOOKED
    assert [await places_taken(slot) for slot in slots] == [(1, 1), (1, 1)]

    await cases.withdraw(resident, permit.id)
    await portal.run_jobs()

    await held.refresh_from_db()
    assert (held.state, held.late) == (BookingState.CANCELLED, False)
    assert [await places_taken(slot) for slot in slots] == [(0, 0), (0, 0)]


async def test_a_visit_for_something_without_a_case_goes_on(portal: Portal) -> None:
    resident = await make_resident()
    card = await file_case(resident)
    slots = await row_of(1, 2, days_ahead=34)
    held = await book_for(resident, slots[0], VisitItem(CARD, card.id), VisitItem(PERMIT))

    await cases.withdraw(resident, card.id)
    await portal.run_jobs()

    await held.refresh_from_db()
    assert held.state is BookingState.BOOKED


async def test_released_while_it_moves_no_place_is_lost(portal: Portal) -> None:
    for turn in range(6):
        resident = await make_resident()
        case = await file_case(resident)
        here, there = await make_slot(1, hours_ahead=210 + turn), await make_slot(1, hours_ahead=230 + turn)
        held = await book_for(resident, here, VisitItem(CARD, case.id))

        await at_once(
            booking.move(resident, held.id, there.id, idempotency_key=new_key()), outcomes.release_places_of(case.id)
        )

        await held.refresh_from_db()
        assert held.state is BookingState.CANCELLED
        assert [await places_taken(slot) for slot in (here, there)] == [(0, 0), (0, 0)]


async def test_what_a_closed_case_frees_is_late_for_nobody(portal: Portal) -> None:
    """Half an hour before it begins too."""
    resident = await make_resident()
    case = await file_case(resident)
    slot = await make_slot(1, starts_at=(await make_slot(1, hours_ahead=0.5)).starts_at + timedelta(seconds=1))
    held = await book_for(resident, slot, VisitItem(CARD, case.id))

    await cases.withdraw(resident, case.id)
    await portal.run_jobs()

    await held.refresh_from_db()
    assert (held.state, held.late) == (BookingState.CANCELLED, False)
