"""Without this module yesterday's queue would block tomorrow's bookings."""

from __future__ import annotations

from app.kernel import clock
from app.kernel.jobs import timetable
from app.kernel.logging import get_logger
from app.queueing.commands import end_ticket
from app.queueing.queries import tickets_left_over

_log = get_logger(__name__)
_BATCH = 1000


@timetable("10 16 * * *", name="queueing.end_the_day")
async def end_the_day() -> None:
    """Each night at 00:10 in the hall: all numbers of the day before are ended in one batch."""
    left = await tickets_left_over(clock.today(), _BATCH)
    for ticket_id in left:
        await end_ticket(ticket_id)
    if left:
        _log.info("numbers left over", count=len(left))
