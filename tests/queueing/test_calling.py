from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from app.booking.commands import book
from app.booking.models import Booking
from app.booking.rules import BookingState
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import IllegalMove, NotAllowed, NotFound
from app.queueing.commands import call_next, finish_serving, pass_ticket, start_serving
from app.queueing.errors import NobodyWaiting
from app.queueing.leaving import end_ticket
from app.queueing.models import Ticket, Window
from app.queueing.rules import TicketState
from app.queueing.tasks import end_the_day
from tests.booking.places import make_slot, visit
from tests.cases.filing import CARD, file_case
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import audit_of, nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.queueing.arrivals import check_in, told_by_phone
from tests.queueing.hall import Hall


async def test_four_windows_never_call_one_of_twenty_numbers_twice(portal: Portal) -> None:
    """Each window calls, serves and calls again as fast as it can until nobody waits."""
    hall = Hall.on_a_day_of_its_own()
    slot = await hall.slot(9)
    with hall.at(9):
        waiting = [await hall.ticket(slot) for _ in range(20)]
        clerks = [await hall.clerk_at(number) for number in (1, 2, 3, 4)]

        async def serve_until_nobody_waits(clerk: Actor) -> list[str]:
            served: list[str] = []
            while True:
                try:
                    ticket = await call_next(clerk)
                except NobodyWaiting:
                    return served
                await start_serving(clerk, ticket.id)
                await finish_serving(clerk, ticket.id)
                served.append(ticket.code)

        by_window = await asyncio.gather(*(serve_until_nobody_waits(clerk) for clerk in clerks))

    called = Counter(code for codes in by_window for code in codes)
    assert called == Counter(ticket.code for ticket in waiting)
    assert await Ticket.filter(day=hall.day, state=TicketState.DONE).count() == 20
    await hall.close()


async def test_without_choosing_one_after_another_two_windows_call_one_number(portal: Portal) -> None:
    """Why windows choose one after another: two that look first and write later both call the same person."""
    hall = Hall.on_a_day_of_its_own()
    slot = await hall.slot(9)
    with hall.at(9):
        await hall.ticket(slot)
    both_have_looked = asyncio.Barrier(2)

    async def call_naively() -> str:
        first = await Ticket.filter(day=hall.day, state=TicketState.WAITING).order_by("slot_starts_at").first()
        assert first is not None
        await both_have_looked.wait()
        await Ticket.filter(id=first.id).update(state=TicketState.CALLED)
        return first.code

    assert [*await asyncio.gather(call_naively(), call_naively())] == ["D001", "D001"]


async def test_even_a_program_that_forgets_to_check_has_one_number_at_a_window(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    slot = await hall.slot(9)
    with hall.at(9):
        tickets = [await hall.ticket(slot) for _ in range(2)]
        clerk = await hall.clerk_at(5)
        await call_next(clerk)
    window = await Window.get(staff_id=clerk.id)
    with pytest.raises(IntegrityError):
        await Ticket.filter(id=tickets[1].id).update(state=TicketState.CALLED, window_id=window.id)
    await hall.close()


async def test_the_earlier_slot_is_called_first_then_who_came_sooner(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    nine, half_past = await hall.slot(9), await hall.slot(9, 30)
    with hall.at(9):
        later_slot = await hall.ticket(half_past)
        first = await hall.ticket(nine)
    with hall.at(9, 1):
        second = await hall.ticket(nine)
    with hall.at(9, 5):
        clerk = await hall.clerk_at(6)
        called = []
        for _ in range(3):
            ticket = await call_next(clerk)
            called.append(ticket.id)
            await pass_ticket(clerk, ticket.id)
        with pytest.raises(NobodyWaiting):
            await call_next(clerk)
    assert called == [first.id, second.id, later_slot.id]
    await hall.close()


async def test_a_window_calls_its_own_businesses_place_and_day_only(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    elsewhere, tomorrow = Hall(hall.day, place="wangyue-hall"), Hall.on_a_day_of_its_own()
    for other in (elsewhere, tomorrow):
        slot = await other.slot(9)
        with other.at(9):
            await other.ticket(slot)
    slot = await hall.slot(9)
    with hall.at(9):
        ticket = await hall.ticket(slot)
        for_passports = await hall.clerk_at(1, "E")
        for_all = await hall.clerk_at(2)
        async with nothing_moves():
            with pytest.raises(NobodyWaiting):
                await call_next(for_passports)
        assert (await call_next(for_all)).id == ticket.id
        with pytest.raises(NobodyWaiting):
            await call_next(for_passports)
    await hall.close()
    await elsewhere.close()


async def test_a_served_visit_is_kept_and_the_case_knows(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    resident, slot = await make_resident(), await hall.slot(9)
    case = await file_case(resident)
    held = await book(resident, slot.id, visit(CARD, case.id), idempotency_key=new_key())
    with hall.at(9):
        ticket = await check_in(resident, held.id)
        clerk = await hall.clerk_at(3)
        await call_next(clerk)
        async with nothing_moves():
            with pytest.raises(IllegalMove):
                await finish_serving(clerk, ticket.id)
        await start_serving(clerk, ticket.id)
        async with nothing_moves():
            with pytest.raises(IllegalMove):
                await pass_ticket(clerk, ticket.id)
        await finish_serving(clerk, ticket.id)
        async with nothing_moves():
            with pytest.raises(IllegalMove):
                await finish_serving(clerk, ticket.id)

    await held.refresh_from_db()
    await case.refresh_from_db()
    assert held.state is BookingState.SERVED
    assert (case.visited, case.visit_at) == (True, slot.starts_at)
    assert [act for act, _ in await audit_of(f"ticket:{ticket.id}")] == [
        "queue.checked_in", "queue.called", "queue.started", "queue.finished",
    ]  # fmt: skip
    await hall.close()


async def test_a_number_nobody_answers_is_passed_and_its_visit_may_still_be_kept(portal: Portal) -> None:
    """Over HTTP, as a window does it, in a business of its own."""
    resident = await make_resident()
    slot = await make_slot(1, hours_ahead=0.2, place="marriage-office", business="F")
    caller, window = await caller_of(portal, resident), await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR))
    booking = await caller.do("Book", slotId=str(slot.id), items=[{"itemKey": "marriage"}], idempotencyKey=new_key())
    ticket = await caller.do("CheckIn", bookingId=booking["id"], **await told_by_phone("marriage-office"))
    await window.do("OpenWindow", servicePoint="marriage-office", number=1)
    called = await window.do("CallNext")
    at_the_desk = await window.do("MyWindow")
    passed = await window.do("PassTicket", ticketId=ticket["id"])
    async with nothing_moves():
        again = await window.do("PassTicket", ticketId=ticket["id"])
        started = await window.do("StartServing", ticketId=ticket["id"])
    await window.do("CloseWindow")

    assert (called["id"], called["window"]) == (ticket["id"], {"number": 1})
    assert at_the_desk["ticket"]["code"] == ticket["code"]
    assert (passed["state"], again["code"], started["code"]) == ("PASSED", "ILLEGAL_MOVE", "ILLEGAL_MOVE")
    assert (await Booking.get(id=booking["id"])).state is BookingState.CHECKED_IN


async def test_a_number_at_another_window_is_out_of_reach(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    slot = await hall.slot(9)
    with hall.at(9):
        ticket, waiting = await hall.ticket(slot), await hall.ticket(slot)
        clerk, other = await hall.clerk_at(7), await hall.clerk_at(8)
        await call_next(clerk)
        async with nothing_moves():
            for act in (start_serving, finish_serving, pass_ticket):
                for out_of_reach in (ticket.id, waiting.id):
                    with pytest.raises(NotAllowed):
                        await act(other, out_of_reach)
                with pytest.raises(NotFound):
                    await act(other, db.new_id())
    await hall.close()


async def test_one_clerk_pressing_next_five_times_at_once_calls_one_person(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    slot = await hall.slot(9)
    with hall.at(9):
        for _ in range(5):
            await hall.ticket(slot)
        clerk = await hall.clerk_at(9)
        outcomes = await asyncio.gather(*(call_next(clerk) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(outcome, Ticket) for outcome in outcomes) == 1
    assert await Ticket.filter(day=hall.day, state=TicketState.CALLED).count() == 1
    await hall.close()


async def test_the_night_ends_what_the_day_left_over_without_blaming_anybody(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    slot = await hall.slot(9)
    with hall.at(9):
        serving, called, waiting = [await hall.ticket(slot) for _ in range(3)]
        clerks = [await hall.clerk_at(number) for number in (10, 11)]
        for clerk in clerks:
            await call_next(clerk)
        await start_serving(clerks[0], serving.id)
    with hall.at(23, 59):
        await end_the_day()
        await waiting.refresh_from_db()
        assert waiting.state is TicketState.WAITING
    with clock.standing_at(hall.time(23, 59) + timedelta(minutes=11)):
        await end_the_day()
        async with nothing_moves():
            await end_the_day()
            await end_ticket(waiting.id)

    ends = {}
    for name, ticket in (("serving", serving), ("called", called), ("waiting", waiting)):
        await ticket.refresh_from_db()
        booking = await Booking.get(id=ticket.booking_id)
        ends[name] = (ticket.state.value, booking.state.value)
    assert ends == {
        "serving": ("DONE", "SERVED"),
        "called": ("ABANDONED", "HALL_CANCELLED"),
        "waiting": ("ABANDONED", "HALL_CANCELLED"),
    }
    await hall.close()
