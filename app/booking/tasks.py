"""Without this module tomorrow would have no slots and a missed visit would block the next one for ever."""

from __future__ import annotations

from app.booking.commands import mark_missed, release_places_of
from app.booking.layout import lay_out_slots
from app.booking.queries import overdue_bookings
from app.cases.events import CaseClosed, CaseWithdrawn
from app.kernel.facts.publishing import reacts_to
from app.kernel.jobs import timetable
from app.kernel.logging import get_logger

_log = get_logger(__name__)
_BATCH = 500


@timetable("5 16 * * *", name="booking.lay_out_slots")
async def lay_out_the_coming_days() -> None:
    """Each night at 00:05 in the hall."""
    _log.info("slots laid out", new=await lay_out_slots())


@timetable("*/10 * * * *", name="booking.mark_missed")
async def mark_missed_visits() -> None:
    missed = 0
    for booking_id in await overdue_bookings(_BATCH):
        missed += await mark_missed(booking_id)
    if missed:
        _log.info("visits missed", count=missed)


@reacts_to(CaseWithdrawn)
async def give_places_back(fact: CaseWithdrawn) -> None:
    await release_places_of(fact.case_id)


@reacts_to(CaseClosed)
async def give_needless_places_back(fact: CaseClosed) -> None:
    """Who was denied, or has the result already, need not come."""
    await release_places_of(fact.case_id)
