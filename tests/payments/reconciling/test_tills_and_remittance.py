from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Actor, Scope
from app.kernel.errors import InvalidInput, NotAllowed, NotFound
from app.payments.at_window import collect_at_window
from app.payments.errors import ChannelUnavailable
from app.payments.journal import Unit
from app.payments.models import LedgerEntry, PaymentAttempt, Statement, TillCount
from app.payments.ports import RefundStanding, RefundTruth
from app.payments.reconciling.errors import (
    CountDiffers,
    DayNotOver,
    DayNotSignedOff,
    NothingToHandOver,
    RemittanceDiffers,
)
from app.payments.reconciling.queries import in_full
from app.payments.reconciling.recomputing import Moved, ledgered, recomputed
from app.payments.reconciling.remitting import record_remittance
from app.payments.reconciling.report import Due, csv_of, unit_report
from app.payments.reconciling.tills import count_till, takings
from app.payments.refunds.deciding import confirm_window_refund
from app.payments.refunds.requesting import request_refund
from app.payments.refunds.rules import RefundWish
from app.payments.refunds.settling import settle_refund
from app.payments.words import RefundReason, StatementState
from tests.identity.accounts import make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.payments.reconciling.stage import FEE
from tests.payments.stage import make_payer
from tests.people import new_key
from tests.portal import Portal

UNIT = "ps-household"
_numbers = count(1)


@dataclass(frozen=True)
class CashDay:
    """A day long ago on which two cashiers took 80.00 and 40.00, and the second gave 10.00 of the first's back."""

    day: date
    first: Actor
    second: Actor

    def next_morning(self) -> datetime:
        return clock.at_local(self.day + timedelta(days=1), 8)

    async def count(self, cashier: Actor, fen: int) -> Statement:
        with clock.standing_at(self.next_morning()):
            return await count_till(cashier, "cash", self.day, fen)

    async def signed(self) -> CashDay:
        await self.count(self.first, 2 * FEE)
        await self.count(self.second, FEE - 1000)
        return self

    async def remit(self, cashier: Actor, fen: int, unit: str = UNIT) -> list[Due]:
        with clock.standing_at(self.next_morning()):
            return list(await record_remittance(cashier, unit, "cash", self.day, fen))


async def make_cash_day(portal: Portal) -> CashDay:
    day = date(2025, 1, 1) + timedelta(days=3 * next(_numbers))
    first, second = await make_staff(Role.CASHIER), await make_staff(Role.CASHIER)
    with clock.standing_at(clock.at_local(day, 10)):
        for cashier in (first, first, second):
            payer = await make_payer(portal)
            bill = await collect_at_window(cashier, payer.bill.id, "cash", amount_fen=FEE, idempotency_key=new_key())
            if cashier is first:
                wrong = bill
        wish = RefundWish(RefundReason.CHARGED_WRONGLY, FEE, 1000)
        refund = await request_refund(first, wrong.id, wish, idempotency_key=new_key())
        await confirm_window_refund(second, refund.id)
    return CashDay(day, first, second)


@pytest.fixture
async def cash(portal: Portal) -> CashDay:
    return await make_cash_day(portal)


async def test_takings_are_by_cashier_and_what_was_given_back_by_who_gave_it(cash: CashDay) -> None:
    by_cashier = {each.cashier: each for each in await takings(cash.first, cash.day)}
    told = {who: (each.payments, each.taken_fen, each.given_back_fen) for who, each in by_cashier.items()}
    assert told == {cash.first.id: (2, 8000, 0), cash.second.id: (1, 4000, 1000)}
    part = Actor(cash.second.kind, cash.second.id, roles=cash.second.roles, scope=Scope(UNIT))
    assert [each.in_till_fen for each in await takings(part, cash.day)] == [3000]


async def test_a_day_at_a_window_is_signed_off_with_the_count_of_the_last_cashier(cash: CashDay) -> None:
    one = await cash.count(cash.first, 8000)
    assert one.state is StatementState.EXPECTED
    both = await cash.count(cash.second, 3000)
    assert (both.state, both.payments, both.paid_fen, both.refunds, both.refunded_fen) == (
        StatementState.SIGNED_OFF, 3, 12_000, 1, 1_000,
    )  # fmt: skip
    async with nothing_moves():
        await cash.count(cash.first, 8000)
    assert await TillCount.filter(statement_id=both.id).count() == 2


async def test_another_sum_is_refused_with_the_true_one(cash: CashDay) -> None:
    async with nothing_moves():
        with pytest.raises(CountDiffers) as refused:
            await cash.count(cash.first, 7999)
        assert refused.value.values == {"true_yuan": "80.00"}
        with clock.standing_at(clock.at_local(cash.day, 23)), pytest.raises(DayNotOver):
            await count_till(cash.first, "cash", cash.day, 8000)
        with pytest.raises(ChannelUnavailable):
            await count_till(cash.first, "wechat", cash.day, 0)


async def test_only_who_works_for_all_of_the_city_counts_for_another(cash: CashDay) -> None:
    part = await make_staff(Role.CASHIER, scope=Scope(UNIT))
    with clock.standing_at(cash.next_morning()):
        async with nothing_moves():
            with pytest.raises(NotAllowed):
                await count_till(part, "cash", cash.day, 8000, cashier=cash.first.id)
        await count_till(cash.second, "cash", cash.day, 8000, cashier=cash.first.id)
    [counted] = await TillCount.filter(cashier_id=cash.first.id)
    assert (counted.counted_fen, counted.counted_by_id) == (8000, cash.second.id)


async def test_the_last_two_cashiers_at_once_sign_the_day_once(cash: CashDay) -> None:
    await at_once(cash.count(cash.first, 8000), cash.count(cash.second, 3000))
    statement = await Statement.get(channel="cash", day=cash.day)
    assert (statement.state, await TillCount.filter(statement_id=statement.id).count()) == (
        StatementState.SIGNED_OFF, 2,
    )  # fmt: skip


async def test_what_a_channel_holds_of_a_unit_is_handed_over_once(cash: CashDay) -> None:
    cashier = await make_staff(Role.CASHIER, scope=Scope(UNIT))
    async with nothing_moves():
        with pytest.raises(DayNotSignedOff):
            await cash.remit(cashier, 11_000)
    await cash.signed()
    other = await make_staff(Role.CASHIER, scope=Scope("transport"))
    async with nothing_moves():
        with pytest.raises(RemittanceDiffers) as refused:
            await cash.remit(cashier, 12_000)
        assert refused.value.values == {"true_yuan": "110.00"}
        with pytest.raises(NotFound):
            await cash.remit(other, 11_000)

    for rows in await at_once(*(cash.remit(cashier, 11_000) for _ in range(5))):
        assert isinstance(rows, list), rows
        [row] = rows
        assert (row.paid_fen, row.refunded_fen, row.fees_fen, row.to_hand_over_fen, row.handed_over_fen) == (
            12_000, 1_000, 0, 11_000, 11_000,
        )  # fmt: skip
    entries = await LedgerEntry.filter(journal__startswith=f"handed_over:cash/{cash.day}/").order_by("place")
    assert [(one.account.value, one.channel, one.unit, one.amount_fen) for one in entries] == [
        ("REMITTED", "", UNIT, 11_000),
        ("CLEARING", "cash", "", -11_000),
    ]
    async with nothing_moves():
        with pytest.raises(RemittanceDiffers):
            await cash.remit(cashier, 10_000)


async def test_what_is_learnt_of_a_day_after_it_was_handed_over_is_evened_out(cash: CashDay) -> None:
    """A refund of that day told of later: the treasury gives it back, once, and the books are even."""
    await cash.signed()
    cashier = await make_staff(Role.CASHIER, scope=Scope(UNIT))
    await cash.remit(cashier, 11_000)
    attempt = await PaymentAttempt.filter(taken_by_id=cash.second.id).order_by("-id").first()
    assert attempt is not None
    wish = RefundWish(RefundReason.CHARGED_WRONGLY, FEE, 1_500)
    refund = await request_refund(cash.first, attempt.bill_id, wish, idempotency_key=new_key())
    evening = clock.at_local(cash.day, 22)
    word = RefundTruth("cash", refund.refund_no, RefundStanding.SUCCEEDED, 1_500, refunded_at=evening)
    await settle_refund(word, cash.second)

    [row] = await unit_report(cashier, cash.day, cash.day)
    assert (row.to_hand_over_fen, row.handed_over_fen, row.left_fen) == (9_500, 11_000, -1_500)
    async with nothing_moves():
        with pytest.raises(RemittanceDiffers) as refused:
            await cash.remit(cashier, 11_000)
    assert refused.value.values == {"true_yuan": "95.00"}
    for rows in await at_once(*(cash.remit(cashier, 9_500) for _ in range(5))):
        assert isinstance(rows, list), rows
        assert [(row.to_hand_over_fen, row.handed_over_fen, row.left_fen) for row in rows] == [(9_500, 9_500, 0)]
    entries = LedgerEntry.filter(journal__startswith=f"handed_over:cash/{cash.day}/", account="REMITTED")
    assert [(one.journal.split("/")[3:], one.amount_fen) for one in await entries.order_by("id")] == [
        ([], 11_000), (["2"], -1_500),
    ]  # fmt: skip


async def test_a_unit_whose_money_all_went_back_has_nothing_to_hand_over(portal: Portal) -> None:
    day = date(2024, 1, 1) + timedelta(days=3 * next(_numbers))
    cashier = await make_staff(Role.CASHIER)
    with clock.standing_at(clock.at_local(day, 10)):
        payer = await make_payer(portal)
        await collect_at_window(cashier, payer.bill.id, "cash", amount_fen=FEE, idempotency_key=new_key())
        wish = RefundWish(RefundReason.CHARGED_WRONGLY, FEE, FEE)
        refund = await request_refund(cashier, payer.bill.id, wish, idempotency_key=new_key())
        await confirm_window_refund(cashier, refund.id)
    cash = CashDay(day, cashier, cashier)
    assert (await cash.count(cashier, 0)).state is StatementState.SIGNED_OFF
    with pytest.raises(NothingToHandOver):
        await cash.remit(cashier, 0)


async def test_units_of_other_parts_of_the_city_are_not_in_the_report(cash: CashDay) -> None:
    day = cash.day
    for scope, units in ((Scope(), [UNIT]), (Scope(UNIT), [UNIT]), (Scope("transport"), [])):
        viewer = await make_staff(Role.STATISTICS_VIEWER, scope=scope)
        assert [row.unit.key for row in await unit_report(viewer, day, day)] == units
    with pytest.raises(NotAllowed):
        await unit_report(await make_staff(Role.HANDLER), day, day)
    viewer = await make_staff(Role.STATISTICS_VIEWER)
    for last in (day - timedelta(days=1), day + timedelta(days=366)):
        with pytest.raises(InvalidInput):
            await unit_report(viewer, day, last)


async def test_a_day_computed_again_from_its_rows_is_the_ledger(cash: CashDay) -> None:
    assert await recomputed(cash.day) == await ledgered(cash.day) == {"cash": Moved(12_000, 0, 1_000)}


async def test_rows_that_came_apart_from_the_ledger_are_shown(cash: CashDay) -> None:
    statement = await cash.count(cash.first, 8000)
    assert (await in_full(statement)).ledger_agrees is True
    attempt = await PaymentAttempt.filter(taken_by_id=cash.second.id).first()
    assert attempt is not None
    await PaymentAttempt.filter(id=attempt.id).update(paid_at=clock.at_local(cash.day - timedelta(days=1), 10))
    day = await in_full(statement)
    assert (day.ledger_agrees, day.rows.paid_fen, day.ledger.paid_fen) == (False, 8_000, 12_000)


def due(**more: Any) -> Due:
    whole = {"name_zh": "户政处", "name_en": "Household", "channel": "cash", "paid_fen": 5, "refunded_fen": 105}
    return Due(Unit("u", "CITY", "990100"), **{**whole, "fees_fen": 0, "handed_over_fen": 0, **more})


def test_the_table_is_in_yuan_and_holds_no_formula() -> None:
    text = csv_of([due(name_zh="=1+1")], "zh")
    assert text.encode().startswith(b"\xef\xbb\xbf")
    headings, row = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert dict(zip(headings, row, strict=True)) == {
        "执收单位编码": "u", "执收单位": "'=1+1", "预算级次": "市级", "区划": "990100", "缴费渠道": "cash",
        "实收(元)": "0.05", "退款(元)": "1.05", "手续费(元)": "0.00", "应划解(元)": "-1.00", "已划解(元)": "0.00",
        "待划解(元)": "-1.00",
    }  # fmt: skip
    assert csv_of([], "en").startswith("\ufeffunit,unit_name,treasury_level,division,channel,paid_yuan,")
