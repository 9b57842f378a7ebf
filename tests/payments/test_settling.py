from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import pytest
from tortoise.exceptions import IntegrityError

from app.cases.rules import CaseState
from app.kernel import clock, db, ports
from app.kernel.audit import AuditLine
from app.payments.journal import Posting
from app.payments.ledger import About, post
from app.payments.models import LedgerEntry, MoneyTask, PaymentAttempt, Refund
from app.payments.ports import PaymentChannel, PaymentState, PaymentTruth
from app.payments.queries import attempts_to_ask_about
from app.payments.settling import ask_about, expire, live_channel, settle, took_turn
from app.payments.states import AttemptState, BillState, RefundState
from app.payments.tasks import expire_overdue_bills, sweep_open_orders
from app.payments.words import Account, RefundReason, TaskKind, TaskState
from tests.payments.stage import FEE_FEN, Payer, make_payer
from tests.portal import Portal


@pytest.fixture
async def payer(portal: Portal) -> AsyncIterator[Payer]:
    await portal.control.be_hostile(notify_by_itself=False)
    yield await make_payer(portal)
    await portal.control.be_kind()


def paid(payer: Payer, attempt: PaymentAttempt, *, fen: int = FEE_FEN) -> PaymentTruth:
    return PaymentTruth(
        "wechat", attempt.order_no, PaymentState.PAID, fen, "CNY", "4200000001", payer.person.openid, clock.now()
    )


_PAID = "requestPayment:ok"
SETTLED = {"bill": BillState.PAID, "case": CaseState.RESULT_READY, "attempts": [AttemptState.SUCCEEDED]}


async def test_the_same_truth_ten_times_at_once_settles_once(payer: Payer) -> None:
    attempt = (await payer.open_order()).attempt
    verdicts = await asyncio.gather(*(settle(paid(payer, attempt)) for _ in range(10)))
    assert sorted(verdict.remark for verdict in verdicts) == ["REPEATED"] * 9 + ["SETTLE"]
    assert await payer.standing() == SETTLED
    assert await payer.settlements() == 1


async def test_a_wrong_sum_moves_nothing_and_stays_for_a_person(payer: Payer) -> None:
    attempt = (await payer.open_order()).attempt
    before = await payer.standing()
    verdict = await settle(paid(payer, attempt, fen=FEE_FEN - 1))
    assert (verdict.matched, verdict.remark) == (False, "WRONG_AMOUNT")
    assert await payer.standing() == before
    assert await payer.settlements() == 0
    [task] = await MoneyTask.filter(subject=f"payment:{attempt.id}")
    assert (task.kind, task.ours_fen, task.theirs_fen) == (TaskKind.WRONG_AMOUNT, FEE_FEN, FEE_FEN - 1)
    assert attempt.id in await attempts_to_ask_about(1000), "WeChat is asked at once what is true"
    assert (await settle(paid(payer, attempt))).remark == "SETTLE"


async def test_an_unknown_order_is_kept_for_a_person(payer: Payer) -> None:
    number = db.new_id().hex
    for _ in range(2):
        assert (await settle(PaymentTruth("wechat", number, PaymentState.PAID, FEE_FEN))).matched is False
    [task] = await MoneyTask.filter(subject=f"order:wechat/{number}")
    assert (task.kind, task.state, task.theirs_fen) == (TaskKind.UNKNOWN_ORDER, TaskState.OPEN, FEE_FEN)
    assert (await payer.standing())["bill"] is BillState.CREATED


async def test_nobody_is_asked_to_look_at_an_unknown_order_that_is_not_paid(payer: Payer) -> None:
    number = payer.bill.id.hex
    assert (await settle(PaymentTruth("wechat", number, PaymentState.CLOSED))).matched is False
    assert not await MoneyTask.exists(subject=f"order:wechat/{number}")


async def test_late_money_for_a_bill_that_still_waits_settles_it(payer: Payer) -> None:
    """The order was closed, then WeChat says it was paid after all: nobody has to pay again."""
    attempt = (await payer.open_order()).attempt
    await settle(PaymentTruth("wechat", attempt.order_no, PaymentState.CLOSED))
    assert await payer.standing() == {
        "bill": BillState.CREATED,
        "case": CaseState.PAYMENT_PENDING,
        "attempts": [AttemptState.CLOSED],
    }
    for _ in range(2):
        await settle(paid(payer, attempt))
    assert await payer.standing() == SETTLED
    assert await payer.settlements() == 1


async def test_late_money_after_another_order_was_paid_goes_back(payer: Payer) -> None:
    first = (await payer.open_order()).attempt
    await settle(PaymentTruth("wechat", first.order_no, PaymentState.CLOSED))
    second = (await payer.open_order()).attempt
    await settle(paid(payer, second))

    for _ in range(2):
        await settle(paid(payer, first))

    assert (await payer.standing())["attempts"] == [AttemptState.SURPLUS, AttemptState.SUCCEEDED]
    assert await AuditLine.filter(act="payment.surplus", subject=f"payment:{first.id}").count() == 1
    promised = await Refund.get(attempt_id=first.id)
    assert (promised.amount_fen, promised.state, promised.reason) == (
        FEE_FEN,
        RefundState.APPROVED,
        RefundReason.SURPLUS,
    )
    assert await payer.settlements() == 1


async def test_late_money_ends_the_order_that_was_opened_after_it(portal: Portal, payer: Payer) -> None:
    """Within the minute of the sweep, and not when that order would have been asked about: nobody pays twice."""
    first = await payer.open_order()
    with clock.standing_at(first.attempt.expires_at + timedelta(minutes=1)):
        await ask_about(first.attempt.id)
        second = (await payer.open_order()).attempt
        assert await portal.control.pay(payer.person.openid, first.client_parameters, outcome="late") == _PAID

        assert (await settle(paid(payer, first.attempt))).remark == "RESTORE"

        assert (await payer.standing())["attempts"] == [AttemptState.SUCCEEDED, AttemptState.OPEN]
        assert second.id in await attempts_to_ask_about(10_000)
        await ask_about(second.id)
    assert await payer.standing() == {**SETTLED, "attempts": [AttemptState.SUCCEEDED, AttemptState.CLOSED]}
    assert (await portal.control.order(second.order_no)).trade_state == "CLOSED"


async def test_late_money_ends_the_later_order_also_while_that_one_is_asked_about(payer: Payer) -> None:
    """The sweep was on its way with the question; its answer must not put the next one off."""
    first = (await payer.open_order()).attempt
    await settle(PaymentTruth("wechat", first.order_no, PaymentState.CLOSED))
    second, wechat = (await payer.open_order()).attempt, live_channel("wechat")

    class LateMoneyMeanwhile:
        def __getattr__(self, name: str) -> Any:
            return getattr(wechat, name)

        async def ask(self, order_no: str) -> PaymentTruth:
            told = await wechat.ask(order_no)
            assert (await settle(paid(payer, first))).remark == "RESTORE"
            return told

    ports.register(PaymentChannel, "wechat", cast("PaymentChannel", LateMoneyMeanwhile()))
    try:
        await ask_about(second.id)
    finally:
        ports.register(PaymentChannel, "wechat", wechat)
    assert second.id in await attempts_to_ask_about(10_000)
    await ask_about(second.id)
    assert await payer.standing() == {**SETTLED, "attempts": [AttemptState.SUCCEEDED, AttemptState.CLOSED]}


async def test_the_database_allows_one_success_per_bill_whatever_the_code_does(payer: Payer) -> None:
    attempt = (await payer.open_order()).attempt
    await settle(paid(payer, attempt))
    with pytest.raises(IntegrityError, match="one_success_per_bill"):
        await PaymentAttempt.create(
            bill_id=payer.bill.id,
            channel="wechat",
            order_no="B" * 32,
            amount_fen=FEE_FEN,
            description="x",
            payer_open_id="o",
            state=AttemptState.SUCCEEDED,
            opened_at=clock.now(),
            expires_at=clock.now(),
        )


async def test_a_lost_notice_is_found_by_the_sweep(portal: Portal, payer: Payer) -> None:
    payable = await payer.open_order()
    await payer.pays(payable)
    with clock.standing_at(clock.now() + timedelta(minutes=2)):
        assert payable.attempt.id in await attempts_to_ask_about(200)
        await sweep_open_orders()
    await portal.run_jobs()
    assert await payer.standing() == {**SETTLED, "bill": BillState.RECEIPTED}
    assert await payer.settlements() == 1


async def test_an_unpaid_order_is_asked_about_less_and_less_and_then_closed(portal: Portal, payer: Payer) -> None:
    attempt = (await payer.open_order()).attempt
    assert not await took_turn(attempt.id)
    with clock.standing_at(attempt.opened_at + timedelta(minutes=1)):
        assert [await took_turn(attempt.id) for _ in range(2)] == [True, False]
    asked = await PaymentAttempt.get(id=attempt.id)
    assert (asked.state, asked.asked) == (AttemptState.OPEN, 1)
    assert asked.ask_again_at == attempt.opened_at + timedelta(minutes=5)

    with clock.standing_at(attempt.expires_at + timedelta(seconds=1)):
        await ask_about(attempt.id)
    assert (await PaymentAttempt.get(id=attempt.id)).state is AttemptState.CLOSED
    assert (await portal.control.order(attempt.order_no)).trade_state == "CLOSED"


async def test_paid_just_before_closing_is_paid(payer: Payer) -> None:
    payable = await payer.open_order()
    await payer.pays(payable)
    with clock.standing_at(payable.attempt.expires_at + timedelta(seconds=1)):
        await ask_about(payable.attempt.id)
    assert await payer.standing() == SETTLED


async def test_paid_between_our_question_and_the_close_is_paid(payer: Payer) -> None:
    """The close is refused, so we ask again: the paid fact wins."""
    payable, wechat = await payer.open_order(), live_channel("wechat")

    class PaidMeanwhile:
        def __getattr__(self, name: str) -> Any:
            return getattr(wechat, name)

        async def close(self, order_no: str) -> None:
            await payer.pays(payable)
            await wechat.close(order_no)

    ports.register(PaymentChannel, "wechat", cast("PaymentChannel", PaidMeanwhile()))
    try:
        with clock.standing_at(payable.attempt.expires_at + timedelta(seconds=1)):
            await ask_about(payable.attempt.id)
    finally:
        ports.register(PaymentChannel, "wechat", wechat)
    assert await payer.standing() == SETTLED


async def test_a_bill_does_not_expire_a_moment_before_it_is_due(payer: Payer) -> None:
    """Whoever found it overdue may come when it has just been given more time."""
    with clock.standing_at(payer.bill.due_at - timedelta(seconds=1)):
        assert await expire(payer.bill.id) is False
    assert (await payer.standing())["bill"] is BillState.CREATED
    with clock.standing_at(payer.bill.due_at):
        assert await expire(payer.bill.id) is True


async def test_a_bill_with_a_live_order_does_not_expire(payer: Payer) -> None:
    attempt = (await payer.open_order()).attempt
    assert await expire(payer.bill.id) is False
    await settle(PaymentTruth("wechat", attempt.order_no, PaymentState.CLOSED))
    with clock.standing_at(payer.bill.due_at + timedelta(seconds=1)):
        await expire_overdue_bills()
    assert ((await payer.standing())["bill"], await _entered(payer)) == (BillState.EXPIRED, {})
    await settle(paid(payer, attempt))
    assert await payer.standing() == SETTLED
    assert await _entered(payer) == {Account.CLEARING: FEE_FEN, Account.UNIT: -FEE_FEN}


async def _entered(payer: Payer) -> dict[Account, int]:
    """What the ledger holds of a bill, account by account, without those that are even."""
    sums: Counter[Account] = Counter()
    for entry in await LedgerEntry.filter(bill_id=payer.bill.id):
        sums[entry.account] += entry.amount_fen
    return {account: fen for account, fen in sums.items() if fen}


async def test_every_journal_of_a_bill_adds_up_to_nothing(payer: Payer) -> None:
    attempt = (await payer.open_order()).attempt
    await settle(paid(payer, attempt))
    entries = await LedgerEntry.filter(bill_id=payer.bill.id).order_by("id")
    assert [(entry.journal.split(":")[0], entry.account.value, entry.amount_fen) for entry in entries] == [
        ("issued", "PAYER", FEE_FEN),
        ("issued", "UNIT", -FEE_FEN),
        ("paid", "CLEARING", FEE_FEN),
        ("paid", "PAYER", -FEE_FEN),
    ]
    assert {(entry.unit, entry.treasury_level) for entry in entries if entry.account is Account.UNIT} == {
        ("ps-household", "CITY")
    }


async def test_what_is_entered_twice_is_in_the_ledger_once(payer: Payer) -> None:
    postings = [Posting(Account.PAYER, 7), Posting(Account.CLEARING, -7, channel="wechat")]
    for _ in range(2):
        await post(f"test:{payer.bill.id}", postings, About(payer.bill.id))
    entries = await LedgerEntry.filter(journal=f"test:{payer.bill.id}").order_by("id")
    assert [entry.amount_fen for entry in entries] == [7, -7]


async def test_the_database_refuses_an_entry_that_does_not_add_up_and_every_change(payer: Payer) -> None:
    with pytest.raises(IntegrityError, match="ledger_adds_up"):
        await post(f"test:{payer.bill.id}", [Posting(Account.PAYER, 1)], About(payer.bill.id))
    with pytest.raises(IntegrityError, match="ledger_only_grows"):
        await LedgerEntry.filter(bill_id=payer.bill.id).update(amount_fen=1)
    with pytest.raises(IntegrityError, match="ledger_only_grows"):
        await LedgerEntry.filter(bill_id=payer.bill.id).delete()
