"""An agent whose mandate is for one item, and visits that are for another too."""

from __future__ import annotations

from app.booking.models import Booking
from app.booking.rules import BookingState
from tests.booking.lines import PLACE, a_day, fill, slot_on
from tests.booking.places import make_slot, row_of
from tests.cases.filing import CARD, PERMIT, file_case
from tests.identity.traces import nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.representation.stage import make_pair


async def test_a_visit_for_something_else_too_is_not_the_agents_to_see_or_change(portal: Portal) -> None:
    """Whichever of its items was named first."""
    principal, agent = await make_pair(portal, CARD)
    agent.phone.acting_for = principal.id
    slots = await row_of(1, 2, days_ahead=36)
    wanted = [{"itemKey": CARD}, {"itemKey": PERMIT}]
    asked = {"slotId": str(slots[0].id), "items": wanted, "idempotencyKey": new_key()}
    booked = await principal.phone.do("Book", **asked)
    assert booked["__typename"] == "Booking", booked
    later = await make_slot(1, hours_ahead=60)

    assert (await agent.phone.do("MyBookings"))["edges"] == []
    async with nothing_moves():
        answers = [
            await agent.phone.do("CancelBooking", id=booked["id"]),
            await agent.phone.do("ConfirmBooking", id=booked["id"]),
            await agent.phone.do("MoveBooking", id=booked["id"], slotId=str(later.id), idempotencyKey=new_key()),
            await agent.phone.do("CheckInCode", bookingId=booked["id"]),
        ]

    assert {answer["code"] for answer in answers} == {"NOT_FOUND"}
    [mine] = (await principal.phone.do("MyBookings"))["edges"]
    assert mine["node"]["itemKeys"] == [CARD, PERMIT]


async def test_the_agent_sees_and_cancels_a_visit_for_the_item_of_the_mandate(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    agent.phone.acting_for = principal.id
    slot = await make_slot(1)
    items = [{"itemKey": CARD}]
    booked = await principal.phone.do("Book", slotId=str(slot.id), items=items, idempotencyKey=new_key())

    [seen] = (await agent.phone.do("MyBookings"))["edges"]
    cancelled = await agent.phone.do("CancelBooking", id=booked["id"])

    assert seen["node"]["id"] == booked["id"]
    assert cancelled["state"] == "CANCELLED"


async def test_a_case_does_not_tell_the_agent_of_a_visit_for_something_else_too(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    agent.phone.acting_for = principal.id
    case = await file_case(principal.actor)
    slots = await row_of(1, 2, days_ahead=37)
    items = [{"itemKey": CARD, "caseId": str(case.id)}, {"itemKey": PERMIT}]
    booked = await principal.phone.do("Book", slotId=str(slots[0].id), items=items, idempotencyKey=new_key())
    assert booked["__typename"] == "Booking", booked

    seen = await agent.phone.do("CaseDetail", id=str(case.id))

    assert seen["booking"] is None
    assert (await principal.phone.do("CaseDetail", id=str(case.id)))["booking"]["id"] == booked["id"]


async def test_a_place_in_line_for_something_else_too_is_not_the_agents(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    agent.phone.acting_for = principal.id
    day = a_day()
    for minute in (0, 30):
        await fill(await slot_on(day, 9, minute))
    asked = {"servicePoints": [PLACE], "daysFrom": str(day), "daysUntil": str(day)}
    items = [{"itemKey": CARD}, {"itemKey": PERMIT}]
    entry = await principal.phone.do("JoinWaitingList", items=items, idempotencyKey=new_key(), **asked)
    assert entry["__typename"] == "WaitingEntry", entry

    async with nothing_moves():
        left = await agent.phone.do("LeaveWaitingList", id=entry["id"])

    assert left["code"] == "NOT_FOUND"
    assert await agent.phone.do("MyWaitingList") == []
    assert [one["id"] for one in await principal.phone.do("MyWaitingList")] == [entry["id"]]


async def test_a_missed_visit_for_something_else_too_is_not_the_agents_to_appeal(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    agent.phone.acting_for = principal.id
    slots = await row_of(1, 2, days_ahead=38)
    items = [{"itemKey": CARD}, {"itemKey": PERMIT}]
    booked = await principal.phone.do("Book", slotId=str(slots[0].id), items=items, idempotencyKey=new_key())
    await Booking.filter(id=booked["id"]).update(state=BookingState.NO_SHOW)

    async with nothing_moves():
        appealed = await agent.phone.do("AppealFault", bookingId=booked["id"], grounds="当天突发疾病")

    assert appealed["code"] == "NOT_FOUND"
    assert (await agent.phone.do("MyBookingCredit"))["faults"] == []
    assert len((await principal.phone.do("MyBookingCredit"))["faults"]) == 1
