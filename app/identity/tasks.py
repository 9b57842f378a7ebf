"""Without this module retention periods would be a page nobody acts on."""

from __future__ import annotations

from app.identity.retention import purge_what_ran_out
from app.kernel.jobs import Priority, timetable
from app.kernel.logging import get_logger

_log = get_logger(__name__)


@timetable("20 18 * * *", name="identity.purge", priority=Priority.PATIENT)
async def purge_each_night() -> None:
    """At 02:20 in the hall, when nobody waits for the tables."""
    purged = await purge_what_ran_out()
    if purged:
        _log.info("data past its retention deleted", **purged)
