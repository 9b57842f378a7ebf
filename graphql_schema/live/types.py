"""Without this module a change would have no words."""

from __future__ import annotations

import strawberry

from app.kernel.live import Hint
from app.live import queries
from app.live.rules import ChangeKind
from graphql_schema.booking.types import Booking
from graphql_schema.cases.types import Case
from graphql_schema.delivery.types import Parcel
from graphql_schema.payments.types import Bill
from graphql_schema.queueing.types import Ticket

strawberry.enum(ChangeKind)


@strawberry.type(description="一项变化 · Something of mine that changed, as it is now; of the things one is there.")
class Change:
    event_id: strawberry.ID | None = strawberry.field(
        description="Send the last one as `after` to go on from here; null when there is none to go on from now."
    )
    kind: ChangeKind = strawberry.field(description="EVERYTHING: ask for all that is on the screen by query.")
    case: Case | None
    booking: Booking | None
    ticket: Ticket | None
    bill: Bill | None
    parcel: Parcel | None

    @classmethod
    def of(cls, hint: Hint, kind: ChangeKind, seen: queries.Changed) -> Change:
        return cls(
            event_id=strawberry.ID(hint.position) if hint.position else None,
            kind=kind,
            case=Case.of(seen.case) if seen.case else None,
            booking=Booking.of(seen.booking) if seen.booking else None,
            ticket=Ticket.of(seen.ticket) if seen.ticket else None,
            bill=Bill.of(seen.bill) if seen.bill else None,
            parcel=Parcel.of(seen.parcel) if seen.parcel else None,
        )
