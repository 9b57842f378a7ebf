"""Who is to blame where the hall has closed, and what stays of moments that cannot be."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.booking import commands, outcomes
from app.booking.alternatives import refuse
from app.booking.halls.rehousing import see_to_everybody
from app.booking.models import Slot
from app.booking.planning import plan
from app.booking.rules import BookingState
from app.catalogue.models import ServicePoint
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.errors import NotFound
from tests.booking.faults import make_person, past_fault
from tests.booking.places import make_slot, visit
from tests.booking.test_closing import BUSINESS, HALL, REASON, booked_in, close, day, slot_at
from tests.cases.filing import CARD
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import nothing_moves
from tests.portal import Portal

__all__ = ["day"]


async def test_who_cancels_what_the_hall_has_closed_is_never_late(portal: Portal, day: date) -> None:
    """An hour before it begins, before the worker has seen to them."""
    nine = await slot_at(day, 9)
    resident, booking = await booked_in(nine)
    with clock.standing_at(nine.starts_at - timedelta(hours=1)):
        await close(day, 9, 10)
        await commands.cancel(resident, booking.id)

    await booking.refresh_from_db()
    assert (booking.state, booking.late) == (BookingState.CANCELLED, False)


async def test_nobody_misses_a_session_the_hall_closed_however_late_the_worker_is(portal: Portal, day: date) -> None:
    nine = await slot_at(day, 9)
    _, booking = await booked_in(nine)
    closure = await close(day, 9, 10)

    with clock.standing_at(nine.ends_at + timedelta(hours=5)):
        async with nothing_moves():
            assert not await outcomes.mark_missed(booking.id)
        await see_to_everybody(closure.id)

    await booking.refresh_from_db()
    assert booking.state is BookingState.HALL_CANCELLED


async def test_a_slot_that_was_laid_out_anew_meanwhile_does_not_exist(portal: Portal) -> None:
    slot = await make_slot(1)
    planned = await plan(await make_resident(), slot.id, visit(CARD), 1)
    await Slot.filter(id=slot.id).delete()
    with pytest.raises(NotFound):
        await refuse(planned)


async def test_a_business_that_a_hall_gave_up_does_not_hide_the_rest_of_ones_credit(portal: Portal) -> None:
    resident, _ = await make_person()
    phone = await caller_of(portal, resident)
    missed = await past_fault(resident, await make_slot(1, hours_ahead=-20, place="bayin-hall"))
    served = (await ServicePoint.get(key="bayin-hall")).queue_categories
    await ServicePoint.filter(key="bayin-hall").update(queue_categories=[one for one in served if one != "D"])
    try:
        credit = await phone.do("MyBookingCredit")
        asked = await phone.ask("MyBookingCredit", servicePoint="bayin-hall", category="D")
    finally:
        await ServicePoint.filter(key="bayin-hall").update(queue_categories=served)

    assert [fault["booking"]["id"] for fault in credit["faults"]] == [str(missed.id)]
    assert credit["businesses"] == []
    assert asked["errors"][0]["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "last", ["9999-12-31T23:00:00+00:00", "9999-12-10T10:00:00+00:00", "0001-01-01T10:00:00+14:00"]
)
async def test_the_ends_of_the_calendar_are_no_moments(portal: Portal, last: str) -> None:
    boss = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER))
    stretch = {"servicePoint": HALL, "category": BUSINESS, "closesFrom": last[:11] + "00" + last[13:]}
    async with nothing_moves():
        answer = await boss.ask("CloseSession", **stretch, closesUntil=last, reason=REASON)
    assert answer["errors"][0]["extensions"]["code"] != "INTERNAL_ERROR"
    assert "1900" in answer["errors"][0]["message"]
