"""A hall with days nobody else waits for, and people who do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count
from typing import Any

from app.booking import commands
from app.booking.line import entries as line
from app.booking.line import joining as waiting_list
from app.booking.line import offers
from app.booking.line.rules import Wish
from app.booking.models import Booking, Slot, WaitingEntry
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.clock import at_local
from tests.booking.places import make_slot, places_taken, visit
from tests.cases.filing import CARD
from tests.identity.accounts import make_resident
from tests.people import new_key

PLACE = "bayin-hall"
DAYS_MOST = 90
_days = count(9)

FORGET_THE_OFFERING = """
    DELETE FROM procrastinate_jobs WHERE task_name = 'booking.offer_freed_places<PlacesReserved' AND status = 'todo'
"""


def a_day() -> date:
    """Of one's own; slots are laid out for eight days only, and one may wait for ninety."""
    ahead = next(_days)
    assert ahead < DAYS_MOST, "no day is left that nobody had; who does not need one of their own takes `any_day`"
    return clock.today() + timedelta(days=ahead)


def any_day() -> date:
    """Shared by all who only want to be in line."""
    return clock.today() + timedelta(days=DAYS_MOST)


async def slot_on(day: date, hour: int = 9, minute: int = 0, capacity: int = 1, place: str = PLACE) -> Slot:
    return await make_slot(capacity, starts_at=at_local(day, hour, minute), place=place)


async def book(resident: Actor, slot: Slot, *items: str, party: int = 1) -> Booking:
    wanted = [one for item in items or (CARD,) for one in visit(item)]
    return await commands.book(resident, slot.id, wanted, party=party, idempotency_key=new_key())


async def fill(slot: Slot) -> list[tuple[Actor, Booking]]:
    """Somebody in each place that is left."""
    people = [await make_resident() for _ in range(slot.capacity - slot.taken)]
    return [(person, await book(person, slot)) for person in people]


def wish(day: date, *, party: int = 1, place: str = PLACE, **more: Any) -> Wish:
    terms = {"service_points": (place,), "near": None, "days_from": day, "days_until": day, **more}
    return Wish(party=party, **terms)


async def join(resident: Actor, wanted: Wish, items: Sequence[str] = (CARD,)) -> WaitingEntry:
    asked = [one for item in items for one in visit(item)]
    return await waiting_list.join(resident, asked, wanted, idempotency_key=new_key())


async def wait(day: date, **more: Any) -> tuple[Actor, WaitingEntry]:
    """Somebody new at the end of the line."""
    resident = await make_resident()
    return resident, await join(resident, wish(day, **more))


async def give_back(held: tuple[Actor, Booking]) -> None:
    """Cancel, and leave the offering to the test."""
    await commands.cancel(held[0], held[1].id)
    await db.rows(FORGET_THE_OFFERING)


async def offered(entry: WaitingEntry) -> Booking | None:
    """The place that is held for an entry."""
    [booking] = await line.live_offers([entry.id])
    return booking


async def certainly_offered(entry: WaitingEntry) -> Booking:
    booking = await offered(entry)
    assert booking is not None
    return booking


async def offer(slot: Slot) -> int:
    return await offers.offer_places(slot.id)


async def state_of(entry: WaitingEntry) -> tuple[str, int]:
    """Its state, and how many offers were let pass."""
    await entry.refresh_from_db()
    return entry.state.value, entry.offers


async def counted(slot: Slot) -> tuple[int, int]:
    """Places of bookings and places set aside; fails when the slot's counter says anything else."""
    of_bookings, kept = await places_taken(slot)
    assert of_bookings == kept
    assert 0 <= slot.taken <= slot.capacity
    assert 0 <= slot.phone_taken <= slot.phone_capacity
    return kept, slot.reserved
