"""Without this module a bill would end before anybody thought of it again.

Only the fact is published; who is told, and how, is another domain's business.
"""

from __future__ import annotations

from datetime import timedelta

from app.kernel import clock, db
from app.kernel.facts.publishing import publish
from app.payments.events import BillDueSoon

SOON = timedelta(days=1)
_BATCH = 200

# Decides and marks in one statement, so that two workers never remind twice. Who got the bill within its last day
# knows; one that was renewed ends anew.
_DUE = """
    WITH due AS (
        SELECT id FROM bill
        WHERE state = 'CREATED' AND due_at > $1 AND due_at <= $2 AND due_told IS DISTINCT FROM due_at
          AND issued_at <= due_at - $3::interval
        ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
    )
    UPDATE bill SET due_told = bill.due_at FROM due WHERE bill.id = due.id RETURNING bill.id
"""


async def remind() -> int:
    """Publish `BillDueSoon` for every bill that ends within a day, once for each end; gives how many."""
    told = 0
    while True:
        async with db.transaction():
            now = clock.now()
            due = await db.rows(_DUE, now, now + SOON, SOON, _BATCH)
            for row in due:
                await publish(BillDueSoon(row["id"]))
        told += len(due)
        if len(due) < _BATCH:
            return told
