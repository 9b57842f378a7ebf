"""Without this module nobody would notice that the ledger and the rows it was written from have come apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.kernel import db
from app.payments.reconciling.statements import hours_of

_OF_ROWS = """
    SELECT channel, sum(paid)::bigint AS paid, sum(surplus)::bigint AS surplus, sum(refunded)::bigint AS refunded
    FROM (
        SELECT channel, CASE WHEN state = 'SUCCEEDED' THEN amount_fen ELSE 0 END AS paid,
            CASE WHEN state = 'SUCCEEDED' THEN 0 ELSE amount_fen END AS surplus, 0 AS refunded
        FROM payment_attempt
        WHERE paid_at >= $1 AND paid_at < $2 AND state IN ('SUCCEEDED', 'SURPLUS', 'RETURNED')
        UNION ALL
        SELECT a.channel, 0, 0, r.amount_fen FROM refund r JOIN payment_attempt a ON a.id = r.attempt_id
        WHERE r.settled_at >= $1 AND r.settled_at < $2 AND r.state = 'SUCCEEDED'
    ) AS moved
    WHERE $3::text IS NULL OR channel = $3
    GROUP BY 1
"""
# A refund that the bank sent back is nowhere: only the last entry of each tells where its money is.
_OF_LEDGER = """
    SELECT channel, sum(paid)::bigint AS paid, sum(surplus)::bigint AS surplus, sum(refunded)::bigint AS refunded
    FROM (
        SELECT channel, CASE WHEN journal LIKE 'paid:%' THEN amount_fen ELSE 0 END AS paid,
            CASE WHEN journal LIKE 'surplus:%' THEN amount_fen ELSE 0 END AS surplus, 0 AS refunded
        FROM ledger_entry
        WHERE day = $1 AND account = 'CLEARING' AND attempt_id IS NOT NULL AND refund_id IS NULL
        UNION ALL
        SELECT e.channel, 0, 0, -e.amount_fen FROM ledger_entry e
        WHERE e.day = $1 AND e.account = 'CLEARING' AND e.refund_id IS NOT NULL AND e.amount_fen < 0
            AND NOT EXISTS (
                SELECT FROM ledger_entry later
                WHERE later.bill_id = e.bill_id AND later.refund_id = e.refund_id AND later.account = 'CLEARING'
                    AND later.id > e.id
            )
    ) AS moved
    WHERE $2::text IS NULL OR channel = $2
    GROUP BY 1
"""


@dataclass(frozen=True)
class Moved:
    """Money that moved at a channel on a day, in fen. `surplus_fen` is what nobody owed."""

    paid_fen: int = 0
    surplus_fen: int = 0
    refunded_fen: int = 0


async def recomputed(day: date, channel: str | None = None) -> dict[str, Moved]:
    """What payments and refunds say themselves of a day, by channel."""
    return _by_channel(await db.rows(_OF_ROWS, *hours_of(day), channel))


async def ledgered(day: date, channel: str | None = None) -> dict[str, Moved]:
    """What the ledger says of the same; it has to be equal."""
    return _by_channel(await db.rows(_OF_LEDGER, day, channel))


def _by_channel(rows: Sequence[Mapping[str, Any]]) -> dict[str, Moved]:
    return {row["channel"]: Moved(row["paid"], row["surplus"], row["refunded"]) for row in rows}
