from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from app.dev import running_stack
from integrations.sandbox.control import SandboxControl
from tests.clusters import lay_out_cluster
from tests.journeys.journey import STEPS, Journey


async def test_the_journey_passes_with_web_and_worker_as_separate_processes(tmp_path: Path, kept: Path) -> None:
    """A lost identity card, from the search to the signature, over HTTP only."""
    lay_out_cluster(tmp_path / "stack" / "postgres", kept)
    async with running_stack(tmp_path / "stack") as stack, SandboxControl(stack.sandbox_url) as control:
        journey = Journey(stack.url, control)
        told = [await step.play(journey) for step in STEPS]
        books = await books_of(stack.environment["PORTAL_DATABASE_URL"])
        orders = [order for order in await control.orders() if order.paid_at]
    assert len(told) == len(STEPS)
    went = sum(refund["amount"]["refund"] for order in orders for refund in order.refunds)
    held = sum(order.total for order in orders) - went
    assert books == {"uneven": 0, "sum": 0, "held": held, "counted": held, "promised": 0, "tasks": 0}
    assert 0 < went < held


_BOOKS = """
    SELECT
        (SELECT count(*) FROM (SELECT FROM ledger_entry GROUP BY journal HAVING sum(amount_fen) <> 0) AS one) AS uneven,
        (SELECT sum(amount_fen)::bigint FROM ledger_entry) AS sum,
        (SELECT sum(amount_fen)::bigint FROM ledger_entry WHERE account = 'CLEARING') AS held,
        (SELECT sum(amount_fen)::bigint FROM payment_attempt WHERE state IN ('SUCCEEDED', 'SURPLUS', 'RETURNED'))
            - (SELECT sum(amount_fen)::bigint FROM refund WHERE state = 'SUCCEEDED') AS counted,
        (SELECT sum(amount_fen)::bigint FROM ledger_entry WHERE account = 'REFUNDS') AS promised,
        (SELECT count(*) FROM money_task WHERE state = 'OPEN') AS tasks
"""


async def books_of(url: str) -> dict[str, int]:
    """The ledger after everything: it adds up to nothing and holds what WeChat and our own rows say."""
    async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as connection:
        books = await (await connection.execute(_BOOKS)).fetchone()
    assert books is not None
    return books
