"""Without this module a payment would be money without a meaning: what a bill is for, and what paying it brings.

Locks are taken in the written order: what the bill is for (slot, booking, case) before the bill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from app.booking.holds import can_reinstate, free_hold, locked_with_slots, make_sure, reinstate
from app.booking.models import Booking
from app.booking.rules import BookingState
from app.cases.commands import record_payment
from app.cases.models import Case
from app.cases.queries import locked_case
from app.cases.rules import CaseState
from app.identity.models import Resident
from app.kernel.actor import Actor
from app.payments.models import Bill
from app.payments.queries import locked_bill
from app.payments.rules import BillKind


class Purpose(Protocol):
    """What one kind of bill is for. Everything happens in the caller's transaction."""

    async def lock(self, bill: Bill) -> Any:
        """Lock what the bill is for, before the bill itself is locked."""

    async def is_waiting(self, held: Any) -> bool:
        """Whether it still waits for the money, or can be taken up again in this transaction."""

    async def fulfil(self, actor: Actor, held: Any, bill: Bill) -> None:
        """The money is there, or none is needed."""

    async def give_up(self, held: Any, bill: Bill) -> None:
        """The bill expired or was cancelled: let go of what it held."""


class CaseFee:
    """A fee of a case: paid, its result can be made. Unpaid, the case waits on; staff may issue the bill again."""

    async def lock(self, bill: Bill) -> Case:
        assert bill.case_id is not None
        return await locked_case(bill.case_id)

    async def is_waiting(self, held: Case) -> bool:
        return held.state is CaseState.PAYMENT_PENDING

    async def fulfil(self, actor: Actor, held: Case, bill: Bill) -> None:  # noqa: ARG002 - the case is all it needs
        await record_payment(actor, held)

    async def give_up(self, held: Case, bill: Bill) -> None:
        """Nothing: a decided case does not end because of its fee."""


class NoticePayment:
    """A notice that stands alone: the debt is there until it is paid or cancelled, so late money is welcome."""

    async def lock(self, bill: Bill) -> None:
        pass

    async def is_waiting(self, held: None) -> bool:  # noqa: ARG002 - there is nothing to look at
        return True

    async def fulfil(self, actor: Actor, held: None, bill: Bill) -> None:
        pass

    async def give_up(self, held: None, bill: Bill) -> None:
        pass


class Deposit:
    """What makes a held booking sure. Late money takes the places again when they can be had."""

    async def lock(self, bill: Bill) -> Booking:
        """The resident too: whether they have booked the same elsewhere meanwhile must stay as it is."""
        assert bill.booking_id is not None
        await Resident.filter(id=bill.resident_id).select_for_update(no_key=True).first()
        return await locked_with_slots(bill.booking_id)

    async def is_waiting(self, held: Booking) -> bool:
        return held.state is BookingState.HELD or await can_reinstate(held)

    async def fulfil(self, actor: Actor, held: Booking, bill: Bill) -> None:  # noqa: ARG002 - the booking is all it needs
        await (make_sure if held.state is BookingState.HELD else reinstate)(actor, held)

    async def give_up(self, held: Booking, bill: Bill) -> None:  # noqa: ARG002 - the same
        if held.state is BookingState.HELD:
            await free_hold(held)


_PURPOSES: dict[BillKind, Purpose] = {
    BillKind.CASE_FEE: CaseFee(),
    BillKind.DEPOSIT: Deposit(),
    BillKind.NOTICE: NoticePayment(),
}


@dataclass(frozen=True)
class Held:
    """A locked bill behind what it is for, which was locked before it."""

    bill: Bill
    purpose: Purpose
    thing: Any

    async def is_waiting(self) -> bool:
        return await self.purpose.is_waiting(self.thing)

    async def fulfil(self, actor: Actor) -> None:
        await self.purpose.fulfil(actor, self.thing, self.bill)

    async def give_up(self) -> None:
        await self.purpose.give_up(self.thing, self.bill)


async def locked_with_purpose(bill_id: UUID) -> Held:
    """Lock what a bill is for, then the bill, in the caller's transaction."""
    seen = await Bill.get(id=bill_id)
    purpose = _PURPOSES[seen.kind]
    thing = await purpose.lock(seen)
    return Held(await locked_bill(bill_id), purpose, thing)
