from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta
from itertools import count

import pytest

from app.kernel import clock, db
from app.payments.models import LedgerEntry, MoneyTask, Statement, StatementLine
from app.payments.ports import PaymentState
from app.payments.reconciling.accounts import Taken
from app.payments.reconciling.asking import settle_difference
from app.payments.reconciling.closing import close_task
from app.payments.reconciling.commands import reconcile, reconcile_again, reconcile_missed, sign_off
from app.payments.reconciling.errors import AccountNotThere, AccountRefused, DayNotOver, DaySignedOff, DayTooOld
from app.payments.words import StatementState
from tests.identity.traces import nothing_moves
from tests.payments.reconciling.paper import CODE, PaperChannel, line, noon, paid_orders, paper
from tests.payments.reconciling.stage import make_cashier
from tests.portal import Portal

_numbers = count(1)


@pytest.fixture
async def channel(portal: Portal) -> AsyncIterator[PaperChannel]:
    with paper() as registered:
        yield registered


@pytest.fixture
def day() -> date:
    """Far from today and from every other test's."""
    return date(2027, 1, 1) + timedelta(days=5 * next(_numbers))


def after(day: date, days: int = 1) -> datetime:
    return clock.at_local(day + timedelta(days=days), 10, 30)


async def tasks(day: date) -> list[tuple[str, str]]:
    rows = await MoneyTask.filter(channel=CODE, day=day).order_by("opened_at", "id")
    return [(row.kind.value, row.state.value) for row in rows]


async def fees(day: date) -> list[int]:
    rows = await LedgerEntry.filter(channel=CODE, day=day, account="FEES").order_by("id")
    return [row.amount_fen for row in rows]


async def test_a_corrected_account_waits_for_a_person_and_then_replaces_the_first(
    channel: PaperChannel, day: date
) -> None:
    cashier, moment = await make_cashier(), noon(day)
    one, two = await paid_orders(2, moment)
    channel.lines = [line(one, moment)]
    await reconcile(CODE, day)
    assert await tasks(day) == [("OURS_ONLY", "OPEN")]

    channel.lines = [line(one, moment), line(two, moment, e5=24_400)]
    for _ in range(2):
        assert await reconcile(CODE, day) is Taken.CHANGED
        assert await tasks(day) == [("OURS_ONLY", "OPEN"), ("ACCOUNT_CHANGED", "OPEN")]
        assert (await Statement.get(channel=CODE, day=day)).payments == 1
        assert await fees(day) == [24]

    with clock.standing_at(after(day)):
        taken = await reconcile_again(cashier, CODE, day, take_corrected=True)
    assert (taken.state, taken.payments, taken.fees_e5) == (StatementState.MATCHED, 2, 48_400)
    assert await tasks(day) == [("OURS_ONLY", "SETTLED"), ("ACCOUNT_CHANGED", "DONE")]
    assert await fees(day) == [24, 24]
    assert await StatementLine.filter(statement_id=taken.id).count() == 2


async def test_an_account_that_contradicts_itself_is_refused_until_it_is_whole(
    channel: PaperChannel, day: date
) -> None:
    [one] = await paid_orders(1, noon(day))
    channel.lines, channel.broken = [line(one, noon(day))], "its sums are not those of its lines"
    for _ in range(2):
        with pytest.raises(AccountRefused):
            await reconcile(CODE, day)
        assert await reconcile_missed(CODE, day) is False
    statement = await Statement.get(channel=CODE, day=day)
    assert (statement.state, statement.fetched_at, statement.trade_file) == (StatementState.EXPECTED, None, None)
    assert await tasks(day) == [("ACCOUNT_BROKEN", "OPEN")]
    channel.broken = ""
    assert await reconcile_missed(CODE, day) is True
    assert await tasks(day) == [("ACCOUNT_BROKEN", "SETTLED")]
    assert (await Statement.get(channel=CODE, day=day)).state is StatementState.MATCHED


async def test_a_line_twice_is_a_difference_of_amount(channel: PaperChannel, day: date) -> None:
    [one] = await paid_orders(1, noon(day))
    channel.lines = [line(one, noon(day)), line(one, noon(day))]
    await reconcile(CODE, day)
    assert await tasks(day) == [("AMOUNT", "OPEN")]
    task = await MoneyTask.get(channel=CODE, day=day)
    assert (task.ours_fen, task.theirs_fen, task.unit) == (4000, 8000, "ps-household")
    statement = await Statement.get(channel=CODE, day=day)
    assert (statement.payments, statement.paid_fen) == (2, 8000)


async def test_funds_that_tell_another_sum_are_a_task(channel: PaperChannel, day: date) -> None:
    [one] = await paid_orders(1, noon(day))
    channel.lines, channel.income_fen = [line(one, noon(day))], 4100
    await reconcile(CODE, day)
    assert await tasks(day) == [("FUNDS", "OPEN")]
    task = await MoneyTask.get(channel=CODE, day=day)
    assert (task.ours_fen, task.theirs_fen) == (3976, 4076)
    channel.income_fen = 4000
    await reconcile(CODE, day, corrected=True)
    assert await tasks(day) == [("FUNDS", "SETTLED")]


async def test_forty_lines_hide_no_forty_fen(channel: PaperChannel, day: date) -> None:
    orders = await paid_orders(40, noon(day))
    channel.lines = [line(one, noon(day), e5=24_400) for one in orders]
    whole, by_line = 976, 960
    for outgo, agrees in ((whole, True), (by_line - 1, True), (by_line + 1, True), (whole - 2, False), (958, False)):
        channel.outgo_fen = outgo
        await reconcile(CODE, day, corrected=True)
        assert (("FUNDS", "OPEN") not in await tasks(day)) is agrees, outgo


async def test_fees_of_unknown_orders_are_no_units(channel: PaperChannel, day: date) -> None:
    [one] = await paid_orders(1, noon(day))
    channel.lines = [line(one, noon(day), e5=24_300), line("f" * 32, noon(day), e5=24_400)]
    await reconcile(CODE, day)
    rows = await LedgerEntry.filter(channel=CODE, day=day, account="FEES").order_by("id")
    assert [(row.unit, row.amount_fen) for row in rows] == [("", 25), ("ps-household", 24)]


async def test_a_provider_that_denies_what_its_account_tells_needs_a_person(channel: PaperChannel, day: date) -> None:
    [one] = await paid_orders(1, noon(day))
    await db.rows("UPDATE payment_attempt SET state = 'CLOSED', paid_at = NULL WHERE order_no = $1", one)
    channel.lines, channel.truths = [line(one, noon(day))], {one: PaymentState.NOT_PAID}
    await reconcile(CODE, day)
    await settle_difference((await MoneyTask.get(channel=CODE, day=day)).id)
    assert channel.asked == [one]
    assert await tasks(day) == [("STATE", "OPEN")]


async def test_a_person_who_closed_a_difference_is_not_asked_again(channel: PaperChannel, day: date) -> None:
    cashier = await make_cashier()
    channel.lines = [line("e" * 32, noon(day))]
    await reconcile(CODE, day)
    await close_task(cashier, (await MoneyTask.get(channel=CODE, day=day)).id, "他系统收款,已转交")
    assert (await Statement.get(channel=CODE, day=day)).state is StatementState.MATCHED
    await reconcile(CODE, day)
    assert await tasks(day) == [("THEIRS_ONLY", "DONE")]
    channel.lines = [line("e" * 32, noon(day), fen=4500)]
    await reconcile(CODE, day, corrected=True)
    assert await tasks(day) == [("THEIRS_ONLY", "OPEN")]


async def test_reconciling_again_says_why_not(channel: PaperChannel, day: date) -> None:
    cashier = await make_cashier()
    for moment, refused in (
        (noon(day), DayNotOver),
        (after(day, 32), DayTooOld),
    ):
        with clock.standing_at(moment):
            async with nothing_moves():
                with pytest.raises(refused):
                    await reconcile_again(cashier, CODE, day)
    channel.ready = False
    with clock.standing_at(after(day)):
        async with nothing_moves():
            with pytest.raises(AccountNotThere):
                await reconcile_again(cashier, CODE, day)
        channel.ready = True
        await reconcile_again(cashier, CODE, day)
        await sign_off(cashier, CODE, day)
        channel.lines = [line("d" * 32, noon(day))]
        for broken in ("", "its sums are not those of its lines"):
            channel.broken = broken
            async with nothing_moves():
                with pytest.raises(DaySignedOff):
                    await reconcile_again(cashier, CODE, day, take_corrected=True)


class Counting(logging.Handler):
    """How many statements the database was asked; what they say is long and not written out."""

    asked = 0

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - one is one
        self.asked += 1


@pytest.fixture
def counting() -> Iterator[Counting]:
    log, handler = logging.getLogger("tortoise.db_client"), Counting()
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    yield handler
    log.setLevel(before)
    log.removeHandler(handler)


async def test_ten_thousand_lines_are_read_in_pieces(channel: PaperChannel, day: date, counting: Counting) -> None:
    """Two more pieces are a few statements more, however many differences there are."""
    orders = await paid_orders(10_000, noon(day))
    channel.lines = [line(order_no, noon(day)) for order_no in orders[:9_000]]
    counting.asked, begun = 0, time.perf_counter()
    await reconcile(CODE, day)
    assert counting.asked < 40
    assert time.perf_counter() - begun < 60
    assert await tasks(day) == [("OURS_ONLY", "OPEN")] * 1_000
    assert (await Statement.get(channel=CODE, day=day)).paid_fen == 36_000_000
