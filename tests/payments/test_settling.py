from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from app.cases.rules import CaseState
from app.kernel import clock
from app.kernel.audit import AuditLine
from app.payments.models import PaymentAttempt
from app.payments.ports import PaymentState, PaymentTruth
from app.payments.queries import attempts_to_ask_about
from app.payments.rules import AttemptState, BillState
from app.payments.settling import ask_about, expire, settle
from app.payments.tasks import expire_overdue_bills, sweep_open_orders
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
    assert (await settle(paid(payer, attempt))).remark == "SETTLE"


async def test_an_unknown_order_is_kept_for_a_person(payer: Payer) -> None:
    stranger = PaymentTruth("wechat", "A" * 32, PaymentState.PAID, FEE_FEN)
    assert (await settle(stranger)).matched is False
    assert (await payer.standing())["bill"] is BillState.CREATED


async def test_late_money_on_a_closed_order_is_surplus_and_does_not_settle(payer: Payer) -> None:
    """The order was closed, then WeChat says it was paid after all: recorded, to be refunded, never lost."""
    attempt = (await payer.open_order()).attempt
    await settle(PaymentTruth("wechat", attempt.order_no, PaymentState.CLOSED))
    assert await payer.standing() == {
        "bill": BillState.CREATED,
        "case": CaseState.PAYMENT_PENDING,
        "attempts": [AttemptState.CLOSED],
    }
    for _ in range(2):
        await settle(paid(payer, attempt))
    assert (await payer.standing())["attempts"] == [AttemptState.SURPLUS]
    assert await AuditLine.filter(act="payment.surplus", subject=f"payment:{attempt.id}").count() == 1
    assert await payer.settlements() == 0


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
    assert await payer.standing() == SETTLED
    assert await payer.settlements() == 1


async def test_an_unpaid_order_is_asked_about_less_and_less_and_then_closed(portal: Portal, payer: Payer) -> None:
    attempt = (await payer.open_order()).attempt
    await ask_about(attempt.id)
    asked = await PaymentAttempt.get(id=attempt.id)
    assert (asked.state, asked.asked) == (AttemptState.OPEN, 1)
    assert asked.ask_again_at == attempt.opened_at + timedelta(minutes=5)

    with clock.standing_at(attempt.expires_at + timedelta(seconds=1)):
        await ask_about(attempt.id)
    assert (await PaymentAttempt.get(id=attempt.id)).state is AttemptState.CLOSED
    assert (await portal.control.order(attempt.order_no)).trade_state == "CLOSED"


async def test_paid_in_the_very_moment_of_closing_is_paid(payer: Payer) -> None:
    """We ask before we close, and again when the close is refused: the paid fact wins."""
    payable = await payer.open_order()
    await payer.pays(payable)
    with clock.standing_at(payable.attempt.expires_at + timedelta(seconds=1)):
        await ask_about(payable.attempt.id)
    assert await payer.standing() == SETTLED


async def test_a_bill_with_a_live_order_does_not_expire(payer: Payer) -> None:
    attempt = (await payer.open_order()).attempt
    assert await expire(payer.bill.id) is False
    await settle(PaymentTruth("wechat", attempt.order_no, PaymentState.CLOSED))
    with clock.standing_at(payer.bill.due_at + timedelta(seconds=1)):
        await expire_overdue_bills()
    assert (await payer.standing())["bill"] is BillState.EXPIRED
    await settle(paid(payer, attempt))
    assert (await payer.standing())["attempts"] == [AttemptState.SURPLUS]
