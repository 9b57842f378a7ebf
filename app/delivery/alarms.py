"""Without this module a parcel could fall silent, and nobody would ask the carrier."""

from __future__ import annotations

from app.delivery.ports import ParcelState
from app.delivery.rules import END_STATES, LOCKER_FOLLOWED, STUCK_MOVING, STUCK_WAITING, WAITING_STATES
from app.delivery.tasks_of_desk import open_task
from app.delivery.words import TaskKind
from app.kernel import clock, db

# What has its task already is passed over, so that the longest silent never hide the others.
_SILENT = """
    SELECT id, state, since FROM (
        SELECT id, state, greatest(coalesce(news_at, registered_at), state_at) AS since FROM parcel
        WHERE received_at IS NULL AND confirmed_at IS NULL AND (
            state = ANY($1::text[]) OR state = ANY($2::text[])
            OR (state = 'DELIVERED' AND delivered_to = 'LOCKER' AND state_at BETWEEN $5 AND $4))
    ) silent
    WHERE since <= CASE WHEN state = ANY($1::text[]) THEN $3::timestamptz ELSE $4::timestamptz END
      AND NOT EXISTS (SELECT 1 FROM delivery_task task WHERE task.parcel_id = silent.id
                      AND task.kind IN ('STUCK', 'RECEIPT_UNCONFIRMED') AND task.opened_at > silent.since)
    ORDER BY since, id LIMIT $6
"""


async def raise_alarm(limit: int) -> int:
    """Parcels without news for days become tasks, once for each time they fall silent, and so does what nobody has
    taken out of its locker; gives how many.
    """
    now, opened = clock.now(), 0
    patience = (now - STUCK_WAITING, now - STUCK_MOVING, now - LOCKER_FOLLOWED)
    moving = [state.value for state in ParcelState if state not in END_STATES | WAITING_STATES]
    async with db.transaction():
        for row in await db.rows(_SILENT, sorted(WAITING_STATES), moving, *patience, limit):
            kind = TaskKind.RECEIPT_UNCONFIRMED if row["state"] == ParcelState.DELIVERED else TaskKind.STUCK
            opened += await open_task(kind, f"parcel:{row['id']}", row["id"], since=row["since"].isoformat())
    return opened
