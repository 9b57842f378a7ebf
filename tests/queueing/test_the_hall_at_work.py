"""Many windows at once, what their screens cost, who is told to come nearer, and the end of the day."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections import Counter

import pytest

from app.booking.models import Booking
from app.catalogue.models import ServicePoint
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput, NotAllowed, NotFound
from app.queueing.commands import call_next, finish_serving, pass_ticket, start_serving
from app.queueing.errors import HallStillOpen, NobodyWaiting, NoSuchWindow, SkillsInvalid, WindowPaused
from app.queueing.leaving import end_day, leave
from app.queueing.models import Pause, Shift, Ticket, TicketCounter, Window
from app.queueing.queries import desk_of
from app.queueing.rules import TicketState
from app.queueing.tasks import end_the_day
from app.queueing.transfers import hang
from app.queueing.windows import close_window, open_window, pause_window, set_window_skills, unpause_window
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.people import until
from tests.portal import Portal
from tests.queueing.arrivals import check_in
from tests.queueing.hall import Hall


async def test_twenty_windows_never_call_one_number_twice_and_count_every_call(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    await ServicePoint.filter(key=hall.place).update(windows=20)
    slot = await hall.slot(9)
    with hall.at(9):
        for number in range(40):
            await (hall.ticket(slot) if number % 3 == 0 else hall.walk_in(green=number % 7 == 0))
        clerks = [await hall.clerk_at(number, "D") for number in range(1, 21)]

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
    assert (len(called), set(called.values())) == (40, {1})
    counter = await TicketCounter.get(service_point_id=hall.place, day=hall.day, category="D")
    assert counter.called == 40
    await hall.close()
    await ServicePoint.filter(key=hall.place).update(windows=18)


async def test_who_leaves_at_the_moment_of_the_call_is_not_called(portal: Portal) -> None:
    """Whoever of the two comes first: nobody is both called and gone, and the next is called instead."""
    for _ in range(5):
        hall, resident = Hall.on_a_day_of_its_own(), await make_resident()
        with hall.at(9):
            first, second = await hall.walk_in(resident), await hall.walk_in()
            clerk = await hall.clerk_at(1)
            called, _left = await at_once(call_next(clerk), leave(resident, first.id))
        assert isinstance(called, Ticket)
        states = (await Ticket.get(id=first.id)).state, (await Ticket.get(id=second.id)).state
        assert states in {(TicketState.ABANDONED, TicketState.CALLED), (TicketState.ABANDONED, TicketState.WAITING)}
        await hall.close()


async def test_who_has_three_ahead_is_told_once(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        tickets = [await hall.walk_in() for _ in range(6)]
        clerk = await hall.clerk_at(1)
        told = [await _told(hall)]
        for _ in range(3):
            ticket = await call_next(clerk)
            await pass_ticket(clerk, ticket.id)
            told.append(await _told(hall))
    codes = [ticket.code for ticket in tickets]
    assert told == [codes[:4], codes[:5], codes, codes]
    await hall.close()


async def _told(hall: Hall) -> list[str]:
    """Who has seen or was told that they are near."""
    near = Ticket.filter(day=hall.day, near_told_at__isnull=False)
    return sorted([ticket.code for ticket in await near])


async def test_the_screen_of_a_window_costs_as_much_with_thirty_waiting_as_with_one(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        clerk = await hall.clerk_at(1)
        await hall.walk_in()
        one, few = await _screen(clerk, caplog)
        for _ in range(29):
            await hall.walk_in()
        served = await call_next(clerk)
        await start_serving(clerk, served.id)
        await hang(clerk, served.id)
        await call_next(clerk)
        many, thirty = await _screen(clerk, caplog)
    assert (few, thirty) == (1, 28)
    assert one == many <= 7
    await hall.close()


async def _screen(clerk: Actor, caplog: pytest.LogCaptureFixture) -> tuple[int, int]:
    """Statements that one look costs while the rules are remembered, and how many wait."""
    costs = []
    for _ in range(4):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
            desk = await desk_of(clerk)
        costs.append(sum(record.name == "tortoise.db_client" for record in caplog.records))
    return min(costs), desk.waiting["D"]


async def test_a_paused_window_calls_nobody_and_the_shift_knows_from_when_to_when(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        await hall.walk_in()
        clerk = await hall.clerk_at(1)
        await pause_window(clerk, "系统升级")
        async with nothing_moves():
            with pytest.raises(WindowPaused):
                await call_next(clerk)
    with hall.at(9, 15):
        await unpause_window(clerk)
        assert (await call_next(clerk)).code == "D001"
        await finish_serving(clerk, (await start_serving(clerk, (await Ticket.get(day=hall.day)).id)).id)
    with hall.at(12):
        window = await close_window(clerk)
    shift = await Shift.get(window_id=window.id, staff_id=clerk.id)
    assert (shift.began_at, shift.ended_at) == (hall.time(9), hall.time(12))
    [pause] = await Pause.filter(shift_id=shift.id)
    assert (pause.began_at, pause.ended_at) == (hall.time(9), hall.time(9, 15))


@pytest.mark.parametrize("reason", ["", "  ", "长" * 61, "换\n行"], ids=["none", "blank", "long", "two lines"])
async def test_a_pause_has_a_reason_that_people_can_read(portal: Portal, reason: str) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        clerk = await hall.clerk_at(1)
        async with nothing_moves():
            with pytest.raises(InvalidInput) as refused:
                await pause_window(clerk, reason)
        paused = await pause_window(clerk, f" {'长' * 60} ")
    assert refused.value.field == "reason"
    assert paused.pause_reason == "长" * 60
    await hall.close()


async def test_a_window_takes_what_its_skills_say_in_their_order(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    manager, clerk = await make_staff(Role.DEPARTMENT_MANAGER), await make_staff(Role.WINDOW_ACCEPTOR)
    with hall.at(9):
        passport = await Hall(hall.day, hall.place, "E").walk_in()
    with hall.at(9, 1):
        card = await hall.walk_in()
        await set_window_skills(manager, hall.place, 4, {"D": 1, "E": 2})
        await open_window(clerk, hall.place, 4, ())
        first = await call_next(clerk)
        await pass_ticket(clerk, first.id)
        await set_window_skills(manager, hall.place, 4, {"D": 1})
        with pytest.raises(NobodyWaiting):
            await call_next(clerk)
        await set_window_skills(manager, hall.place, 4, {})
        assert (first.id, (await call_next(clerk)).id) == (card.id, passport.id)
    await hall.close()


@pytest.mark.parametrize(
    ("number", "skills", "refusal"),
    [(0, {}, NoSuchWindow), (1, {"Q": 1}, SkillsInvalid), (1, {"D": 0}, SkillsInvalid), (1, {"D": 10}, SkillsInvalid)],
)
async def test_skills_that_cannot_be_are_refused(
    portal: Portal, number: int, skills: dict[str, int], refusal: type[Exception]
) -> None:
    manager, clerk = await make_staff(Role.DEPARTMENT_MANAGER), await make_staff(Role.WINDOW_ACCEPTOR)
    async with nothing_moves():
        with pytest.raises(refusal):
            await set_window_skills(manager, "city-hall", number, skills)
        with pytest.raises(NotAllowed):
            await set_window_skills(clerk, "city-hall", 1, {})
        with pytest.raises(NotFound):
            await set_window_skills(manager, "nowhere", 1, {})


async def a_day_left_over(hall: Hall) -> dict[str, Ticket]:
    """One number in every state a day can leave it in, each of a booking; passed last of all."""
    slot = await hall.slot(9)
    names = ("passed", "hung", "serving", "called", "waiting")
    with hall.at(9):
        tickets = {}
        for name in names:
            visitor = await hall.visitor(slot)
            tickets[name] = await check_in(visitor.actor, visitor.booking.id)
        clerks = [await hall.clerk_at(number) for number in (1, 2)]
        await call_next(clerks[0])
        await pass_ticket(clerks[0], tickets["passed"].id)
        await call_next(clerks[0])
        await start_serving(clerks[0], tickets["hung"].id)
        await hang(clerks[0], tickets["hung"].id)
        await call_next(clerks[0])
        await start_serving(clerks[0], tickets["serving"].id)
        await call_next(clerks[1])
    return tickets


async def ends_of(tickets: dict[str, Ticket]) -> dict[str, tuple[str, str]]:
    ends = {}
    for name, ticket in tickets.items():
        row = await Ticket.get(id=ticket.id)
        ends[name] = (row.state.value, (await Booking.get(id=row.booking_id)).state.value)
    return ends


ENDS = {
    "passed": ("PASSED", "NO_SHOW"),
    "hung": ("ABANDONED", "HALL_CANCELLED"),
    "serving": ("DONE", "SERVED"),
    "called": ("ABANDONED", "HALL_CANCELLED"),
    "waiting": ("ABANDONED", "HALL_CANCELLED"),
}


async def test_the_night_ends_every_number_as_it_deserves_and_closes_the_windows(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    tickets = await a_day_left_over(hall)
    with clock.standing_at(Hall.on_a_day_of_its_own().time(0, 10)):
        await end_the_day()
        async with nothing_moves():
            await end_the_day()
    assert await ends_of(tickets) == ENDS
    assert await Window.filter(service_point_id=hall.place, staff_id__isnull=False).count() == 0
    assert await Shift.filter(window__service_point_id=hall.place, ended_at=None).count() == 0


NIGHT = """
import asyncio, sys
from app import wiring
from datetime import date
from app.kernel import clock
from app.queueing.leaving import end_days_before

async def main():
    async with wiring.connected():
        with clock.standing_at(clock.at_local(date.fromisoformat(sys.argv[1]), 0, 10)):
            await end_days_before(clock.today())

asyncio.run(main())
"""


async def test_a_night_that_is_killed_half_way_is_ended_by_the_next_run(portal: Portal) -> None:
    """Held fast at the third number, by a lock on it, then killed: the first two are ended, and nothing half."""
    hall, after = Hall.on_a_day_of_its_own(), Hall.on_a_day_of_its_own()
    tickets = await a_day_left_over(hall)
    third = sorted(tickets.values(), key=lambda ticket: ticket.id)[2]

    async def ended() -> int:
        ends = await ends_of(tickets)
        return sum(ends[name] == ENDS[name] for name in ends)

    async def two_are_ended() -> bool:
        return await ended() == 2

    night = None
    try:
        async with db.transaction():
            await Ticket.select_for_update().get(id=third.id)
            night = await asyncio.create_subprocess_exec(
                sys.executable, "-c", NIGHT, after.day.isoformat(), env=dict(os.environ)
            )
            await until(two_are_ended, what="two numbers to be ended")
            night.send_signal(signal.SIGKILL)
            assert await night.wait() == -signal.SIGKILL
    finally:
        if night is not None and night.returncode is None:
            night.kill()
    assert await ended() == 2
    with clock.standing_at(after.time(0, 10)):
        await end_the_day()
    assert await ends_of(tickets) == ENDS


async def test_the_manager_ends_the_day_once_the_hall_has_closed(portal: Portal) -> None:
    """Over HTTP only the refusal depends on the hour; the rest stands on a day of its own, a Monday."""
    hall = Hall.on_a_day_of_its_own()
    while hall.day.isoweekday() != 1:
        hall = Hall.on_a_day_of_its_own()
    manager, clerk = await make_staff(Role.DEPARTMENT_MANAGER), await make_staff(Role.WINDOW_ACCEPTOR)
    tickets = await a_day_left_over(hall)
    with hall.at(11):
        async with nothing_moves():
            with pytest.raises(HallStillOpen):
                await end_day(manager, hall.place)
            with pytest.raises(NotAllowed):
                await end_day(clerk, hall.place)
    with hall.at(20):
        ended = [await end_day(manager, hall.place) for _ in range(2)]
    assert await ends_of(tickets) == ENDS
    assert ended[0] >= 5
    assert ended[1] == 0
    await hall.close()


async def test_over_http_the_manager_says_what_a_window_can_do(portal: Portal) -> None:
    manager = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER))
    skills = [{"category": "D", "priority": 2}, {"category": "E", "priority": 1}]
    set_ = await manager.do("SetWindowSkills", servicePoint="city-hall", number=9, skills=skills)
    unset = await manager.do("SetWindowSkills", servicePoint="city-hall", number=9, skills=[])
    nowhere = await manager.do("EndDay", servicePoint="nowhere")
    assert (set_["skills"], unset["skills"], nowhere["code"]) == (skills, [], "NOT_FOUND")
