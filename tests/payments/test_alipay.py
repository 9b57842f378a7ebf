"""Without this module a resident who comes from Alipay could find that the portal takes WeChat's money only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.cases.rules import CaseState
from app.identity.rules import Role
from app.kernel import clock
from app.payments.models import Bill, LedgerEntry, PaymentAttempt, Refund
from app.payments.ports import PaymentState, PaymentTruth
from app.payments.settling import ask_about, settle
from app.payments.states import AttemptState, BillState, RefundState
from app.payments.tasks import sweep_open_orders
from tests.payments.alipay_stage import AlipayPayer, make_alipay_payer
from tests.payments.refunds.stage import check_books
from tests.payments.standing import money_of
from tests.people import AlipayPhone, new_key
from tests.portal import Portal

WAITING = (BillState.PAYING, CaseState.PAYMENT_PENDING, [AttemptState.OPEN])


@pytest.fixture
async def payer(portal: Portal) -> AsyncIterator[AlipayPayer]:
    """Alipay keeps silent unless a test lets it speak."""
    await portal.run_jobs()
    await portal.control.be_hostile(notify_by_itself=False)
    yield await make_alipay_payer(portal)
    await portal.run_jobs()
    await portal.control.be_kind()


async def test_a_phone_is_offered_what_its_host_app_can_carry_out(portal: Portal) -> None:
    wechat, stranger = await portal.phone(proven=False), portal.stranger()
    alipay = await AlipayPhone.of(wechat)
    portal.people.append(alipay)
    await alipay.sign_in()
    offered = [[channel["code"] for channel in await phone.do("PaymentChannels")] for phone in (wechat, alipay)]
    assert offered == [["wechat"], ["alipay"]]
    named = [await stranger.do("PaymentChannels", hostApp=app) for app in ("alipay", "wechat", "window", None)]
    assert [[channel["name"] for channel in channels] for channels in named] == [
        ["支付宝"],
        ["微信支付"],
        [],
        ["微信支付", "支付宝"],
    ]


async def test_signed_in_through_alipay_paid_there_told_of_it_and_settled(portal: Portal, payer: AlipayPayer) -> None:
    await portal.control.be_hostile(notify_by_itself=True)
    payable = await payer.asks()
    trade = await portal.control.trade(payable["orderNo"])
    assert payable["parameters"] == [{"name": "tradeNO", "value": trade.trade_no}]
    assert (trade.total, trade.open_id, trade.trade_status) == (4000, payer.phone.user.open_id, "WAIT_BUYER_PAY")
    assert await payer.standing() == WAITING

    await payer.pays()
    await portal.control.settle()
    await portal.run_jobs()

    assert await payer.is_settled()
    shown = await payer.phone.do("BillDetail", id=str(payer.bill_id))
    assert shown["state"] in {"PAID", "RECEIPTED"}
    assert shown["totalFen"] == 4000
    entries = await LedgerEntry.filter(bill_id=payer.bill_id).order_by("id")
    assert [(entry.account.value, entry.channel, entry.amount_fen) for entry in entries][2:] == [
        ("CLEARING", "alipay", 4000),
        ("PAYER", "", -4000),
    ]


async def test_the_phone_s_word_is_a_hint_and_the_query_the_truth(payer: AlipayPayer) -> None:
    await payer.asks()
    before = await payer.phone.do("ConfirmPayment", billId=str(payer.bill_id))
    assert before["state"] == "PAYING"
    await payer.pays()
    after = await payer.phone.do("ConfirmPayment", billId=str(payer.bill_id))
    assert after["state"] == "PAID"
    assert await payer.is_settled()


async def test_a_lost_notice_is_found_by_the_sweep(portal: Portal, payer: AlipayPayer) -> None:
    await payer.pays()
    assert await payer.standing() == WAITING
    with clock.standing_at(clock.now() + timedelta(minutes=2)):
        await sweep_open_orders()
    await portal.run_jobs()
    assert await payer.is_settled()


async def test_a_notice_eight_times_at_once_settles_once(portal: Portal, payer: AlipayPayer) -> None:
    number = await payer.pays()
    replies = await portal.control.notify_trade(number, times=8, parallel=True)
    await portal.run_jobs()
    assert [(reply.status, reply.body) for reply in replies] == [(200, "success")] * 8
    assert await payer.is_settled()


@pytest.mark.parametrize(
    "mode", ["forged", "tampered", "truncated", "garbage", "sign_type_kept", "other_app", "other_seller"]
)
async def test_what_is_not_genuine_is_refused_and_the_genuine_one_still_settles(
    portal: Portal, payer: AlipayPayer, mode: str
) -> None:
    number = await payer.pays()
    before = await money_of(number)
    [reply] = await portal.control.notify_trade(number, mode)
    await portal.run_jobs()
    assert (reply.status, reply.body) == (400, "fail")
    assert await money_of(number) == before
    await portal.control.notify_trade(number)
    await portal.run_jobs()
    assert await payer.is_settled()


@pytest.mark.parametrize("mode", ["wrong_amount", "other_buyer"])
async def test_alipay_s_own_word_on_another_sum_or_payer_settles_nothing(
    portal: Portal, payer: AlipayPayer, mode: str
) -> None:
    """Acknowledged, kept for a person, and the provider asked."""
    number = (await payer.asks())["orderNo"]
    before = await money_of(number)
    [reply] = await portal.control.notify_trade(number, mode)
    await portal.run_jobs()
    assert (reply.status, reply.body) == (200, "success")
    assert await money_of(number) == before | {"tasks": 1}
    assert await payer.standing() == WAITING


async def test_an_order_whose_time_is_over_is_closed_at_alipay(portal: Portal, payer: AlipayPayer) -> None:
    number = (await payer.asks())["orderNo"]
    attempt = await PaymentAttempt.get(order_no=number)
    with clock.standing_at(attempt.expires_at + timedelta(seconds=1)):
        await ask_about(attempt.id)
    assert await payer.standing() == (BillState.CREATED, CaseState.PAYMENT_PENDING, [AttemptState.CLOSED])
    assert (await portal.control.trade(number)).trade_status == "TRADE_CLOSED"


async def test_paid_in_the_very_moment_of_closing_is_paid(payer: AlipayPayer) -> None:
    number = await payer.pays()
    attempt = await PaymentAttempt.get(order_no=number)
    with clock.standing_at(attempt.expires_at + timedelta(seconds=1)):
        await ask_about(attempt.id)
    assert await payer.is_settled()


async def test_money_that_nothing_waits_for_goes_back_inside_alipay(portal: Portal, payer: AlipayPayer) -> None:
    """The first order was taken for closed and another one paid; then the first is paid as well."""
    first = (await payer.asks())["orderNo"]
    await settle(PaymentTruth("alipay", first, PaymentState.CLOSED))
    second = await payer.pays()
    await portal.control.be_hostile(notify_by_itself=True)
    await portal.control.notify_trade(second)
    await portal.run_jobs()
    assert (await Bill.get(id=payer.bill_id)).state in {BillState.PAID, BillState.RECEIPTED}

    assert await portal.control.pay_trade(first) == "9000"
    await portal.control.settle()
    await portal.run_jobs()
    await portal.control.settle()
    await portal.run_jobs()

    attempt = await PaymentAttempt.get(order_no=first)
    refund = await Refund.get(attempt_id=attempt.id)
    trade = await portal.control.trade(first)
    assert (attempt.state, refund.state) == (AttemptState.RETURNED, RefundState.SUCCEEDED)
    assert (trade.trade_status, [one["refund_amount"] for one in trade.refunds]) == ("TRADE_CLOSED", ["40.00"])
    assert (await portal.control.trade(second)).trade_status == "TRADE_SUCCESS"
    assert sum([entry.amount_fen for entry in await LedgerEntry.filter(bill_id=payer.bill_id)]) == 0


async def test_who_never_came_from_alipay_cannot_pay_there(portal: Portal, payer: AlipayPayer) -> None:
    """And somebody else's bill does not exist for them."""
    wechat = await portal.phone(proven=False)
    refused = await wechat.do("Pay", billId=str(payer.bill_id), idempotencyKey=new_key(), channel="alipay")
    assert refused["code"] == "NOT_FOUND"
    await Bill.filter(id=payer.bill_id).update(anyone_may_pay=True)
    refused = await wechat.do("Pay", billId=str(payer.bill_id), idempotencyKey=new_key(), channel="alipay")
    assert refused["code"] == "PAYMENT_CHANNEL_UNAVAILABLE"
    assert await PaymentAttempt.filter(bill_id=payer.bill_id).count() == 0


async def test_a_silent_alipay_is_a_clear_refusal(portal: Portal, payer: AlipayPayer) -> None:
    await portal.control.be_hostile(server_error=1.0)
    refused = await payer.phone.do("Pay", billId=str(payer.bill_id), idempotencyKey=new_key(), channel="alipay")
    assert (refused["code"], refused["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    assert "支付宝" in refused["message"]


async def test_a_refund_asked_for_and_agreed_to_over_http_is_back_in_alipay_in_parts(
    portal: Portal, payer: AlipayPayer
) -> None:
    """The notice repeats what the answer told; the ledger adds up and the trade ends with the last part."""
    number, manager = await payer.pays(), await portal.clerk(Role.DEPARTMENT_MANAGER)
    await payer.phone.do("ConfirmPayment", billId=str(payer.bill_id))
    await portal.control.be_hostile(notify_by_itself=True, haste=0.0001)

    for fen, left, state in ((1500, 4000, "PARTIALLY_REFUNDED"), (2500, 2500, "FULLY_REFUNDED")):
        asked = {"billId": str(payer.bill_id), "reason": "CHARGED_WRONGLY", "amountFen": fen}
        refund = await payer.phone.do("RequestRefund", **asked, believedRefundableFen=left, idempotencyKey=new_key())
        assert refund["state"] == "REQUESTED", refund
        approved = await manager.do("ApproveRefund", id=refund["id"])
        assert approved["__typename"] == "Refund", approved
        await portal.run_jobs()
        await portal.control.settle()
        await portal.run_jobs()
        assert (await payer.phone.do("BillDetail", id=str(payer.bill_id)))["state"] == state

    seen = await payer.phone.do("BillRefunds", billId=str(payer.bill_id))
    assert (seen["refundedFen"], seen["refundableFen"]) == (4000, 0)
    assert [(one["amountFen"], one["state"]) for one in seen["refunds"]] == [(1500, "SUCCEEDED"), (2500, "SUCCEEDED")]
    trade = await portal.control.trade(number)
    assert trade.trade_status == "TRADE_CLOSED"
    assert [(one["refund_amount"], one["through"]) for one in trade.refunds] == [("15.00", True), ("25.00", True)]
    await check_books(payer.bill_id)
