"""Without this module an account would be a file in a drawer. A day is compared with it, in pieces, line by line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from app.kernel import clock, db
from app.payments.models import MoneyTask, Statement
from app.payments.money_tasks import Wanted, open_each
from app.payments.reconciling.rules import Difference, Entry, Key, match
from app.payments.reconciling.statements import hours_of, locked_statement, subject_of, tell_state
from app.payments.words import StatementState, TaskKind, TaskState

_AT_ONCE = 5_000

_BY_LINE = frozenset(
    {TaskKind.OURS_ONLY, TaskKind.THEIRS_ONLY, TaskKind.AMOUNT, TaskKind.STATE, TaskKind.DATE_BOUNDARY}
)
_SAFE = frozenset({TaskKind.STATE, TaskKind.DATE_BOUNDARY})
"""What settles by itself once both sides agree."""

_PAIRS = """
    SELECT l.order_no, l.refund_no, l.amount_fen, l.at, l.settled, b.collecting_unit AS unit,
        CASE WHEN l.refund_no = '' THEN a.amount_fen ELSE r.amount_fen END AS our_fen,
        CASE WHEN l.refund_no = '' THEN a.paid_at ELSE r.settled_at END AS our_at,
        CASE WHEN l.refund_no = '' THEN a.state IN ('SUCCEEDED', 'SURPLUS', 'RETURNED')
            ELSE r.state = 'SUCCEEDED' END AS our_settled
    FROM (
        SELECT * FROM statement_line WHERE statement_id = $1 AND (order_no, refund_no) > ($3, $4)
        ORDER BY order_no, refund_no LIMIT $5
    ) AS l
    LEFT JOIN payment_attempt a ON a.order_no = l.order_no AND a.channel = $2
    LEFT JOIN refund r ON l.refund_no <> '' AND r.refund_no = l.refund_no AND r.attempt_id = a.id
    LEFT JOIN bill b ON b.id = a.bill_id
    ORDER BY l.order_no, l.refund_no
"""
_OURS_WITHOUT_LINE = """
    SELECT ours.*, b.collecting_unit AS unit, EXISTS (
        SELECT FROM statement_line l JOIN statement s ON s.id = l.statement_id
        WHERE l.order_no = ours.order_no AND l.refund_no = ours.refund_no AND s.channel = $2
    ) AS elsewhere
    FROM (
        SELECT order_no, '' AS refund_no, amount_fen, paid_at AS at, bill_id FROM payment_attempt
        WHERE channel = $2 AND paid_at >= $3 AND paid_at < $4 AND state IN ('SUCCEEDED', 'SURPLUS', 'RETURNED')
        UNION ALL
        SELECT a.order_no, r.refund_no, r.amount_fen, r.settled_at, r.bill_id
        FROM refund r JOIN payment_attempt a ON a.id = r.attempt_id
        WHERE a.channel = $2 AND r.settled_at >= $3 AND r.settled_at < $4 AND r.state = 'SUCCEEDED'
    ) AS ours
    JOIN bill b ON b.id = ours.bill_id
    WHERE NOT EXISTS (
        SELECT FROM statement_line l
        WHERE l.statement_id = $1 AND l.order_no = ours.order_no AND l.refund_no = ours.refund_no
    )
"""


async def compare(channel: str, day: date, *, corrected: bool = False) -> None:
    """Compare our day with its kept account and open a task for each difference; again changes nothing.

    What waited near midnight for this account settles, or is ours only from now on. Tasks of the safe kinds settle
    when both sides agree meanwhile, the others only when a person has taken a `corrected` account.
    """
    async with db.transaction():
        statement = await locked_statement(channel, day)
        if statement.fetched_at is None or statement.state is StatementState.SIGNED_OFF:
            return
        wanted = [task async for task in _differences(statement)]
        await _settle_the_rest(statement, wanted, _BY_LINE if corrected else _SAFE)
        await open_each(channel, day, wanted)
        statement.reconciled_at = clock.now()
        statement.state = StatementState.MATCHED
        await statement.save(update_fields=["reconciled_at", "state"])
        await tell_state(statement)
    for beside in (day - timedelta(days=1), day + timedelta(days=1)):
        await _look_again(channel, beside)


async def _differences(statement: Statement) -> AsyncIterator[Wanted]:
    """Each piece is compared by the rules alone; both sides of an entry are in one piece."""
    async for rows in _pieces(statement):
        theirs = [Entry(_key(row), row["amount_fen"], row["at"], row["settled"]) for row in rows]
        known = [row for row in rows if row["our_fen"] is not None]
        ours = [Entry(_key(row), row["our_fen"], row["our_at"], row["our_settled"]) for row in known]
        units = {_key(row): row["unit"] or "" for row in rows}
        for difference in match(statement.day, theirs, ours):
            yield _task(statement, difference, units[difference.key])
    async for task in _without_line(statement):
        yield task


async def _without_line(statement: Statement) -> AsyncIterator[Wanted]:
    """What moved on our day and is not in its account."""
    accounts = await _accounts_beside(statement)
    rows = await db.rows(_OURS_WITHOUT_LINE, statement.id, statement.channel, *hours_of(statement.day))
    ours = [Entry(_key(row), row["amount_fen"], row["at"], settled=True) for row in rows]
    elsewhere = {_key(row) for row in rows if row["elsewhere"]}
    units = {_key(row): row["unit"] for row in rows}
    for difference in match(statement.day, (), ours, elsewhere=elsewhere, accounts=accounts):
        yield _task(statement, difference, units[difference.key])


async def _pieces(statement: Statement) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    after = Key("")
    while rows := await db.rows(_PAIRS, statement.id, statement.channel, *after, _AT_ONCE):
        yield rows
        after = _key(rows[-1])


async def _accounts_beside(statement: Statement) -> set[date]:
    beside = [statement.day - timedelta(days=1), statement.day + timedelta(days=1)]
    known = Statement.filter(channel=statement.channel, day__in=beside, fetched_at__not_isnull=True)
    return {statement.day for statement in await known.only("id", "day")}


def _key(row: Mapping[str, Any]) -> Key:
    return Key(row["order_no"], row["refund_no"])


def _task(statement: Statement, difference: Difference, unit: str) -> Wanted:
    return Wanted(
        difference.kind,
        subject_of(statement.channel, statement.day, difference.key),
        difference.ours_fen,
        difference.theirs_fen,
        unit,
        difference.key._asdict(),
    )


async def _settle_the_rest(statement: Statement, wanted: Iterable[Wanted], kinds: frozenset[TaskKind]) -> None:
    """Close the open tasks of the day of which there is no difference any more."""
    still = {(task.kind, task.subject) for task in wanted}
    open_now = await MoneyTask.filter(
        channel=statement.channel, day=statement.day, state=TaskState.OPEN, kind__in=kinds
    ).only("id", "kind", "subject")
    gone = [task.id for task in open_now if (task.kind, task.subject) not in still]
    await MoneyTask.filter(id__in=gone, state=TaskState.OPEN).update(state=TaskState.SETTLED, closed_at=clock.now())


async def _look_again(channel: str, day: date) -> None:
    """What waited near midnight for the account of the day beside: it is there, or it is ours only."""
    waiting = MoneyTask.filter(channel=channel, day=day, kind=TaskKind.DATE_BOUNDARY, state=TaskState.OPEN)
    if not await waiting.exists():
        return
    async with db.transaction():
        statement = await locked_statement(channel, day)
        wanted = [task async for task in _without_line(statement)]
        await _settle_the_rest(statement, wanted, frozenset({TaskKind.DATE_BOUNDARY}))
        await open_each(channel, day, wanted)
        await tell_state(statement)
