"""Somebody inside the database who writes down every state of money that changes, whoever changes it.

Run with the file in which a long run kept what it saw, it says which edges nobody walked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from app.kernel import db
from app.payments.states import (
    ATTEMPT_CORRECTIONS,
    ATTEMPT_LIFE,
    BILL_CORRECTIONS,
    BILL_LIFE,
    REFUND_CORRECTIONS,
    REFUND_LIFE,
)

_GRAPHS: dict[str, tuple[Any, Any]] = {
    "bill": (BILL_LIFE, BILL_CORRECTIONS),
    "payment_attempt": (ATTEMPT_LIFE, ATTEMPT_CORRECTIONS),
    "refund": (REFUND_LIFE, REFUND_CORRECTIONS),
}
Move = tuple[str, str, str]
"""Whose state changed, from which, into which."""

EDGES: set[Move] = {
    (table, source.value, edge.target.value)
    for table, graphs in _GRAPHS.items()
    for graph in graphs
    for edge in graph.edges
    for source in edge.sources
}
NEVER = {("bill", "PAYING", "EXPIRED")}
"""An order is closed before its bill expires; the edge is there for a bill whose last order was never told to us."""

WALKED: set[Move] = set()
"""In this process so far."""

_MOVES = "SELECT about, before, after FROM state_seen WHERE bill_id = $1 ORDER BY id"
_WATCH = """
    CREATE TABLE state_seen (
        id bigserial PRIMARY KEY, bill_id uuid NOT NULL, about text NOT NULL, before text NOT NULL, after text NOT NULL
    );
    CREATE FUNCTION see_state() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO state_seen (bill_id, about, before, after) VALUES (
            (to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'bill' THEN 'id' ELSE 'bill_id' END)::uuid,
            TG_TABLE_NAME, OLD.state, NEW.state
        );
        RETURN NULL;
    END $$;
    CREATE TRIGGER seen AFTER UPDATE OF state ON bill FOR EACH ROW
        WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION see_state();
    CREATE TRIGGER seen AFTER UPDATE OF state ON payment_attempt FOR EACH ROW
        WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION see_state();
    CREATE TRIGGER seen AFTER UPDATE OF state ON refund FOR EACH ROW
        WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION see_state();
"""
_LOOK_AWAY = """
    DROP TRIGGER seen ON bill; DROP TRIGGER seen ON payment_attempt; DROP TRIGGER seen ON refund;
    DROP FUNCTION see_state; DROP TABLE state_seen
"""


@asynccontextmanager
async def watching() -> AsyncIterator[None]:
    await db.connection().execute_script(_WATCH)
    try:
        yield
    finally:
        await db.connection().execute_script(_LOOK_AWAY)


async def moves_of(bill_id: UUID) -> set[Move]:
    """Of a bill, its payments and refunds, so far."""
    return {(row["about"], row["before"], row["after"]) for row in await db.rows(_MOVES, bill_id)}


def keep_walked(file: Path) -> None:
    """Add what this process saw to what others did."""
    with file.open("a") as kept:
        kept.write(json.dumps(sorted(WALKED)) + "\n")


def not_walked(file: Path) -> set[Move]:
    walked = {tuple(move) for line in file.read_text().splitlines() for move in json.loads(line)}
    return {move for move in EDGES - NEVER if move not in walked and move[1] != move[2]}


if __name__ == "__main__":
    left = sorted(not_walked(Path(sys.argv[1])))
    print(f"edges: {len(EDGES)}, never walked: {left or 0}")  # noqa: T201 - it is what the command says
    sys.exit(bool(left))
