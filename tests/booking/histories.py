"""A morning at a counter with a few residents, a manager and a worker, in which anything may happen in any order.

What is asked for the test alone is asked over a connection of its own, in one statement where it can be: nearly all
the time of a morning is the way to the database and back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]

from app.booking import commands, holds, outcomes
from app.booking.halls.closing import close_session
from app.booking.halls.rehousing import see_to_everybody, unfinished_closures
from app.booking.line import joining as waiting_list
from app.booking.line.offers import offer_places, slots_pending
from app.booking.line.rules import Wish
from app.booking.models import Slot
from app.booking.queries import locked_booking, overdue_bookings
from app.booking.rules import KEEPS_THE_PLACE, BookingState
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.clock import at_local
from app.kernel.errors import Refusal
from tests.booking.places import make_slot, visit
from tests.cases.filing import CARD, PERMIT
from tests.identity.accounts import make_resident, make_staff
from tests.people import new_key

PLACE, BUSINESS = "city-hall", "D"
ITEMS = (CARD, PERMIT)
_TEN_MINUTES = timedelta(minutes=10)
_days = count(1)

# What must be true at every moment, whatever happened: one row for each thing that is not.
_FAULTS = """
    WITH slots AS (SELECT * FROM slot WHERE id = ANY($1::uuid[])),
    bookings AS (SELECT * FROM booking WHERE resident_id = ANY($2::uuid[]) OR slot_id = ANY($1::uuid[]))
    SELECT 'counts other places than are booked' AS fault, to_jsonb(s)::text AS found FROM slots s
    WHERE s.taken - s.reserved <>
        (SELECT coalesce(sum(b.party), 0) FROM bookings b WHERE s.id = ANY(b.slots) AND b.state = ANY($3::text[]))
    UNION ALL SELECT 'counts beyond its bounds', to_jsonb(s)::text FROM slots s
    WHERE NOT (0 <= reserved AND reserved <= taken AND taken <= capacity AND phone_taken = taken)
    UNION ALL SELECT 'is open or closed though the manager said otherwise', to_jsonb(s)::text FROM slots s
    WHERE (closed_at IS NOT NULL) <> (id = ANY($4::uuid[]))
    UNION ALL SELECT 'is held for ever, or ends though it is not held', to_jsonb(b)::text FROM bookings b
    WHERE (held_until IS NOT NULL) <> (state = 'HELD')
    UNION ALL SELECT 'was missed before the grace was over', to_jsonb(b)::text FROM bookings b
    WHERE state = 'NO_SHOW' AND until + interval '10 minutes' >= $5
    UNION ALL SELECT 'is late though only a resident cancels late', to_jsonb(b)::text FROM bookings b
    WHERE late AND state <> 'CANCELLED'
    UNION ALL SELECT 'somebody holds two live bookings of one item and day', jsonb_agg(i)::text
    FROM booking_item i JOIN bookings b ON b.id = i.booking_id WHERE i.live
    GROUP BY i.resident_id, i.item_key, i.day HAVING count(*) > 1
"""
# What nobody may find in the evening.
_LEFT_HANGING = """
    SELECT 'booking' AS what, state::text AS found FROM booking
    WHERE resident_id = ANY($2::uuid[]) AND state IN ('HELD', 'BOOKED')
    UNION ALL SELECT 'set aside', reserved::text FROM slot WHERE id = ANY($1::uuid[]) AND reserved <> 0
    UNION ALL SELECT 'offered', offers::text FROM waiting_entry
    WHERE resident_id = ANY($2::uuid[]) AND state = 'OFFERED'
"""
_ANY_HELD = "SELECT EXISTS (SELECT FROM booking WHERE resident_id = ANY($1::uuid[]) AND state = 'HELD')"
_ANY_SET_ASIDE = "SELECT EXISTS (SELECT FROM slot WHERE id = ANY($1::uuid[]) AND reserved <> 0)"
_MINE = """
    SELECT id FROM booking WHERE resident_id = $1 AND state = ANY($2::text[]) ORDER BY booked_at DESC, id DESC LIMIT 2
"""
_AMONG = "SELECT id FROM booking WHERE id = ANY($1::uuid[]) AND resident_id = ANY($2::uuid[]) ORDER BY id"
_IN_LINE = "SELECT id FROM waiting_entry WHERE resident_id = $1 ORDER BY id DESC LIMIT 1"


@dataclass(frozen=True)
class Step:
    """One thing somebody does: who, in which slot, with how many people, for which item."""

    act: str
    who: int
    which: int
    party: int
    item: int
    then_work: bool = False
    """Whether the worker gets to work before the next step."""


@dataclass
class Morning:
    """Three slots of few places and four residents, on a day far from everybody else's."""

    onlooker: asyncpg.Connection[Any]
    slots: list[Slot]
    residents: list[Actor]
    manager: Actor
    now: datetime
    closed: set[UUID] = field(default_factory=set)
    refusals: int = 0

    @classmethod
    async def begin(cls, onlooker: asyncpg.Connection[Any], at: time, *, full: bool, waiting: int = 0) -> Morning:
        """Either all places are free, or each resident has one of the four and some wait for another."""
        day = (at_local(clock.today(), 0) + timedelta(days=5000 + 20 * next(_days))).date()
        async with db.transaction():
            slots = [
                await make_slot(capacity, starts_at=at_local(day, hour, minute), place=PLACE, business=BUSINESS)
                for hour, minute, capacity in ((9, 0, 1), (9, 30, 2), (10, 0, 1))
            ]
            residents = [await make_resident() for _ in range(4)]
            manager = await make_staff(Role.DEPARTMENT_MANAGER)
        morning = cls(onlooker, slots, residents, manager, at_local(day, at.hour, at.minute))
        for who, which in enumerate((0, 1, 1, 2)) if full else ():
            await morning.play(Step("book", who, which, 1, 0))
        for who in range(waiting):
            await morning.play(Step("join the line", who, 0, 1, 1))
        return morning

    @property
    def _slot_ids(self) -> list[UUID]:
        return [slot.id for slot in self.slots]

    @property
    def _resident_ids(self) -> list[UUID]:
        return [resident.resident_id() for resident in self.residents]

    async def play(self, step: Step) -> None:
        """Do it at this moment of the morning; a refusal is part of life, anything else is a fault."""
        with clock.standing_at(self.now):
            try:
                await self.acts[step.act](self, step)
            except Refusal:
                self.refusals += 1
            if step.then_work:
                await self._work(step)
        await self.check()

    async def _book(self, step: Step) -> None:
        slot = self.slots[step.which]
        await commands.book(
            self.residents[step.who], slot.id, visit(ITEMS[step.item]), party=step.party, idempotency_key=new_key()
        )

    async def _hold(self, step: Step) -> None:
        slot = self.slots[step.which]
        await holds.hold(
            self.residents[step.who], slot.id, visit(ITEMS[step.item]), party=step.party, idempotency_key=new_key()
        )

    async def _of(self, step: Step, *states: BookingState) -> UUID | None:
        """A booking of the resident's in one of some states, the newest or the one before."""
        found = await self.onlooker.fetch(_MINE, self.residents[step.who].id, states)
        return found[step.item % len(found)]["id"] if found else None

    async def _confirm(self, step: Step) -> None:
        if held := await self._of(step, BookingState.HELD):
            await holds.confirm(self.residents[step.who], held)

    async def _cancel(self, step: Step) -> None:
        if live := await self._of(step, BookingState.HELD, BookingState.BOOKED):
            await commands.cancel(self.residents[step.who], live)

    async def _move(self, step: Step) -> None:
        if booked := await self._of(step, BookingState.BOOKED):
            slot = self.slots[step.which]
            await commands.move(self.residents[step.who], booked, slot.id, idempotency_key=new_key())

    async def _come(self, step: Step) -> None:
        if booked := await self._of(step, BookingState.BOOKED):
            async with db.transaction():
                await outcomes.record_check_in(await locked_booking(booked))

    async def _serve(self, step: Step) -> None:
        if there := await self._of(step, BookingState.CHECKED_IN):
            async with db.transaction():
                await outcomes.record_served(await locked_booking(there))

    async def _wait(self, step: Step) -> None:
        day = self.slots[0].day
        wish = Wish(step.party, (PLACE,), None, day, day)
        await waiting_list.join(self.residents[step.who], visit(ITEMS[step.item]), wish, idempotency_key=new_key())

    async def _leave(self, step: Step) -> None:
        entry = await self.onlooker.fetchval(_IN_LINE, self.residents[step.who].id)
        if entry is not None:
            await waiting_list.leave(self.residents[step.who], entry)

    async def _accept(self, step: Step) -> None:
        if held := await self._of(step, BookingState.HELD):
            await waiting_list.accept(self.residents[step.who], held)

    async def _pass(self, step: Step) -> None:
        if held := await self._of(step, BookingState.HELD):
            await waiting_list.pass_on(self.residents[step.who], held)

    async def _close(self, step: Step) -> None:
        slot = self.slots[step.which]
        await close_session(self.manager, PLACE, BUSINESS, slot.starts_at, slot.ends_at, "停电")
        self.closed.add(slot.id)

    async def _work(self, _step: Step) -> None:
        """Whatever the worker may do now: run-out holds, missed visits, closed sessions, freed places.

        It is not asked about what is not there at all.
        """
        if await self.onlooker.fetchval(_ANY_HELD, self._resident_ids):
            for booking_id in await holds.overdue_holds(100):
                await holds.expire(booking_id)
        if self.now > self.slots[0].starts_at:
            for booking_id in await self._mine_of(await overdue_bookings(100_000)):
                await outcomes.mark_missed(booking_id)
        if self.closed:
            for closure_id in await unfinished_closures(100):
                await see_to_everybody(closure_id)
        if await self.onlooker.fetchval(_ANY_SET_ASIDE, self._slot_ids):
            for slot_id in await slots_pending(100):
                await offer_places(slot_id)

    async def _mine_of(self, bookings: list[UUID]) -> list[UUID]:
        """Those of this morning; others' tests have theirs."""
        if not bookings:
            return []
        found = await self.onlooker.fetch(_AMONG, bookings, self._resident_ids)
        return [row["id"] for row in found]

    async def _time(self, step: Step) -> None:
        self.now += _TEN_MINUTES * (1 + step.which * 2)

    acts: dict[str, Callable[[Morning, Step], Awaitable[None]]] = field(
        default_factory=lambda: {
            "book": Morning._book,
            "hold": Morning._hold,
            "confirm": Morning._confirm,
            "cancel": Morning._cancel,
            "move": Morning._move,
            "check in": Morning._come,
            "serve": Morning._serve,
            "join the line": Morning._wait,
            "leave the line": Morning._leave,
            "accept": Morning._accept,
            "pass on": Morning._pass,
            "close": Morning._close,
            "the worker works": Morning._work,
            "time passes": Morning._time,
        },
        repr=False,
    )

    async def check(self) -> None:
        """As somebody else sees it, who sees what is committed only."""
        faults = await self.onlooker.fetch(
            _FAULTS, self._slot_ids, self._resident_ids, sorted(KEEPS_THE_PLACE), list(self.closed), self.now
        )
        assert not faults, [f"{row['fault']}: {row['found']}" for row in faults]

    async def end(self) -> None:
        """Everybody has gone home and the worker has caught up: nothing may be left hanging."""
        self.now = self.slots[-1].ends_at + timedelta(days=8)
        for _ in range(3):
            await self.play(Step("the worker works", 0, 0, 1, 0))
        hanging = await self.onlooker.fetch(_LEFT_HANGING, self._slot_ids, self._resident_ids)
        assert not hanging, [f"{row['what']}: {row['found']}" for row in hanging]
        await self.onlooker.execute("DELETE FROM waiting_entry WHERE resident_id = ANY($1::uuid[])", self._resident_ids)
        # What facts caused is done already; nobody needs to hear of it again.
        await self.onlooker.execute("DELETE FROM procrastinate_jobs WHERE status = 'todo'")
