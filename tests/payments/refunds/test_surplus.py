"""Money nobody owed goes back by itself, all the way."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.payments.models import Bill, LedgerEntry, PaymentAttempt, Refund
from app.payments.ports import PaymentState, PaymentTruth, RefundStanding
from app.payments.refunds.queries import refundable
from app.payments.refunds.settling import settle_refund
from app.payments.settling import settle
from app.payments.states import AttemptState, BillState, RefundState
from app.payments.words import RefundReason
from tests.identity.accounts import caller_of
from tests.messages.stage import messages_about
from tests.payments.refunds.stage import back, check_books, told
from tests.payments.stage import FEE_FEN, Payer, make_payer
from tests.payments.words import told_closed, told_paid
from tests.portal import Portal


@pytest.fixture
async def payer(portal: Portal) -> AsyncIterator[Payer]:
    await portal.control.be_hostile(notify_by_itself=False, haste=0.002)
    yield await make_payer(portal)
    await portal.control.be_kind()


async def paid_twice(payer: Payer) -> Refund:
    """Closed on our side, paid in WeChat all the same, after another order was paid."""
    first = await payer.open_order()
    await settle(told_closed(first.attempt))
    second = await payer.open_order()
    await settle(told_paid(second.attempt))
    await payer.pays(first)
    await settle(told_paid(first.attempt))
    return await Refund.get(attempt_id=first.attempt.id)


async def test_double_money_is_back_without_anybody_asking(portal: Portal, payer: Payer) -> None:
    refund = await paid_twice(payer)
    await portal.run_jobs()
    await back(refund)

    standing = await payer.standing()
    assert standing["attempts"] == [AttemptState.RETURNED, AttemptState.SUCCEEDED]
    assert standing["bill"] is BillState.RECEIPTED
    assert (await Bill.get(id=payer.bill.id)).refunded_fen == 0
    entries = await LedgerEntry.filter(attempt_id=refund.attempt_id).order_by("id")
    assert [(one.journal.split(":")[0], one.account.value, one.amount_fen) for one in entries] == [
        ("surplus", "CLEARING", FEE_FEN),
        ("surplus", "SURPLUS", -FEE_FEN),
        ("promised", "SURPLUS", FEE_FEN),
        ("promised", "REFUNDS", -FEE_FEN),
        ("refunded", "REFUNDS", FEE_FEN),
        ("refunded", "CLEARING", -FEE_FEN),
    ]
    await check_books(payer.bill.id)


async def test_the_resident_reads_why_it_came_back(portal: Portal, payer: Payer) -> None:
    refund = await paid_twice(payer)
    phone = await caller_of(portal, payer.actor)
    shown = await phone.do("BillRefunds", billId=str(payer.bill.id))
    [told_of] = shown["refunds"]
    assert (told_of["id"], told_of["amountFen"], told_of["lines"]) == (str(refund.id), FEE_FEN, [])
    assert (told_of["reason"], told_of["reasonText"]) == ("SURPLUS", "多缴或迟到的款项自动退回")
    assert told_of["stateText"] == "退款已同意,等待支付平台受理"
    await back(refund)
    [told_of] = (await phone.do("BillRefunds", billId=str(payer.bill.id)))["refunds"]
    assert told_of["stateText"] == "已退款"
    assert told_of["refundedAt"]


async def test_the_payer_is_told_once_that_it_came_and_once_that_it_is_back(portal: Portal, payer: Payer) -> None:
    """Two messages about one return would be twice the money."""
    await back(await paid_twice(payer))
    await portal.run_jobs()
    kinds = [message.key for message in await messages_about(f"bill:{payer.bill.id}")]
    assert sorted(kind for kind in kinds if kind not in {"bill-paid", "receipt-issued", "bill-issued"}) == [
        "paid-too-late",
        "surplus-returned",
    ]


async def test_surplus_money_takes_nothing_from_what_the_bill_can_give_back(payer: Payer) -> None:
    await paid_twice(payer)
    found = await refundable(payer.actor, payer.bill.id)
    assert (found.left, found.left_fen) == ([FEE_FEN], FEE_FEN)


async def test_surplus_money_the_bank_sends_back_is_surplus_again(payer: Payer) -> None:
    refund = await paid_twice(payer)
    await settle_refund(told(refund, RefundStanding.SUCCEEDED), present=True)
    await settle_refund(told(refund, RefundStanding.ABNORMAL), present=True)
    attempt = await PaymentAttempt.get(id=refund.attempt_id)
    assert (attempt.state, attempt.promised_fen) == (AttemptState.SURPLUS, FEE_FEN)
    await check_books(payer.bill.id)
    await settle_refund(told(refund, RefundStanding.SUCCEEDED), present=True)
    assert (await PaymentAttempt.get(id=refund.attempt_id)).state is AttemptState.RETURNED
    await check_books(payer.bill.id)


async def test_surplus_money_the_platform_gives_up_is_sent_again(payer: Payer) -> None:
    refund = await paid_twice(payer)
    await settle_refund(told(refund, RefundStanding.CLOSED), present=True)
    again = await Refund.get(again_of=refund.id)
    assert (again.state, again.reason) == (RefundState.APPROVED, RefundReason.SURPLUS)
    await check_books(payer.bill.id)
    await settle_refund(told(again, RefundStanding.SUCCEEDED), present=True)
    assert (await PaymentAttempt.get(id=refund.attempt_id)).state is AttemptState.RETURNED
    await check_books(payer.bill.id)


async def test_surplus_money_told_of_again_is_promised_once(payer: Payer) -> None:
    refund = await paid_twice(payer)
    truth = PaymentTruth(
        "wechat", (await PaymentAttempt.get(id=refund.attempt_id)).order_no, PaymentState.PAID, FEE_FEN,
        payer_open_id=payer.person.openid,
    )  # fmt: skip
    for _ in range(3):
        assert (await settle(truth)).remark == "REPEATED"
    assert await Refund.filter(attempt_id=refund.attempt_id).count() == 1
