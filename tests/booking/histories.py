"""A morning at a counter with a few residents, a manager and a worker, in which anything may happen in any order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from app.booking import commands, holds, outcomes
from app.booking.halls.closing import close_session
from app.booking.halls.rehousing import see_to_everybody, unfinished_closures
from app.booking.line import joining as waiting_list
from app.booking.line.offers import offer_places, slots_pending
from app.booking.line.rules import Wish
from app.booking.models import Booking, BookingItem, Slot, WaitingEntry
from app.booking.queries import locked_booking, overdue_bookings
from app.booking.rules import BookingState, WaitingState
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.clock import at_local
from app.kernel.errors import Refusal
from tests.booking.places import make_slot, places_taken, visit
from tests.cases.filing import CARD, PERMIT
from tests.identity.accounts import make_resident, make_staff
from tests.people import new_key

PLACE, BUSINESS = "city-hall", "D"
ITEMS = (CARD, PERMIT)
_TEN_MINUTES = timedelta(minutes=10)
_days = count(1)


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

    slots: list[Slot]
    residents: list[Actor]
    manager: Actor
    now: datetime
    closed: set[int] = field(default_factory=set)
    refusals: int = 0

    @classmethod
    async def begin(cls, *, full: bool, waiting: int = 0) -> Morning:
        """Either all places are free, or each resident has one of the four and some wait for another."""
        day = (at_local(clock.today(), 0) + timedelta(days=5000 + 20 * next(_days))).date()
        slots = [
            await make_slot(capacity, starts_at=at_local(day, hour, minute), place=PLACE, business=BUSINESS)
            for hour, minute, capacity in ((9, 0, 1), (9, 30, 2), (10, 0, 1))
        ]
        residents = [await make_resident() for _ in range(4)]
        morning = cls(slots, residents, await make_staff(Role.DEPARTMENT_MANAGER), at_local(day, 6, 30))
        for who, which in enumerate((0, 1, 1, 2)) if full else ():
            await morning.play(Step("book", who, which, 1, 0))
        for who in range(waiting):
            await morning.play(Step("join the line", who, 0, 1, 1))
        return morning

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

    async def _of(self, step: Step, *states: BookingState) -> Booking | None:
        """A booking of the resident's in one of some states, the newest or the one before."""
        mine = Booking.filter(resident_id=self.residents[step.who].id, state__in=states).order_by("-booked_at", "-id")
        found = await mine.limit(2)
        return found[step.item % len(found)] if found else None

    async def _confirm(self, step: Step) -> None:
        if held := await self._of(step, BookingState.HELD):
            await holds.confirm(self.residents[step.who], held.id)

    async def _cancel(self, step: Step) -> None:
        if live := await self._of(step, BookingState.HELD, BookingState.BOOKED):
            await commands.cancel(self.residents[step.who], live.id)

    async def _move(self, step: Step) -> None:
        if booked := await self._of(step, BookingState.BOOKED):
            slot = self.slots[step.which]
            await commands.move(self.residents[step.who], booked.id, slot.id, idempotency_key=new_key())

    async def _come(self, step: Step) -> None:
        if booked := await self._of(step, BookingState.BOOKED):
            async with db.transaction():
                await outcomes.record_check_in(await locked_booking(booked.id))

    async def _serve(self, step: Step) -> None:
        if there := await self._of(step, BookingState.CHECKED_IN):
            async with db.transaction():
                await outcomes.record_served(await locked_booking(there.id))

    async def _wait(self, step: Step) -> None:
        day = self.slots[0].day
        wish = Wish(step.party, (PLACE,), None, day, day)
        await waiting_list.join(self.residents[step.who], visit(ITEMS[step.item]), wish, idempotency_key=new_key())

    async def _leave(self, step: Step) -> None:
        entry = await WaitingEntry.filter(resident_id=self.residents[step.who].id).order_by("-id").first()
        if entry is not None:
            await waiting_list.leave(self.residents[step.who], entry.id)

    async def _accept(self, step: Step) -> None:
        if held := await self._of(step, BookingState.HELD):
            await waiting_list.accept(self.residents[step.who], held.id)

    async def _pass(self, step: Step) -> None:
        if held := await self._of(step, BookingState.HELD):
            await waiting_list.pass_on(self.residents[step.who], held.id)

    async def _close(self, step: Step) -> None:
        slot = self.slots[step.which]
        await close_session(self.manager, PLACE, BUSINESS, slot.starts_at, slot.ends_at, "停电")
        self.closed.add(step.which)

    async def _work(self, _step: Step) -> None:
        """Whatever the worker may do now: run-out holds, missed visits, closed sessions, freed places."""
        for booking_id in await holds.overdue_holds(100):
            await holds.expire(booking_id)
        mine = [one.id for one in await Booking.filter(resident_id__in=[one.id for one in self.residents])]
        for booking_id in set(mine).intersection(await overdue_bookings(100_000)):  # others' tests have theirs
            await outcomes.mark_missed(booking_id)
        for closure_id in await unfinished_closures(100):
            await see_to_everybody(closure_id)
        for slot_id in await slots_pending(100):
            await offer_places(slot_id)

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
        """What must be true at every moment, whatever happened."""
        for number, slot in enumerate(self.slots):
            taken, places = await places_taken(slot)
            assert taken == places, f"slot {number}: {taken} counted, {places} booked"
            assert 0 <= slot.reserved <= slot.taken <= slot.capacity
            assert slot.phone_taken == slot.taken
            assert (slot.closed_at is not None) == (number in self.closed)
        bookings = await Booking.filter(resident_id__in=[one.id for one in self.residents]).prefetch_related("slot")
        for booking in bookings:
            self._check_booking(booking)
        items = await BookingItem.filter(booking_id__in=[one.id for one in bookings], live=True)
        held = [(item.resident_id, item.item_key, item.day) for item in items]
        assert len(held) == len(set(held)), "somebody holds two live bookings of one item and day"

    def _check_booking(self, booking: Booking) -> None:
        assert (booking.held_until is not None) == (booking.state is BookingState.HELD)
        if booking.state is BookingState.NO_SHOW:
            assert booking.until + _TEN_MINUTES < self.now, "missed before the grace was over"
        if booking.late:
            assert booking.state is BookingState.CANCELLED, "only a resident cancels late"

    async def end(self) -> None:
        """Everybody has gone home and the worker has caught up: nothing may be left hanging."""
        self.now = self.slots[-1].ends_at + timedelta(days=8)
        for _ in range(3):
            await self.play(Step("the worker works", 0, 0, 1, 0))
        mine = Booking.filter(resident_id__in=[one.id for one in self.residents])
        assert not await mine.filter(state__in=[BookingState.HELD, BookingState.BOOKED]).exists()
        assert all(slot.reserved == 0 for slot in self.slots)
        entries = WaitingEntry.filter(resident_id__in=[one.id for one in self.residents])
        assert not await entries.filter(state=WaitingState.OFFERED).exists()
        await entries.delete()
        # What facts caused is done already; nobody needs to hear of it again.
        await db.rows("DELETE FROM procrastinate_jobs WHERE status = 'todo'")
