"""Without this module tomorrow would have no slots and a missed visit would block the next one for ever."""

from __future__ import annotations

from app.booking.events import PlacesReserved, SessionClosed, SlotBooked
from app.booking.halls.layout import lay_out_slots
from app.booking.halls.rehousing import see_to_everybody, unfinished_closures
from app.booking.holds import expire, overdue_holds
from app.booking.line.entries import end_needless, end_outlived
from app.booking.line.offers import offer_places, slots_pending
from app.booking.outcomes import mark_missed, release_places_of
from app.booking.queries import overdue_bookings
from app.booking.reminders import remind
from app.cases.events import CaseClosed, CaseWithdrawn
from app.kernel.facts.publishing import reacts_to
from app.kernel.jobs import Priority, timetable
from app.kernel.logging import get_logger

_log = get_logger(__name__)
_BATCH = 500


@timetable("5 16 * * *", name="booking.lay_out_slots", priority=Priority.PATIENT)
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


@timetable("* * * * *", name="booking.expire_holds")
async def expire_forgotten_holds() -> None:
    """Each hold has a job of its own; this finds those whose job was lost."""
    for booking_id in await overdue_holds(_BATCH):
        await expire(booking_id)


@timetable("*/5 * * * *", name="booking.remind")
async def remind_of_visits() -> None:
    if due := await remind():
        _log.info("visits near", count=due)


@reacts_to(CaseWithdrawn)
async def give_places_back(fact: CaseWithdrawn) -> None:
    await release_places_of(fact.case_id)


@reacts_to(CaseClosed)
async def give_needless_places_back(fact: CaseClosed) -> None:
    """Who was denied, or has the result already, need not come."""
    await release_places_of(fact.case_id)


@reacts_to(SessionClosed)
async def see_to_who_was_booked(fact: SessionClosed) -> None:
    await see_to_everybody(fact.closure_id)


@timetable("*/5 * * * *", name="booking.finish_closures")
async def finish_closures() -> None:
    """What a lost worker left; also who could not be seen to because their account was being joined."""
    for closure_id in await unfinished_closures(_BATCH):
        await see_to_everybody(closure_id)


@reacts_to(PlacesReserved)
async def offer_freed_places(fact: PlacesReserved) -> None:
    await offer_places(fact.slot_id)


@reacts_to(SlotBooked)
async def leave_the_line(fact: SlotBooked) -> None:
    await end_needless(fact.booking_id)


@timetable("* * * * *", name="booking.tend_waiting_list")
async def tend_waiting_list() -> None:
    """Ends who waited in vain, and offers places whose offering was lost."""
    await end_outlived()
    for slot_id in await slots_pending(_BATCH):
        await offer_places(slot_id)
