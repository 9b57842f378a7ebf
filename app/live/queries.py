"""Without this module a phone would be told that something changed, and not what it is now."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.booking.models import Booking
from app.booking.queries import booking_of
from app.cases.models import Case
from app.cases.queries import case_of
from app.delivery.models import Parcel
from app.delivery.queries import parcel_for
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.live.rules import ChangeKind
from app.payments.models import Bill
from app.payments.queries import bill_of
from app.queueing.models import Ticket
from app.queueing.queries import ticket_of


@dataclass(frozen=True)
class Changed:
    """The one thing that changed, as it is now."""

    case: Case | None = None
    booking: Booking | None = None
    ticket: Ticket | None = None
    bill: Bill | None = None
    parcel: Parcel | None = None


async def changed(actor: Actor, kind: ChangeKind, about: UUID | None) -> Changed | None:
    """The thing that changed, read under the actor's own rights; None for what they may not see or what is gone.

    Of everything, which is about nothing, an empty answer.
    """
    if about is None:
        return Changed()
    try:
        return await _look(actor, kind, about)
    except NotFound:
        return None


async def _look(actor: Actor, kind: ChangeKind, about: UUID) -> Changed | None:
    match kind:
        case ChangeKind.CASE:
            return Changed(case=await case_of(about, actor))
        case ChangeKind.BOOKING:
            return Changed(booking=await booking_of(about, actor))
        case ChangeKind.TICKET:
            return Changed(ticket=await ticket_of(about, actor))
        case ChangeKind.BILL:
            return Changed(bill=await bill_of(about, actor))
        case ChangeKind.PARCEL:
            return Changed(parcel=await parcel_for(actor, about))
        case ChangeKind.EVERYTHING:
            return None
