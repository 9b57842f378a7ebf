"""Residents who book where a deposit is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.booking import commands as booking
from app.booking.models import Booking, Slot
from app.booking.rules import BookingState
from app.identity.models import ChannelBinding
from app.kernel import clock
from app.kernel.actor import Actor
from app.payments.commands import Payable, pay
from app.payments.deposits import ask_for_deposit, end_unpaid
from app.payments.models import Bill
from integrations.sandbox.control import Phone
from tests.booking.places import make_slot, visit
from tests.cases.filing import CARD
from tests.identity.accounts import make_resident
from tests.people import new_key
from tests.portal import Portal

PLACE, DEPOSIT_FEN = "qinghe-hall", 3_000


@dataclass(frozen=True)
class Guest:
    """A resident with a phone who books where a deposit is asked for."""

    actor: Actor
    person: Phone
    portal: Portal

    async def books(self, slot: Slot) -> Booking:
        made = await booking.book(self.actor, slot.id, visit(CARD), idempotency_key=new_key())
        await ask_for_deposit(made.id)
        return made

    async def opens(self, made: Booking) -> Payable:
        bill = await Bill.get(booking_id=made.id)
        return await pay(self.actor, bill.id, "wechat", idempotency_key=new_key())

    async def pays(self, made: Booking) -> Payable:
        payable = await self.opens(made)
        assert await self.portal.control.pay(self.person.openid, payable.client_parameters) == "requestPayment:ok"
        return payable

    async def has_paid(self, made: Booking) -> None:
        """All the way: the order is asked about, the booking is sure."""
        payable = await self.pays(made)
        with clock.standing_at(clock.now() + timedelta(minutes=2)):
            await end_unpaid(payable.bill.id)
        await made.refresh_from_db()
        assert made.state is BookingState.BOOKED


async def make_guest(portal: Portal) -> Guest:
    actor, person = await make_resident(), await portal.control.make_phone()
    bound = ChannelBinding.filter(channel="wechat")
    first = await bound.first()
    app_id = first.app_id if first else "wx"
    await ChannelBinding.create(
        resident_id=actor.id, channel="wechat", app_id=app_id, open_id=person.openid, bound_at=clock.now()
    )
    return Guest(actor, person, portal)


async def ours(made: Booking) -> Bill:
    return await Bill.get(booking_id=made.id)


async def a_slot(capacity: int = 1) -> Slot:
    return await make_slot(capacity, place=PLACE)
