"""Without this module two people could work on one day at once. Locks: the statement first, then its tasks."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from app.kernel import clock, db
from app.payments.models import MoneyTask, Statement
from app.payments.reconciling.rules import Key
from app.payments.words import StatementState, TaskState

_EXPECT = """
    INSERT INTO statement (id, channel, day, state, trade_digest, funds_digest, payments, refunds, paid_fen,
                           refunded_fen, fees_e5)
    VALUES ($1, $2, $3, 'EXPECTED', '', '', 0, 0, 0, 0, 0) ON CONFLICT (channel, day) DO NOTHING
"""


async def expect_statement(channel: str, day: date) -> None:
    """Note that a day will have an account, or a count at a window."""
    await db.rows(_EXPECT, db.new_id(), channel, day)


async def locked_statement(channel: str, day: date) -> Statement:
    """The row of a channel's day, made when there is none, locked for this transaction."""
    await expect_statement(channel, day)
    return await Statement.select_for_update().get(channel=channel, day=day)


async def tell_state(statement: Statement) -> None:
    """Write down whether a locked, reconciled day has open differences."""
    if statement.reconciled_at is None or statement.state is StatementState.SIGNED_OFF:
        return
    found = StatementState.DIFFERENCES if await open_tasks(statement) else StatementState.MATCHED
    if found is not statement.state:
        statement.state = found
        await statement.save(update_fields=["state"])


async def open_tasks(statement: Statement) -> int:
    """How many tasks of a day wait for somebody."""
    return await MoneyTask.filter(channel=statement.channel, day=statement.day, state=TaskState.OPEN).count()


def subject_of_day(channel: str, day: date) -> str:
    return f"statement:{channel}/{day}"


def subject_of(channel: str, day: date, key: Key) -> str:
    """A refund's number is unique by itself, and both numbers would not fit."""
    return f"{subject_of_day(channel, day)}/{f'refund/{key.refund_no}' if key.refund_no else key.order_no}"


def hours_of(day: date) -> tuple[datetime, datetime]:
    """The UTC moments between which a day in Shanghai lies."""
    return clock.at_local(day, 0), clock.at_local(day + timedelta(days=1), 0)
