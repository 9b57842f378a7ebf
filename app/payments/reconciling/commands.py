"""Without this module no day would ever be closed: compared, its differences seen to, signed off."""

from __future__ import annotations

from datetime import date, timedelta

from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor, Scope
from app.kernel.errors import NotAllowed, ProviderUnavailable
from app.kernel.logging import get_logger
from app.payments.models import MoneyTask, Statement
from app.payments.ports import AccountNotReady
from app.payments.reconciling.accounts import Taken, take_account
from app.payments.reconciling.asking import settle_difference, to_ask_about
from app.payments.reconciling.closing import finish
from app.payments.reconciling.comparing import compare
from app.payments.reconciling.errors import (
    AccountNotThere,
    AccountRefused,
    DayNotOver,
    DayNotReconciled,
    DayTooOld,
    DifferencesOpen,
    KeepsNoAccounts,
)
from app.payments.reconciling.statements import expect_statement, locked_statement, open_tasks, tell_state
from app.payments.settling import live_channel
from app.payments.words import StatementState, TaskKind

_log = get_logger(__name__)

OLDEST_DAYS = 31
"""How many days back a missed account is asked for; WeChat Pay gives three months, Alipay longer."""


async def reconcile(channel: str, day: date, *, corrected: bool = False) -> Taken:
    """Take the account of a day and compare our books with it; again changes nothing.

    Raises `AccountNotReady`, `ProviderUnavailable`, `AccountRefused` (now a task), `DaySignedOff`, `KeepsNoAccounts`
    or `ChannelUnavailable`.
    """
    taken = await take_account(channel, day, corrected=corrected)
    await compare(channel, day, corrected=taken is Taken.CORRECTED)
    _log.info("day reconciled", channel=channel, day=str(day), account=taken.value)
    return taken


async def reconcile_missed(channel: str, day: date) -> bool:
    """The same by the timetable, for a day that nobody has compared yet; gives whether it is now.

    What is not ready, or does not answer, is asked for again half an hour later.
    """
    async with db.transaction():
        await expect_statement(channel, day)
    if await Statement.exists(channel=channel, day=day, reconciled_at__not_isnull=True):
        return True
    try:
        await reconcile(channel, day)
    except (AccountNotReady, AccountRefused, ProviderUnavailable) as error:
        _log.warning("day not reconciled", channel=channel, day=str(day), cause=type(error).__name__)
        return False
    return True


async def reconcile_again(actor: Actor, channel: str, day: date, *, take_corrected: bool = False) -> Statement:
    """A cashier asks for the account once more and has the day compared; `take_corrected` replaces an account the
    provider has corrected since. What the provider can settle is asked about at once.

    Raises `NotAllowed`, `DayNotOver`, `DayTooOld`, `DaySignedOff`, `AccountNotThere`, `AccountRefused`,
    `KeepsNoAccounts`, `ChannelUnavailable` or `ProviderUnavailable`.
    """
    check_keeps_statements(actor)
    _check_day(day)
    try:
        taken = await reconcile(channel, day, corrected=take_corrected)
    except AccountNotReady:
        raise AccountNotThere(field="day") from None
    if taken is Taken.CORRECTED:
        await _decided(actor, channel, day)
    for task_id in await to_ask_about(channel, day):
        await settle_difference(task_id)
    detail = {"account": taken.value}
    await audit.record(actor, "statement.reconciled", f"statement:{channel}/{day}", detail=detail)
    return await Statement.get(channel=channel, day=day)


def _check_day(day: date) -> None:
    if day >= clock.today():
        raise DayNotOver(field="day")
    if day < clock.today() - timedelta(days=OLDEST_DAYS):
        raise DayTooOld(days=OLDEST_DAYS, field="day")


async def _decided(actor: Actor, channel: str, day: date) -> None:
    """The person has taken the corrected account: nothing is left to decide."""
    async with db.transaction():
        statement = await locked_statement(channel, day)
        for task in await MoneyTask.filter(channel=channel, day=day, kind=TaskKind.ACCOUNT_CHANGED, state="OPEN"):
            await finish(task, actor, "采用更正后的账单")
        await tell_state(statement)


def check_keeps_statements(actor: Actor) -> None:
    """A platform's account is of the whole city: raises `NotAllowed` for who works for a part of it, and for whoever
    is no cashier.
    """
    actor.staff_id(Role.CASHIER)
    if actor.scope != Scope():
        raise NotAllowed


async def sign_off(actor: Actor, channel: str, day: date) -> Statement:
    """Confirm that a day of a platform is closed: from then on it is not changed any more. Again is harmless.

    Raises `NotAllowed`, `KeepsNoAccounts`, `DayNotOver`, `DayNotReconciled` or `DifferencesOpen`.
    """
    check_keeps_statements(actor)
    if not live_channel(channel).keeps_accounts:
        raise KeepsNoAccounts(field="channel")
    if day >= clock.today():
        raise DayNotOver(field="day")
    async with db.transaction():
        statement = await Statement.select_for_update().get_or_none(channel=channel, day=day)
        if statement is None:
            raise DayNotReconciled(field="day")
        if statement.state is StatementState.SIGNED_OFF:
            return statement
        left = await open_tasks(statement)
        if statement.reconciled_at is None and not left:
            raise DayNotReconciled(field="day")
        if left:
            raise DifferencesOpen(count=left)
        await sign(actor, statement)
    return statement


async def sign(actor: Actor, statement: Statement) -> None:
    """Write the name of who signs under a locked day."""
    statement.state = StatementState.SIGNED_OFF
    statement.signed_at, statement.signed_by_id = clock.now(), actor.staff_id()
    await statement.save(update_fields=["state", "signed_at", "signed_by_id"])
    subject = f"statement:{statement.channel}/{statement.day}"
    await audit.record(actor, "statement.signed", subject, detail={"paid_fen": statement.paid_fen})
