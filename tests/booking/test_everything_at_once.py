"""Everybody who locks slots, at the same time: nobody waits for each other for ever, and the counters stay true."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

from app.booking import commands, holds, outcomes
from app.booking.halls.closing import close_session
from app.booking.halls.exceptions import set_exception
from app.booking.halls.rehousing import see_to_everybody, unfinished_closures
from app.booking.line import joining as waiting_list
from app.booking.line.offers import offer_places, slots_pending
from app.booking.models import Booking, SessionClosure, Slot, WaitingEntry
from app.booking.personal_data import Holdings
from app.booking.rules import LINE_STATES, LIVE_STATES, BookingState, WaitingState
from app.booking.visits import VisitItem
from app.identity.models import Resident
from app.identity.queries import locked_resident
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.clock import at_local
from app.kernel.errors import Refusal
from tests.booking.places import make_slot, places_taken, set_rules
from tests.cases.filing import CARD, PERMIT, file_case
from tests.identity.accounts import make_resident, make_staff
from tests.people import new_key
from tests.portal import Portal

PLACE = "bayin-hall"
SECONDS = 6.0
AHEAD = 3000
"""Days: of nobody else."""


class Bustle:
    """A day of two businesses at one hall, with residents, a manager and a worker who all act at random."""

    def __init__(self, slots: dict[str, list[Slot]], manager: Actor) -> None:
        self.slots, self.manager = slots, manager
        self.day: date = slots["D"][0].day
        self.residents: list[Actor] = []
        self.patient: list[Actor] = []
        """Who only waits for what others give back."""

        self.faults: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.chance = random.Random(7)  # noqa: S311 - a repeatable crowd

    async def keep_on(self, act: Callable[[], Awaitable[object]], until: float) -> None:
        while time.monotonic() < until:
            try:
                await act()
                self.done[act.__name__] += 1
            except Refusal:
                await asyncio.sleep(0)
            except Exception as fault:  # noqa: BLE001 - what is looked for
                self.faults[f"{act.__name__}: {type(fault).__name__}: {fault}"[:200]] += 1

    def anybody(self) -> Actor:
        return self.chance.choice(self.residents)

    def any_slot(self, business: str) -> Slot:
        return self.chance.choice(self.slots[business])

    async def _any_booking(self, *states: BookingState) -> tuple[Actor, Booking] | None:
        who = self.anybody()
        found = await Booking.filter(resident_id=who.id, state__in=states)
        return (who, self.chance.choice(found)) if found else None

    async def book(self) -> None:
        business, item = self.chance.choice((("D", CARD), ("D", PERMIT), ("B", "sscard-apply")))
        slot, wanted = self.any_slot(business), [VisitItem(item)]
        act = self.chance.choice((commands.book, commands.book_alone, holds.hold))
        await act(self.anybody(), slot.id, wanted, idempotency_key=new_key())

    async def book_two(self) -> None:
        wanted = [VisitItem(CARD), VisitItem(PERMIT)]
        await commands.book(self.anybody(), self.any_slot("D").id, wanted, party=2, idempotency_key=new_key())

    async def move(self) -> None:
        if found := await self._any_booking(BookingState.BOOKED):
            business = "B" if found[1].item_key == "sscard-apply" else "D"
            await commands.move(found[0], found[1].id, self.any_slot(business).id, idempotency_key=new_key())

    async def cancel(self) -> None:
        if found := await self._any_booking(BookingState.BOOKED, BookingState.HELD):
            await self.chance.choice((commands.cancel, holds.confirm))(found[0], found[1].id)

    async def wait(self) -> None:
        """Somebody stands in line who came when all was full: here it is so for moments only."""
        who = self.chance.choice(self.patient)
        async with db.transaction():
            await locked_resident(who.own_id())
            if not await WaitingEntry.filter(resident_id=who.id, state__in=LINE_STATES).exists():
                await WaitingEntry.create(
                    resident_id=who.id, category="D", item_key=CARD, items=[VisitItem(CARD).as_json()], party=1,
                    service_points=[PLACE], days_from=self.day, days_until=self.day, state=WaitingState.WAITING,
                    joined_at=clock.now(),
                )  # fmt: skip
        await asyncio.sleep(0.05)

    async def answer(self) -> None:
        """An offer is taken or let pass, or its holder leaves the line."""
        who = self.chance.choice(self.patient)
        held = await Booking.filter(resident_id=who.id, state=BookingState.HELD).exclude(offered_to_id=None).first()
        if held is not None and held.offered_to_id is not None:
            act = self.chance.choice((waiting_list.accept, waiting_list.pass_on, waiting_list.leave))
            await act(who, held.offered_to_id if act is waiting_list.leave else held.id)
            self.done["answered"] += 1

    async def close(self) -> None:
        start = self.any_slot("D").starts_at
        await asyncio.sleep(0.4)
        await close_session(self.manager, PLACE, "", start, start + timedelta(minutes=1), "停电")

    async def reopen(self) -> None:
        """A closed slot is opened again, as laying out anew does."""
        await asyncio.sleep(0.3)
        ids = sorted(slot.id for slots in self.slots.values() for slot in slots)
        async with db.transaction():
            await db.rows("SELECT id FROM slot WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", ids)
            await SessionClosure.filter(service_point_id=PLACE).exclude(finished_at=None).delete()
            await Slot.filter(id__in=ids).update(closed_at=None)

    async def except_the_day(self) -> None:
        """Never what was previewed: everything is locked and compared, and nothing comes of it."""
        await set_exception(self.manager, PLACE, self.day, "", [], "停电", "another")

    async def work(self) -> None:
        for closure_id in await unfinished_closures(5):
            await see_to_everybody(closure_id)
        for slot_id in await slots_pending(5):
            await offer_places(slot_id)

    async def expire(self) -> None:
        who = self.chance.choice([*self.residents, *self.patient])
        held = await Booking.filter(resident_id=who.id, state=BookingState.HELD).first()
        if held is not None:
            with clock.standing_at((held.held_until or clock.now()) + timedelta(seconds=1)):
                await holds.expire(held.id)

    async def merge(self) -> None:
        """Two accounts of one person; the other one goes on as a new one."""
        absorbed, survivor = self.chance.sample([*self.residents, *self.patient], 2)
        async with db.transaction():
            for one in sorted([absorbed.own_id(), survivor.own_id()]):
                await Resident.select_for_update().get(id=one)
            await Holdings().move(absorbed.own_id(), survivor.own_id())

    async def release(self) -> None:
        who, slot = self.anybody(), self.any_slot("D")
        case = await file_case(who)
        await commands.book(who, slot.id, [VisitItem(CARD, case.id)], idempotency_key=new_key())
        await outcomes.release_places_of(case.id)


async def test_everybody_at_once_neither_deadlocks_nor_miscounts(portal: Portal) -> None:
    for business in ("B", "D"):
        await set_rules(PLACE, business, live_most=20, min_level=1)
    day = clock.today() + timedelta(days=AHEAD)
    slots: dict[str, list[Slot]] = {"D": [], "B": []}
    for number in range(6):  # in turn, so that neither business comes before the other in the order of ids
        start = at_local(day, 9) + timedelta(minutes=30 * number)
        for business in ("D", "B"):
            slots[business].append(await make_slot(1 + number % 2, starts_at=start, place=PLACE, business=business))
    bustle = Bustle(slots, await make_staff(Role.DEPARTMENT_MANAGER))
    bustle.residents = [await make_resident() for _ in range(14)]
    bustle.patient = [await make_resident() for _ in range(6)]
    acts = (
        *(bustle.book,) * 4, bustle.book_two, *(bustle.move,) * 3, bustle.cancel, bustle.wait, bustle.answer,
        bustle.close, bustle.reopen, bustle.except_the_day, bustle.work, bustle.expire, bustle.merge, bustle.release,
    )  # fmt: skip
    try:
        until = time.monotonic() + SECONDS
        await asyncio.gather(*(bustle.keep_on(act, until) for act in acts))
        assert not bustle.faults
        for slot in [*slots["D"], *slots["B"]]:
            counted, kept = await places_taken(slot)
            assert counted == kept
            assert 0 <= slot.reserved <= slot.taken <= slot.capacity
            assert slot.phone_taken == slot.taken
    finally:
        await SessionClosure.filter(service_point_id=PLACE).delete()
        people = [one.id for one in [*bustle.residents, *bustle.patient]]
        await WaitingEntry.filter(resident_id__in=people).delete()
        await Booking.filter(resident_id__in=people, state__in=LIVE_STATES).update(state=BookingState.EXPIRED)
        await Slot.filter(id__in=[slot.id for row in slots.values() for slot in row]).update(closed_at=clock.now())
        for business in ("B", "D"):
            await set_rules(PLACE, business)
