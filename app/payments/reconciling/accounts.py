"""Without this module nobody would have the provider's word on a day: its account is asked for, checked and kept.

An account is taken once. The same one again changes nothing; another one is a task until a person takes it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from app.kernel import clock, db
from app.kernel.clock.calendar import end_of_day
from app.kernel.logging import get_logger
from app.payments import journal
from app.payments.journal import Unit
from app.payments.ledger import About, post
from app.payments.models import Statement
from app.payments.money_tasks import Wanted, open_each, open_task, settle_by_itself
from app.payments.ports import AccountBroken, AccountLine, DayAccount, FundsAccount
from app.payments.reconciling.errors import AccountRefused, DaySignedOff, KeepsNoAccounts
from app.payments.reconciling.rules import Totals, check_account, fee_fen, funds_agree, merged, shared_fees, totals_of
from app.payments.reconciling.statements import locked_statement, subject_of_day
from app.payments.settling import live_channel
from app.payments.words import Account, StatementState, TaskKind

_log = get_logger(__name__)
_AT_ONCE = 5_000

_ADD_LINES = """
    INSERT INTO statement_line (id, statement_id, order_no, refund_no, provider_ref, amount_fen, fee_e5, at, settled)
    SELECT gen_random_uuid(), $1::uuid, line.*
    FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::timestamptz[], $8::bool[]) AS line
"""
# Without it the planner would take the new lines for a handful until the server looks at them by itself.
_COUNT_LINES = "ANALYZE statement_line"
_DROP_LINES = "DELETE FROM statement_line WHERE statement_id = $1"
_FEES_BY_UNIT = """
    SELECT coalesce(b.collecting_unit, '') AS unit, coalesce(b.treasury_level, '') AS level,
        coalesce(b.division_code, '') AS division, sum(l.fee_e5)::bigint AS e5
    FROM statement_line l
    LEFT JOIN payment_attempt a ON a.order_no = l.order_no AND a.channel = $2
    LEFT JOIN bill b ON b.id = a.bill_id
    WHERE l.statement_id = $1 GROUP BY 1, 2, 3
"""
_FEES_ENTERED = """
    SELECT unit, treasury_level AS level, division_code AS division, sum(amount_fen)::bigint AS fen,
        count(DISTINCT journal) AS journals
    FROM ledger_entry WHERE day = $1 AND account = $2 AND channel = $3 GROUP BY 1, 2, 3
"""


class Taken(StrEnum):
    """What came of asking for an account."""

    NEW = "NEW"
    SAME = "SAME"
    CORRECTED = "CORRECTED"
    """Another one than before, taken because a person said so."""

    CHANGED = "CHANGED"
    """Another one than before, not taken: a person decides."""


@dataclass(frozen=True)
class Accounts:
    """Both accounts of a day, the lines with each payment and refund once."""

    trade: DayAccount
    funds: FundsAccount
    lines: Sequence[AccountLine]
    totals: Totals

    @property
    def digests(self) -> tuple[str, str]:
        return self.trade.digest, self.funds.digest


async def take_account(channel: str, day: date, *, corrected: bool = False) -> Taken:
    """Ask a channel for its account of a day and keep it; `corrected` takes another one in place of the first.

    Raises `AccountNotReady`, `ProviderUnavailable`, `AccountRefused` (now a task), `DaySignedOff`, `KeepsNoAccounts`
    or `ChannelUnavailable`.
    """
    accounts = await _asked(channel, day)
    files = await asyncio.to_thread(_packed, accounts)
    async with db.transaction():
        statement = await locked_statement(channel, day)
        if statement.state is StatementState.SIGNED_OFF:
            raise DaySignedOff
        earlier = (statement.trade_digest, statement.funds_digest)
        if earlier == accounts.digests:
            return Taken.SAME
        if statement.fetched_at is not None and not corrected:
            await _tell_of_change(statement, accounts)
            return Taken.CHANGED
        await _keep(statement, accounts, files)
        await _enter_fees(statement)
        await settle_by_itself(subject_of_day(channel, day), TaskKind.ACCOUNT_BROKEN)
        await _compare_funds(statement, accounts)
        return Taken.NEW if earlier == ("", "") else Taken.CORRECTED


async def _asked(channel: str, day: date) -> Accounts:
    adapter = live_channel(channel)
    if not adapter.keeps_accounts:
        raise KeepsNoAccounts(field="channel")
    try:
        trade = await adapter.day_account(day)
        check_account(trade, day)
        funds = await adapter.funds_account(day)
    except AccountBroken as broken:
        await _refuse(channel, day, broken.cause)
        raise AccountRefused from None
    return Accounts(trade, funds, merged(trade.lines), totals_of(trade.lines))


async def _refuse(channel: str, day: date, cause: str) -> None:
    _log.error("account refused", channel=channel, day=str(day), cause=cause)
    async with db.transaction():
        if (await locked_statement(channel, day)).state is StatementState.SIGNED_OFF:
            raise DaySignedOff  # nobody could close the task
        await open_task(TaskKind.ACCOUNT_BROKEN, subject_of_day(channel, day), channel, day=day, cause=cause)


def _packed(accounts: Accounts) -> tuple[bytes, bytes]:
    return zlib.compress(accounts.trade.file), zlib.compress(accounts.funds.file)


async def _tell_of_change(statement: Statement, accounts: Accounts) -> None:
    await open_task(
        TaskKind.ACCOUNT_CHANGED,
        f"{subject_of_day(statement.channel, statement.day)}/{accounts.trade.digest[:12]}{accounts.funds.digest[:12]}",
        statement.channel,
        day=statement.day,
        ours_fen=statement.paid_fen - statement.refunded_fen,
        theirs_fen=accounts.totals.paid_fen - accounts.totals.refunded_fen,
        trade_digest=accounts.trade.digest,
        funds_digest=accounts.funds.digest,
    )


async def _keep(statement: Statement, accounts: Accounts, files: tuple[bytes, bytes]) -> None:
    totals = accounts.totals
    await db.rows(_DROP_LINES, statement.id)
    for start in range(0, len(accounts.lines), _AT_ONCE):
        await db.rows(_ADD_LINES, statement.id, *_columns(accounts.lines[start : start + _AT_ONCE]))
    if len(accounts.lines) >= _AT_ONCE:
        await db.rows(_COUNT_LINES)
    statement.trade_digest, statement.funds_digest = accounts.digests
    statement.trade_file, statement.funds_file = files
    statement.payments, statement.refunds = totals.payments, totals.refunds
    statement.paid_fen, statement.refunded_fen = totals.paid_fen, totals.refunded_fen
    statement.fees_e5, statement.fetched_at = totals.fees_e5, clock.now()
    await statement.save()


def _columns(lines: Sequence[AccountLine]) -> list[list[Any]]:
    rows = [
        (each.order_no, each.refund_no, each.provider_ref, each.amount_fen, each.fee_e5, each.at, each.settled)
        for each in lines
    ]
    return [list(column) for column in zip(*rows, strict=True)]


async def _enter_fees(statement: Statement) -> None:
    """Enter each unit's part of the day's fees; of a corrected account, what it tells more or less than before."""
    e5 = {_unit(row): row["e5"] for row in await db.rows(_FEES_BY_UNIT, statement.id, statement.channel)}
    entered = await db.rows(_FEES_ENTERED, statement.day, Account.FEES.value, statement.channel)
    before = {_unit(row): row["fen"] for row in entered}
    fees = shared_fees(e5)
    postings = [
        posting
        for unit in sorted({*fees, *before}, key=lambda unit: (unit.key, unit.treasury_level, unit.division_code))
        for posting in journal.fee_kept(statement.channel, fees.get(unit, 0) - before.get(unit, 0), unit)
    ]
    times = max((row["journals"] for row in entered), default=0)
    name = f"fees:{statement.channel}/{statement.day}/{times + 1}"
    await post(name, postings, About(), at=end_of_day(statement.day))


def _unit(row: Any) -> Unit:
    return Unit(row["unit"], row["level"], row["division"])


async def _compare_funds(statement: Statement, accounts: Accounts) -> None:
    subject = f"{subject_of_day(statement.channel, statement.day)}/funds"
    totals, funds = accounts.totals, accounts.funds
    if funds_agree(totals, funds):
        await settle_by_itself(subject, TaskKind.FUNDS)
        return
    expected = totals.paid_fen - totals.refunded_fen - fee_fen(totals.fees_e5)
    told = {"income_fen": funds.income_fen, "outgo_fen": funds.outgo_fen, "fees_e5": totals.fees_e5}
    wanted = Wanted(TaskKind.FUNDS, subject, expected, funds.income_fen - funds.outgo_fen, detail=told)
    await open_each(statement.channel, statement.day, [wanted])
