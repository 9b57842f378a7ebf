"""Without this module yesterday's queue would block tomorrow's bookings, and waits would be told as of last year."""

from __future__ import annotations

from app.kernel import clock
from app.kernel.jobs import Priority, timetable
from app.kernel.logging import get_logger
from app.queueing.leaving import end_days_before
from app.queueing.waits import learn_service_times
from app.queueing.windows import close_left_open

_log = get_logger(__name__)


@timetable("10 16 * * *", name="queueing.end_the_day")
async def end_the_day() -> None:
    """Each night at 00:10 in the hall: all numbers of the day before are ended, hall by hall, and windows closed."""
    ended = await end_days_before(clock.today())
    closed = await close_left_open()
    if ended or closed:
        _log.info("the day is over", numbers=ended, windows=closed)


@timetable("20 16 * * *", name="queueing.learn_service_times", priority=Priority.PATIENT)
async def learn_how_long_visits_take() -> None:
    """Each night at 00:20 in the hall, once the day is over: what residents are told to expect."""
    _log.info("service times learned", known=await learn_service_times())
