"""Without this module people would forget, and their places would stand empty.

Only the fact that a visit is near is published; who is told, and how, is another domain's business.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from app.booking.events import VisitDue
from app.kernel import clock, db
from app.kernel.facts.publishing import publish

DAY_BEFORE_HOUR = 9
SOON = timedelta(hours=2)
_BATCH = 500


class Reminder(StrEnum):
    """The day before from nine o'clock on, and two hours before."""

    DAY_BEFORE = "DAY_BEFORE"
    SOON = "SOON"


# Each statement decides and marks in one, so that two workers never remind twice. Who booked after a reminder was due
# knows; who was moved does not: `reminded` is 0 again.
_SOON = """
    WITH due AS (
        SELECT b.id FROM booking b JOIN slot s ON s.id = b.slot_id
        WHERE b.state = 'BOOKED' AND b.reminded < 2 AND s.starts_at > $1 AND s.starts_at <= $2
          AND (b.moves > 0 OR b.booked_at <= s.starts_at - $3::interval)
        ORDER BY s.starts_at, b.id LIMIT $4 FOR UPDATE OF b SKIP LOCKED
    )
    UPDATE booking SET reminded = 2 FROM due WHERE booking.id = due.id RETURNING booking.id
"""
_DAY_BEFORE = """
    WITH due AS (
        SELECT b.id FROM booking b JOIN slot s ON s.id = b.slot_id
        WHERE b.state = 'BOOKED' AND b.reminded < 1 AND b.day = $1 AND s.starts_at > $2
          AND (b.moves > 0 OR b.booked_at <= $3)
        ORDER BY s.starts_at, b.id LIMIT $4 FOR UPDATE OF b SKIP LOCKED
    )
    UPDATE booking SET reminded = 1 FROM due WHERE booking.id = due.id RETURNING booking.id
"""


async def remind() -> int:
    """Publish `VisitDue` for every visit that is near, once for each reminder of a booking; gives how many.

    A reminder that is late, because no worker ran, is left out once the next one is due or the visit has begun.
    """
    return await _all_of(Reminder.SOON) + await _all_of(Reminder.DAY_BEFORE)


async def _all_of(which: Reminder) -> int:
    told = 0
    while True:
        batch = await _some_of(which)
        told += batch
        if batch < _BATCH:
            return told


async def _some_of(which: Reminder) -> int:
    now = clock.now()
    async with db.transaction():
        if which is Reminder.SOON:
            due = await db.rows(_SOON, now, now + SOON, SOON, _BATCH)
        else:
            from_ = clock.at_local(clock.today(), DAY_BEFORE_HOUR)
            tomorrow = clock.today() + timedelta(days=1)
            due = await db.rows(_DAY_BEFORE, tomorrow, now + SOON, from_, _BATCH) if now >= from_ else []
        for row in due:
            await publish(VisitDue(row["id"], which.value))
    return len(due)
