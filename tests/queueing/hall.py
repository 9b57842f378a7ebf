"""A hall on a day of its own: its queue, its numbers and its windows are nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count

from app.booking.commands import book
from app.booking.models import Booking, OpeningException, Slot
from app.identity.models import DeviceKind
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.clock import at_local
from app.queueing.models import Pause, Shift, Ticket, Window
from app.queueing.rules import AT_WINDOW, TicketState
from app.queueing.walk_ins import Person, Wanted, take_at_kiosk, take_by_phone
from app.queueing.windows import open_window
from tests.booking.places import make_slot, visit
from tests.cases.filing import CARD
from tests.identity.accounts import make_resident, make_staff
from tests.people import new_key
from tests.queueing.arrivals import check_in, inside

_days = count(1)


@asynccontextmanager
async def open_all_day(place: str) -> AsyncIterator[None]:
    """Let a hall be open today at whatever hour the test runs, for what is asked over HTTP."""
    opened = await OpeningException.create(
        service_point_id=place, day=clock.today(), periods=[{"open": "00:00", "close": "23:59"}], reason="测试",
        set_at=clock.now(),
    )  # fmt: skip
    try:
        yield
    finally:
        await opened.delete()


@dataclass(frozen=True)
class Visitor:
    """A resident with a booking."""

    actor: Actor
    booking: Booking


@dataclass(frozen=True)
class Hall:
    """One day of a service point; `at` lets the test stand there."""

    day: date
    place: str = "city-hall"
    business: str = "D"

    @classmethod
    def on_a_day_of_its_own(cls, place: str = "city-hall", business: str = "D") -> Hall:
        """A working day."""
        day = date(2031, 1, 1) + timedelta(days=next(_days))
        return cls(day, place, business) if day.isoweekday() <= 5 else cls.on_a_day_of_its_own(place, business)

    def time(self, hour: int, minute: int = 0) -> datetime:
        return at_local(self.day, hour, minute)

    @contextmanager
    def at(self, hour: int, minute: int = 0) -> Iterator[datetime]:
        moment = self.time(hour, minute)
        with clock.standing_at(moment):
            yield moment

    async def slot(self, hour: int, minute: int = 0, *, capacity: int = 50) -> Slot:
        return await make_slot(capacity, starts_at=self.time(hour, minute), place=self.place, business=self.business)

    async def visitor(self, slot: Slot, item: str = CARD) -> Visitor:
        """Somebody who booked at midnight."""
        actor = await make_resident()
        with self.at(0):
            return Visitor(actor, await book(actor, slot.id, visit(item), idempotency_key=new_key()))

    async def ticket(self, slot: Slot) -> Ticket:
        """A new visitor who checks in now."""
        visitor = await self.visitor(slot)
        return await check_in(visitor.actor, visitor.booking.id)

    async def clerk_at(self, number: int, *businesses: str) -> Actor:
        """Somebody who sits down at a window."""
        clerk = await make_staff(Role.WINDOW_ACCEPTOR)
        await open_window(clerk, self.place, number, businesses)
        return clerk

    async def close(self) -> None:
        """Everybody goes home, so that the next day finds the windows free."""
        at_windows = Ticket.filter(service_point_id=self.place, state__in=AT_WINDOW)
        await at_windows.update(state=TicketState.DONE)
        here = Window.filter(service_point_id=self.place)
        await Pause.filter(shift__window__service_point_id=self.place, ended_at=None).update(ended_at=clock.now())
        await Shift.filter(window__service_point_id=self.place, ended_at=None).update(ended_at=clock.now())
        await here.update(staff_id=None, opened_at=None, skills={}, paused_at=None)

    async def walk_in(self, actor: Actor | None = None, *, green: bool = False) -> Ticket:
        """Somebody without a booking: at the kiosk without a name, or a resident with their phone."""
        if actor is not None:
            wanted = Wanted(self.business, new_key())
            return (await take_by_phone(actor, self.place, wanted, await inside(self.place))).ticket
        taken = await take_at_kiosk(self.kiosk(), Wanted(self.business, new_key(), green), Person())
        return taken.ticket

    def kiosk(self) -> Actor:
        return Actor(ActorKind.DEVICE, db.new_id(), roles=frozenset({DeviceKind.KIOSK}), place=self.place)
