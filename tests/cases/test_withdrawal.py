from __future__ import annotations

from datetime import timedelta

import pytest

from app.booking import commands as booking
from app.booking import outcomes
from app.booking.models import Booking
from app.booking.rules import BookingState
from app.cases import commands
from app.cases.models import Case
from app.cases.rules import CaseState
from app.kernel import clock, db
from app.kernel.errors import IllegalMove, NotFound
from tests.booking.places import make_slot, visit
from tests.cases.filing import CARD, accept_case, file_case, verbs_of
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import nothing_moves
from tests.people import new_key
from tests.portal import Portal


@pytest.mark.parametrize("accepted", [False, True])
async def test_an_application_can_be_taken_back_until_the_decision(portal: Portal, *, accepted: bool) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)
    case = await file_case(resident)
    if accepted:
        await accept_case(case)

    withdrawn = await caller.do("WithdrawCase", id=str(case.id))
    async with nothing_moves():
        again = await caller.do("WithdrawCase", id=str(case.id))

    assert withdrawn == again
    assert (withdrawn["state"], withdrawn["stateText"]) == ("WITHDRAWN", "已撤回")
    assert (await verbs_of(case.id))[-1] == "withdraw"


async def test_after_the_decision_it_is_too_late(portal: Portal) -> None:
    resident = await make_resident()
    case = await file_case(resident)
    for state in (CaseState.PAYMENT_PENDING, CaseState.RESULT_READY, CaseState.DELIVERING, CaseState.CLOSED):
        await Case.filter(id=case.id).update(state=state)
        async with nothing_moves():
            with pytest.raises(IllegalMove):
                await commands.withdraw(resident, case.id)


async def test_somebody_elses_case_is_not_found_like_one_that_never_was(portal: Portal) -> None:
    case = await file_case(await make_resident())
    other = await make_resident()
    caller = await caller_of(portal, other)

    async with nothing_moves():
        answers = [
            await caller.do(operation, id=case_id)
            for operation in ("WithdrawCase", "CaseDetail")
            for case_id in (str(case.id), str(db.new_id()))
        ]
        with pytest.raises(NotFound):
            await commands.withdraw(other, case.id)

    assert {answer["code"] for answer in answers} == {"NOT_FOUND"}
    assert len({answer["message"] for answer in answers}) == 1


async def test_the_place_that_was_held_for_it_is_given_back(portal: Portal) -> None:
    """By a reaction: the case does not know of bookings. Twice changes nothing."""
    resident = await make_resident()
    case = await file_case(resident)
    slot = await make_slot(1)
    held = await booking.book(resident, slot.id, visit(CARD, case.id), idempotency_key=new_key())
    await slot.refresh_from_db()
    assert slot.taken == 1

    await commands.withdraw(resident, case.id)
    await portal.run_jobs()

    await slot.refresh_from_db()
    await held.refresh_from_db()
    assert (slot.taken, held.state) == (0, BookingState.CANCELLED)
    async with nothing_moves():
        assert await outcomes.release_places_of(case.id) == 0


async def test_a_visit_that_has_begun_is_not_taken_away(portal: Portal) -> None:
    resident = await make_resident()
    case = await file_case(resident)
    slot = await make_slot(1)
    held = await booking.book(resident, slot.id, visit(CARD, case.id), idempotency_key=new_key())
    with clock.standing_at(slot.starts_at - timedelta(minutes=5)):
        await outcomes.record_check_in(await Booking.get(id=held.id).prefetch_related("slot"))

    await commands.withdraw(resident, case.id)
    await portal.run_jobs()

    await slot.refresh_from_db()
    await held.refresh_from_db()
    assert (slot.taken, held.state) == (1, BookingState.CHECKED_IN)
