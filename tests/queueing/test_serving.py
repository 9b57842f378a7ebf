"""What a window and its visitor do after the call: again, past, back, aside, elsewhere, away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.booking.models import Booking, SessionClosure
from app.booking.rules import BookingState
from app.identity.models import DeviceKind
from app.identity.rules import Role
from app.kernel.actor import Actor
from app.kernel.errors import IllegalMove, NotAllowed, NotFound
from app.queueing.commands import call_next, finish_serving, pass_ticket, recall, start_serving
from app.queueing.errors import (
    AlreadyInQueue,
    CategoryClosed,
    CategoryNotServed,
    NobodyWaiting,
    RecallsSpent,
    RejoinsSpent,
    SameCategory,
    WindowBusy,
)
from app.queueing.leaving import abandon_ticket, leave
from app.queueing.models import Ticket
from app.queueing.queries import people_ahead
from app.queueing.rejoining import rejoin, rejoin_at_desk
from app.queueing.rules import TicketState
from app.queueing.transfers import hang, resume, transfer
from tests.identity.accounts import caller_of, make_device, make_resident, make_staff
from tests.identity.traces import audit_of, nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.queueing.arrivals import check_in
from tests.queueing.hall import Hall, open_all_day


async def test_a_number_is_called_again_three_times_then_to_be_passed(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        ticket, clerk = await hall.walk_in(), await hall.clerk_at(1)
        await call_next(clerk)
        calls = [(await recall(clerk, ticket.id)).calls for _ in range(3)]
        async with nothing_moves():
            with pytest.raises(RecallsSpent) as refused:
                await recall(clerk, ticket.id)
    assert calls == [2, 3, 4]
    assert refused.value.sentence("zh") == "D001号已重呼3次,无人应答请按过号处理"
    await hall.close()


async def test_who_was_passed_rejoins_once_three_calls_behind_then_takes_a_new_number(portal: Portal) -> None:
    hall, resident = Hall.on_a_day_of_its_own(), await make_resident()
    with hall.at(9):
        passed, clerk = await hall.walk_in(resident), await hall.clerk_at(1)
        others = [await hall.walk_in() for _ in range(4)]
        await call_next(clerk)
        await pass_ticket(clerk, passed.id)
        back = await rejoin(resident, passed.id)
        ahead = await people_ahead([passed.id])
        called = []
        for _ in range(4):
            called.append(await call_next(clerk))
            await pass_ticket(clerk, called[-1].id)
        async with nothing_moves():
            with pytest.raises(RejoinsSpent):
                await rejoin(resident, passed.id)
            with pytest.raises(NotFound):
                await rejoin(resident, others[0].id)
        anew = await hall.walk_in(resident)
        with pytest.raises(AlreadyInQueue):
            await hall.walk_in(resident)
    assert (back.state, ahead, anew.code) == (TicketState.WAITING, [3], "D006")
    assert [ticket.id for ticket in called] == [*(ticket.id for ticket in others[:3]), passed.id]
    await hall.close()


async def test_who_was_passed_rejoins_at_the_desk_or_the_kiosk_with_the_number_in_hand(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        clerk = await hall.clerk_at(1)
        await hall.walk_in()
        ticket = await call_next(clerk)
        await recall(clerk, ticket.id)
        async with nothing_moves():
            with pytest.raises(IllegalMove):
                await rejoin_at_desk(clerk, hall.place, ticket.code)
            with pytest.raises(NotFound):
                await rejoin_at_desk(clerk, hall.place, "D999")
        await pass_ticket(clerk, ticket.id)
        back = await rejoin_at_desk(clerk, hall.place, " d001 ")
    assert (back.id, back.state, back.calls, back.window_id) == (ticket.id, TicketState.WAITING, 0, None)
    assert [act for act, _ in await audit_of(f"ticket:{ticket.id}")] == [
        "queue.taken", "queue.called", "queue.recalled", "queue.passed", "queue.rejoined",
    ]  # fmt: skip
    await hall.close()


async def test_a_visit_is_put_aside_and_gone_on_with_at_another_window(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        first, second = await hall.walk_in(), await hall.walk_in()
        clerk, other, passports = await hall.clerk_at(1), await hall.clerk_at(2), await hall.clerk_at(3, "E")
        await call_next(clerk)
        await start_serving(clerk, first.id)
        await hang(clerk, first.id)
        assert (await call_next(clerk)).id == second.id
        async with nothing_moves():
            with pytest.raises(WindowBusy):
                await resume(clerk, first.id)
            with pytest.raises(NotAllowed):
                await resume(passports, first.id)
            with pytest.raises(IllegalMove):
                await resume(other, second.id)
        back = await resume(other, first.id)
        await finish_serving(other, first.id)
    assert (back.state, back.hung_at) == (TicketState.SERVING, None)
    assert (await Ticket.get(id=first.id)).state is TicketState.DONE
    await hall.close()


async def test_a_number_goes_to_another_business_with_its_time(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        sent, clerk = await hall.walk_in(), await hall.clerk_at(1, "D")
    with hall.at(9, 5):
        waiting = await Hall(hall.day, hall.place, "E").walk_in()
        await call_next(clerk)
        async with nothing_moves():
            for category, refusal in (("E", CategoryClosed), ("D", SameCategory), ("Q", CategoryNotServed)):
                with pytest.raises(refusal):
                    await transfer(clerk, sent.id, category)
        passports = await hall.clerk_at(2, "E")
        moved = await transfer(clerk, sent.id, "E")
        with pytest.raises(NobodyWaiting):
            await call_next(clerk)
        called = await call_next(passports)
    assert (moved.code, moved.transferred_from, moved.queued_at) == ("E002", "D001", sent.queued_at)
    assert (called.id, waiting.code) == (sent.id, "E001")
    await hall.close()


async def test_nobody_is_sent_to_a_business_whose_session_the_hall_has_closed(portal: Portal) -> None:
    """Also when a window that can do it is open: from the first moment of the session to its last."""
    hall, manager = Hall.on_a_day_of_its_own(), await make_staff(Role.DEPARTMENT_MANAGER)
    with hall.at(9):
        sent, clerk, _ = await hall.walk_in(), await hall.clerk_at(1), await hall.clerk_at(2, "E")
        await call_next(clerk)
    await SessionClosure.create(
        service_point_id=hall.place, category="E", closes_from=hall.time(10), closes_until=hall.time(12),
        reason="停电", asked_at=hall.time(9), asked_by_id=manager.id,
    )  # fmt: skip
    for hour, minute in ((10, 0), (11, 59)):
        with hall.at(hour, minute):
            async with nothing_moves():
                with pytest.raises(CategoryClosed) as refused:
                    await transfer(clerk, sent.id, "E")
    with hall.at(12):
        moved = await transfer(clerk, sent.id, "E")
    assert refused.value.sentence("zh") == "现在没有窗口办理业务“E”,请选择其他业务,或请大厅先开窗"
    assert (moved.category, moved.state) == ("E", TicketState.WAITING)
    await SessionClosure.filter(asked_by_id=manager.id).delete()
    await hall.close()


async def test_a_number_of_the_green_channel_keeps_its_code(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        sent, clerk, _ = await hall.walk_in(green=True), await hall.clerk_at(1, "D"), await hall.clerk_at(2, "E")
        await call_next(clerk)
        moved = await transfer(clerk, sent.id, "E")
    assert (moved.code, moved.category) == ("Z001", "E")
    await hall.close()


async def test_nobody_holds_two_numbers_of_a_business_by_a_transfer(portal: Portal) -> None:
    hall, resident = Hall.on_a_day_of_its_own(), await make_resident()
    with hall.at(9):
        sent, clerk = await hall.walk_in(resident), await hall.clerk_at(1)
        await Hall(hall.day, hall.place, "E").walk_in(resident)
        assert (await call_next(clerk)).id == sent.id
        async with nothing_moves():
            with pytest.raises(AlreadyInQueue):
                await transfer(clerk, sent.id, "E")
    await hall.close()


@pytest.mark.parametrize(
    ("minutes", "outcome"), [(0, BookingState.NO_SHOW), (21, BookingState.HALL_CANCELLED)], ids=["soon", "kept waiting"]
)
async def test_who_leaves_has_missed_the_visit_unless_the_hall_kept_them_waiting(
    portal: Portal, minutes: int, outcome: BookingState
) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    with hall.at(9):
        ticket = await check_in(visitor.actor, visitor.booking.id)
    stranger = await make_resident()
    with hall.at(9, minutes):
        async with nothing_moves():
            with pytest.raises(NotFound):
                await leave(stranger, ticket.id)
        left = await leave(visitor.actor, ticket.id)
        async with nothing_moves():
            with pytest.raises(IllegalMove):
                await leave(visitor.actor, ticket.id)
    assert left.state is TicketState.ABANDONED
    assert (await Booking.get(id=visitor.booking.id)).state is outcome


async def test_what_a_window_ends_is_not_held_against_anybody(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    slot = await hall.slot(9)
    with hall.at(9):
        called, waiting = await hall.ticket(slot), await hall.ticket(slot)
        clerk, other = await hall.clerk_at(1), await hall.clerk_at(2)
        await call_next(clerk)
        async with nothing_moves():
            with pytest.raises(NotAllowed):
                await abandon_ticket(other, called.id)
        for ticket in (called, waiting):
            await abandon_ticket(clerk, ticket.id)
    assert {(await Booking.get(id=ticket.booking_id)).state for ticket in (called, waiting)} == {
        BookingState.HALL_CANCELLED
    }
    await hall.close()


Act = Callable[[Actor, Any], Awaitable[object]]
ACTS: dict[str, Act] = {
    "recall": recall,
    "hang": hang,
    "transfer": lambda actor, ticket_id: transfer(actor, ticket_id, "E"),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
async def test_a_number_at_another_window_is_out_of_reach(portal: Portal, act: Act) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        ticket, waiting = await hall.walk_in(), await hall.walk_in()
        clerk, other = await hall.clerk_at(1), await hall.clerk_at(2)
        await call_next(clerk)
        async with nothing_moves():
            for out_of_reach in (ticket.id, waiting.id):
                with pytest.raises(NotAllowed):
                    await act(other, out_of_reach)
    await hall.close()


async def test_over_http_a_window_does_all_of_it(portal: Portal) -> None:
    """In a small hall of its own, with a kiosk at the door."""
    place = "qinghe-hall"
    kiosk = await make_device(portal, DeviceKind.KIOSK, place)
    clerk = await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR))
    async with open_all_day(place):
        desk = await clerk.do("TakeNumberAtDesk", servicePoint=place, category="D", idempotencyKey="k" * 8)
    await clerk.do("OpenWindow", servicePoint=place, number=2)

    called = await clerk.do("CallNext")
    again = await clerk.do("RecallTicket", ticketId=called["id"])
    await clerk.do("PassTicket", ticketId=called["id"])
    back = await kiosk.do("RejoinAtKiosk", code=called["code"])
    await clerk.do("CallNext")
    await clerk.do("StartServing", ticketId=called["id"])
    hung = await clerk.do("HangTicket", ticketId=called["id"])
    screen = await clerk.do("MyWindow")
    resumed = await clerk.do("ResumeTicket", ticketId=called["id"])
    nowhere = await clerk.do("TransferTicket", ticketId=called["id"], category="Q")
    moved = await clerk.do("TransferTicket", ticketId=called["id"], category="G")
    gone = await clerk.do("AbandonTicket", ticketId=called["id"])
    paused = await clerk.do("PauseWindow", reason="午休")
    refused = await clerk.do("CallNext")
    unpaused = await clerk.do("UnpauseWindow")
    left = await clerk.do("RejoinAtDesk", servicePoint=place, code=called["code"])
    await clerk.do("CloseWindow")

    assert (called["id"], again["calls"], back["state"], hung["state"]) == (desk["ticket"]["id"], 2, "WAITING", "HUNG")
    assert [one["code"] for one in screen["hung"]] == [called["code"]]
    assert (resumed["window"], nowhere["code"]) == ({"number": 2}, "CATEGORY_NOT_SERVED")
    assert (moved["transferredFrom"], gone["state"]) == (called["code"], "ABANDONED")
    assert (paused["pauseReason"], refused["code"], unpaused["paused"]) == ("午休", "WINDOW_PAUSED", False)
    assert left["code"] == "NOT_FOUND"


async def test_an_empty_queue_and_a_closed_business_are_told_to_a_window_in_words(portal: Portal) -> None:
    """Over HTTP, and nothing moves; a window that was left does not take its businesses any more."""
    place = "wangyue-hall"
    clerk, other = [await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR)) for _ in range(2)]
    await clerk.do("OpenWindow", servicePoint=place, number=1, categories=["Z"])
    await other.do("OpenWindow", servicePoint=place, number=2, categories=["C"])
    await other.do("CloseWindow")
    async with nothing_moves():
        empty = await clerk.do("CallNext")
    async with open_all_day(place):
        await clerk.do("TakeNumberAtDesk", servicePoint=place, category="Z", idempotencyKey=new_key())
    called = await clerk.do("CallNext")
    async with nothing_moves():
        closed = await clerk.do("TransferTicket", ticketId=called["id"], category="C")
    await clerk.do("AbandonTicket", ticketId=called["id"])
    await clerk.do("CloseWindow")

    assert (empty["code"], empty["message"]) == ("NOBODY_WAITING", "当前没有等候的号")
    assert (closed["code"], closed["field"]) == ("CATEGORY_CLOSED", "category")


async def test_over_the_phone_a_passed_number_rejoins(portal: Portal) -> None:
    hall, resident = Hall.on_a_day_of_its_own(), await make_resident()
    with hall.at(9):
        ticket = await hall.walk_in(resident)
    caller = await caller_of(portal, resident)
    assert (await caller.do("RejoinQueue", ticketId=str(ticket.id)))["code"] == "ILLEGAL_MOVE"
    await Ticket.filter(id=ticket.id).update(state=TicketState.PASSED)
    assert (await caller.do("RejoinQueue", ticketId=str(ticket.id)))["code"] == "TICKET_OF_ANOTHER_DAY"
