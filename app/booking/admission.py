"""Without this module somebody could be let in by one way of booking whom the other would have refused.

Booking one by one, in a crowd, moving and waiting in line all ask here.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app.booking.credit.rules import check_standing
from app.booking.visits import History, Visit, check_may_book


def check_history(visit: Visit, history: History, now: datetime, *, apart_from: UUID | None = None) -> None:
    """Raise `BookingBarred` and what `check_may_book` raises. What a resident did before decides here only.

    Who moves a booking takes nothing more than they have: neither what is held against them nor how many they have,
    perhaps since two accounts became one, keeps them from it.
    """
    live_most = check_standing(visit, history, now) if apart_from is None else len(history.bookings) + 1
    check_may_book(visit, history, live_most=live_most, apart_from=apart_from)
