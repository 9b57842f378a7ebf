"""Without this module what happens in the hall and at the carrier would not reach a phone before it asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from tortoise import Model

from app.booking.events import (
    BookingCancelled,
    BookingHallCancelled,
    BookingMoved,
    DepositDue,
    PlaceOffered,
    SlotBooked,
    VisitKept,
    VisitMissed,
)
from app.booking.models import Booking
from app.cases.events import CaseAccepted, CaseApproved, CaseClosed, CaseMoved, CaseSubmitted, CaseWithdrawn
from app.cases.models import Case
from app.delivery.events import (
    CourierAssigned,
    CourierCancelAsked,
    CourierOrdered,
    ParcelMoved,
    ParcelNewsTaken,
    ParcelReceived,
    ParcelRegistered,
)
from app.delivery.models import Parcel
from app.kernel.facts import Fact
from app.kernel.facts.publishing import reacts_to
from app.kernel.live import live
from app.live.rules import ChangeKind
from app.payments.events import (
    AllOfBillBounced,
    BillCancelled,
    BillExpired,
    BillFullyRefunded,
    BillIssued,
    BillOpened,
    BillPaid,
    BillPartlyRefunded,
    BillReceipted,
    BillReduced,
    BillReissued,
    BillReleased,
    BillUnreceipted,
    BillWaived,
    ExpiredBillPaid,
    PartOfBillBounced,
    ReceiptIssued,
    ReceiptVoided,
)
from app.payments.models import Bill
from app.queueing.events import TicketCalled, TicketMoved, TicketNear, TicketPassed, TicketTaken
from app.queueing.models import Ticket

_OF_CASES = (CaseSubmitted, CaseAccepted, CaseApproved, CaseMoved, CaseClosed, CaseWithdrawn)
_OF_BOOKINGS = (
    SlotBooked,
    DepositDue,
    BookingMoved,
    BookingCancelled,
    BookingHallCancelled,
    PlaceOffered,
    VisitKept,
    VisitMissed,
)
_OF_TICKETS = (TicketTaken, TicketNear, TicketCalled, TicketPassed, TicketMoved)
_OF_BILLS = (
    BillIssued,
    BillOpened,
    BillReleased,
    BillPaid,
    ExpiredBillPaid,
    BillExpired,
    BillReissued,
    BillCancelled,
    BillWaived,
    BillReduced,
    BillReceipted,
    BillUnreceipted,
    BillPartlyRefunded,
    BillFullyRefunded,
    PartOfBillBounced,
    AllOfBillBounced,
    ReceiptIssued,
    ReceiptVoided,
)
_OF_PARCELS = (
    CourierOrdered,
    CourierCancelAsked,
    CourierAssigned,
    ParcelRegistered,
    ParcelMoved,
    ParcelNewsTaken,
    ParcelReceived,
)


async def tell_of_case(fact: Fact) -> None:
    await _tell(fact, ChangeKind.CASE, Case, "resident_id")


async def tell_of_booking(fact: Fact) -> None:
    await _tell(fact, ChangeKind.BOOKING, Booking, "resident_id")


async def tell_of_ticket(fact: Fact) -> None:
    """Nothing of a number drawn at the kiosk by somebody who named no account."""
    await _tell(fact, ChangeKind.TICKET, Ticket, "resident_id")


async def tell_of_bill(fact: Fact) -> None:
    await _tell(fact, ChangeKind.BILL, Bill, "resident_id")


async def tell_of_parcel(fact: Fact) -> None:
    """All its papers are of one resident."""
    await _tell(fact, ChangeKind.PARCEL, Parcel, "contents__case__resident_id")


async def _tell(fact: Fact, kind: ChangeKind, model: type[Model], whose: str) -> None:
    """Told again it is heard again, and the phone sees the same thing twice.

    Without Redis the job waits on its ladder: a hint that was lost while the stream lived on would be missed for ever.
    """
    about: UUID = getattr(fact, fact.about)
    for row in await model.filter(id=about).distinct().values(whose=whose):
        if row["whose"] is not None:
            await live.tell(row["whose"], kind, about)


def _react(kinds: tuple[type[Fact], ...], reaction: Callable[[Fact], Awaitable[None]]) -> None:
    for kind in kinds:
        reacts_to(kind)(reaction)


_react(_OF_CASES, tell_of_case)
_react(_OF_BOOKINGS, tell_of_booking)
_react(_OF_TICKETS, tell_of_ticket)
_react(_OF_BILLS, tell_of_bill)
_react(_OF_PARCELS, tell_of_parcel)
