"""The rules of the order in the hall itself: windows, rows and counters beside the slow reference."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from app.booking.policy import Policy
from app.kernel.actor import Actor
from app.queueing.commands import call_next, pass_ticket
from app.queueing.models import Ticket
from app.queueing.order import Streak, Waiting
from app.queueing.queries import desk_of, people_ahead
from tests.booking.places import set_rules
from tests.portal import Portal
from tests.queueing.hall import Hall
from tests.queueing.slow_order import slow_next
from tests.queueing.visits import put_number

PLACE, BUSINESS = "bayin-hall", "C"
RULES = Policy(booked_in_a_row=1, walk_in_patience_minutes=5, rejoin_behind=2)


async def put_people(hall: Hall, chance: Random) -> list[Waiting]:
    """Twenty who came within an hour: booked, without a booking, of the green channel, some of them passed before."""
    people = []
    for _ in range(20):
        came = hall.time(9) + timedelta(seconds=chance.randrange(3600))
        kind = chance.choice(["booked", "booked", "walk-in", "walk-in", "green"])
        slot = hall.time(9, chance.choice([0, 30, 59])) if kind == "booked" else None
        behind = chance.choice([None, None, None, 3, 6])
        green = kind == "green"
        row = await put_number(hall.place, BUSINESS, came, slot_starts_at=slot, green=green, behind_call=behind)
        people.append(Waiting(row.id, came, slot, green, behind))
    return people


async def call(clerk: Actor) -> UUID:
    ticket = await call_next(clerk)
    await pass_ticket(clerk, ticket.id)
    return ticket.id


@pytest.mark.parametrize("seed", range(4))
async def test_windows_call_whom_the_slow_reference_would_and_everybody_is_told_how_many_are_before_them(
    portal: Portal, seed: int
) -> None:
    """By the rules of the business, however many were called before; one counter for all of the day."""
    hall = Hall.on_a_day_of_its_own(PLACE, BUSINESS)
    await set_rules(PLACE, BUSINESS, **RULES.model_dump(mode="json", exclude_unset=True))
    people = await put_people(hall, Random(seed))  # noqa: S311 - a morning, not a secret
    with hall.at(9):
        clerk = await hall.clerk_at(1, BUSINESS)
    streak, called, expected = Streak(), [], []
    for minute in range(20):
        with hall.at(10, minute) as now:
            order, left, ahead = [], list(people), streak
            while (one := slow_next(left, ahead, now, RULES)) is not None:
                order.append(one)
                left.remove(one)
                ahead = ahead.after(one)
            codes = {ticket.id: ticket.code for ticket in await Ticket.filter(day=hall.day)}
            assert await people_ahead([one.id for one in order]) == list(range(len(order)))
            assert list((await desk_of(clerk)).upcoming) == [codes[one.id] for one in order[:5]]
            called.append(await call(clerk))
        expected.append(order[0].id)
        people.remove(order[0])
        streak = streak.after(order[0])
    assert called == expected
    await hall.close()
    await set_rules(PLACE, BUSINESS)


async def test_a_walk_in_in_a_hall_full_of_booked_people_is_called_third(portal: Portal) -> None:
    """By the rules every business begins with: two booked in a row once somebody has waited for twenty minutes."""
    hall = Hall.on_a_day_of_its_own()
    slot = await hall.slot(9)
    with hall.at(9):
        walk_in = await hall.walk_in()
        booked = [await hall.ticket(slot) for _ in range(5)]
        clerk = await hall.clerk_at(1)
    with hall.at(9, 21):
        called = [await call(clerk) for _ in range(4)]
    assert called == [booked[0].id, booked[1].id, walk_in.id, booked[2].id]
    await hall.close()
