"""What the hall says aloud, for whoever sends it to phones: taken, near, your turn, passed, moved."""

from __future__ import annotations

import pytest

from app.identity.rules import Role
from app.kernel.errors import Refusal
from app.kernel.facts import Fact
from app.queueing.commands import call_next, pass_ticket, recall
from app.queueing.events import TicketCalled, TicketMoved, TicketNear, TicketPassed, TicketTaken
from app.queueing.leaving import abandon_ticket, leave
from app.queueing.models import Ticket
from app.queueing.transfers import transfer
from app.queueing.walk_ins import Person, Wanted, take_at_desk
from tests.booking.hearing import Heard, hearing
from tests.identity.accounts import make_resident, make_staff
from tests.people import new_key
from tests.portal import Portal
from tests.queueing.hall import Hall


async def told(heard: Heard) -> list[str]:
    """The numbers that were spoken of, by their codes as they are now."""
    return [(await Ticket.get(id=fact["ticket_id"])).code for fact in await heard()]


async def test_every_number_is_told_when_it_is_taken_whatever_the_way(portal: Portal) -> None:
    hall, clerk = Hall.on_a_day_of_its_own(), await make_staff(Role.WINDOW_ACCEPTOR)
    slot = await hall.slot(9)
    async with hearing(TicketTaken) as heard:
        with hall.at(9):
            await hall.ticket(slot)
            await hall.walk_in(await make_resident())
            await hall.walk_in()
            await take_at_desk(clerk, hall.place, Wanted("D", new_key()), Person())
            with pytest.raises(Refusal):
                await take_at_desk(clerk, hall.place, Wanted("Q", new_key()), Person())
        assert await told(heard) == ["D001", "D002", "D003", "D004"]


async def test_who_is_called_is_told_so_at_each_call_again(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    async with hearing(TicketCalled) as heard:
        with hall.at(9):
            first, clerk = await hall.walk_in(), await hall.clerk_at(1)
            await hall.walk_in()
            await call_next(clerk)
            await recall(clerk, first.id)
            with pytest.raises(Refusal):
                await call_next(clerk)
            await pass_ticket(clerk, first.id)
            with pytest.raises(Refusal):
                await recall(clerk, first.id)
            await call_next(clerk)
        assert await told(heard) == ["D001", "D001", "D002"]
    await hall.close()


async def test_with_three_ahead_one_is_told_once_whether_those_before_are_called_or_leave(portal: Portal) -> None:
    """Who takes a number with so few ahead sees that then and is told nothing."""
    hall, resident = Hall.on_a_day_of_its_own(), await make_resident()
    async with hearing(TicketNear) as heard:
        with hall.at(9):
            mine, clerk = await hall.walk_in(resident), await hall.clerk_at(1)
            others = [await hall.walk_in() for _ in range(7)]
            seen = [await told(heard)]
            await leave(resident, mine.id)
            seen.append(await told(heard))
            await call_next(clerk)
            seen.append(await told(heard))
            await pass_ticket(clerk, others[0].id)
            await abandon_ticket(clerk, others[1].id)
            seen.append(await told(heard))
            await call_next(clerk)
            seen.append(await told(heard))
    near = ["D005", "D006", "D007", "D008"]
    assert seen == [[], near[:1], near[:2], near[:3], near]
    await hall.close()


@pytest.mark.parametrize("fact", [TicketPassed, TicketMoved])
async def test_who_is_passed_or_sent_elsewhere_is_told_so(portal: Portal, fact: type[Fact]) -> None:
    hall = Hall.on_a_day_of_its_own()
    async with hearing(fact) as heard:
        with hall.at(9):
            ticket, clerk, _ = await hall.walk_in(), await hall.clerk_at(1, "D"), await hall.clerk_at(2, "E")
            await call_next(clerk)
            if fact is TicketPassed:
                await pass_ticket(clerk, ticket.id)
            else:
                await transfer(clerk, ticket.id, "E")
            for _ in range(2):
                with pytest.raises(Refusal):
                    await (pass_ticket(clerk, ticket.id) if fact is TicketPassed else transfer(clerk, ticket.id, "E"))
        assert await told(heard) == [{TicketPassed: "D001", TicketMoved: "E001"}[fact]]
    await hall.close()


async def test_who_was_sent_to_another_business_is_told_again_when_they_come_near_there(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    passports = Hall(hall.day, hall.place, "E")
    with hall.at(8):
        before = [await passports.walk_in() for _ in range(5)]
    with hall.at(9):
        sent, clerk, other = await hall.walk_in(), await hall.clerk_at(1, "D"), await hall.clerk_at(2, "E")
        await call_next(clerk)
        async with hearing(TicketNear) as heard:
            moved = await transfer(clerk, sent.id, "E")
            seen = [await told(heard)]
            for ticket in before[:2]:
                await call_next(other)
                await pass_ticket(other, ticket.id)
                seen.append(await told(heard))
    assert (moved.code, seen) == ("E006", [[], ["E005"], ["E005", "E006"]])
    await hall.close()
