from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.cases.events import CaseApproved
from app.cases.rules import CaseState
from app.kernel import clock
from app.kernel.errors import IdempotencyKeyReused, NotFound, ProviderUnavailable
from app.payments.commands import confirm, pay
from app.payments.errors import BillExpired, ChannelUnavailable, NothingToPay
from app.payments.issuing import issue_bill
from app.payments.models import Bill, PaymentAttempt
from app.payments.ports import PaymentState, PaymentTruth
from app.payments.settling import ask_about, settle
from app.payments.states import AttemptState, BillState
from app.payments.tasks import bill_the_case
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import nothing_moves
from tests.payments.stage import FEE_FEN, Payer, make_payer
from tests.people import new_key
from tests.portal import Portal


@pytest.fixture
async def payer(portal: Portal) -> AsyncIterator[Payer]:
    """WeChat keeps silent: each test finds the truth in its own way."""
    await portal.control.be_hostile(notify_by_itself=False)
    yield await make_payer(portal)
    await portal.control.be_kind()


async def test_an_approved_case_is_billed_once_however_often_the_fact_arrives(payer: Payer) -> None:
    fact = CaseApproved(payer.case.id, has_fees=True)
    await asyncio.gather(*(bill_the_case(fact) for _ in range(5)))
    [bill] = await Bill.filter(case_id=payer.case.id)
    assert (bill.id, bill.total_fen, bill.state) == (payer.bill.id, FEE_FEN, BillState.CREATED)
    assert [(line["name"], line["amount_fen"]) for line in bill.lines] == [
        ("居民身份证工本费(丢失补领/损坏换领)", FEE_FEN)
    ]


async def test_the_provider_is_told_the_bill_s_amount_and_the_payer(portal: Portal, payer: Payer) -> None:
    payable = await payer.open_order()
    order = await portal.control.order(payable.attempt.order_no)
    assert (order.total, order.openid, order.trade_state) == (FEE_FEN, payer.person.openid, "NOTPAY")
    assert await payer.standing() == {
        "bill": BillState.PAYING,
        "case": CaseState.PAYMENT_PENDING,
        "attempts": [AttemptState.OPEN],
    }


async def test_paying_again_uses_the_order_that_is_still_good(payer: Payer) -> None:
    key = new_key()
    first = await pay(payer.actor, payer.bill.id, "wechat", idempotency_key=key)
    again = await pay(payer.actor, payer.bill.id, "wechat", idempotency_key=key)
    other = await payer.open_order()
    assert first.attempt.order_no == again.attempt.order_no == other.attempt.order_no
    assert first.client_parameters["nonceStr"] != again.client_parameters["nonceStr"]


async def test_many_taps_at_once_make_one_order(portal: Portal, payer: Payer) -> None:
    payables = await asyncio.gather(*(payer.open_order() for _ in range(6)))
    assert len({payable.attempt.order_no for payable in payables}) == 1
    assert await PaymentAttempt.filter(bill_id=payer.bill.id).count() == 1
    mine = [order for order in await portal.control.orders() if order.openid == payer.person.openid]
    assert len(mine) == 1


async def test_a_key_belongs_to_one_bill(portal: Portal, payer: Payer) -> None:
    key = new_key()
    await pay(payer.actor, payer.bill.id, "wechat", idempotency_key=key)
    another = await make_payer(portal)
    await Bill.filter(id=another.bill.id).update(resident_id=payer.actor.resident_id())
    with pytest.raises(IdempotencyKeyReused):
        await pay(payer.actor, another.bill.id, "wechat", idempotency_key=key)
    assert await PaymentAttempt.filter(bill_id=another.bill.id).count() == 0


async def test_the_phone_is_a_hint_and_the_query_the_truth(payer: Payer) -> None:
    """Nobody notified us; the phone says it has paid, WeChat is asked, the bill is settled once."""
    payable = await payer.open_order()
    before = await confirm(payer.actor, payer.bill.id)
    assert before.state is BillState.PAYING
    await payer.pays(payable)
    bills = await asyncio.gather(*(confirm(payer.actor, payer.bill.id) for _ in range(4)))
    assert {bill.state for bill in bills} == {BillState.PAID}
    assert await payer.standing() == {
        "bill": BillState.PAID,
        "case": CaseState.RESULT_READY,
        "attempts": [AttemptState.SUCCEEDED],
    }
    assert await payer.settlements() == 1


@pytest.mark.parametrize(
    ("language", "before", "after", "paid"),
    [
        ("zh-CN", "支付中", "正在向微信支付确认付款结果,请稍候,不必重复支付", "已缴费"),
        (
            "en",
            "Being paid",
            "We are confirming with WeChat Pay whether it is paid; please wait and do not pay again.",
            "Paid",
        ),
    ],
)
async def test_between_the_phone_s_word_and_wechat_s_the_bill_says_that_we_are_asking(
    portal: Portal, payer: Payer, language: str, before: str, after: str, paid: str
) -> None:
    phone, key = await caller_of(portal, payer.actor, language), str(payer.bill.id)
    payable = await payer.open_order()
    assert (await phone.do("BillDetail", id=key))["stateText"] == before
    await portal.control.be_hostile(server_error=1.0)
    assert (await phone.do("ConfirmPayment", billId=key))["code"] == "PROVIDER_UNAVAILABLE"
    await portal.control.be_hostile(server_error=0.0)
    assert (await phone.do("BillDetail", id=key))["stateText"] == after
    assert (await phone.do("ConfirmPayment", billId=key))["stateText"] == after
    async with nothing_moves("session"):
        await phone.do("ConfirmPayment", billId=key)
    [listed] = (await phone.do("MyBills"))["edges"]
    assert (listed["node"]["state"], listed["node"]["stateText"]) == ("PAYING", after)

    await payer.pays(payable)
    assert (await phone.do("ConfirmPayment", billId=key))["stateText"] == paid


async def test_who_went_back_without_paying_is_not_kept_from_it_for_longer_than_a_minute(
    portal: Portal, payer: Payer
) -> None:
    phone, key = await caller_of(portal, payer.actor), str(payer.bill.id)
    opened = (await payer.open_order()).attempt
    await confirm(payer.actor, payer.bill.id)
    for seconds, words in ((59, "正在向微信支付确认付款结果,请稍候,不必重复支付"), (61, "支付中")):
        with clock.standing_at(clock.now() + timedelta(seconds=seconds)):
            await ask_about(opened.id)
        assert (await phone.do("BillDetail", id=key))["stateText"] == words


async def test_an_order_that_came_to_nothing_is_asked_about_no_more(portal: Portal, payer: Payer) -> None:
    payable = await payer.open_order()
    await confirm(payer.actor, payer.bill.id)
    await settle(PaymentTruth("wechat", payable.attempt.order_no, PaymentState.CLOSED))
    phone = await caller_of(portal, payer.actor)
    assert (await phone.do("BillDetail", id=str(payer.bill.id)))["stateText"] == "待缴费"
    await payer.open_order()
    assert (await phone.do("BillDetail", id=str(payer.bill.id)))["stateText"] == "支付中"


async def test_a_paid_bill_cannot_be_paid_again(payer: Payer) -> None:
    payable = await payer.open_order()
    await payer.pays(payable)
    await confirm(payer.actor, payer.bill.id)
    with pytest.raises(NothingToPay):
        await payer.open_order()
    assert (await payer.standing())["attempts"] == [AttemptState.SUCCEEDED]


async def test_an_order_paid_behind_our_back_is_found_when_the_phone_tries_again(payer: Payer) -> None:
    """The handle has grown old, so the order is opened again, and WeChat says it is paid."""
    payable = await payer.open_order()
    await payer.pays(payable)
    await PaymentAttempt.filter(id=payable.attempt.id).update(prepaid_at=clock.now() - timedelta(hours=3))
    with pytest.raises(NothingToPay):
        await payer.open_order()
    assert (await payer.standing())["bill"] is BillState.PAID
    assert await payer.settlements() == 1


async def test_an_order_whose_time_is_over_is_closed_before_another_is_opened(portal: Portal, payer: Payer) -> None:
    first = await payer.open_order()
    await PaymentAttempt.filter(id=first.attempt.id).update(expires_at=clock.now() - timedelta(seconds=1))
    second = await payer.open_order()
    assert second.attempt.order_no != first.attempt.order_no
    assert (await payer.standing())["attempts"] == [AttemptState.CLOSED, AttemptState.OPEN]
    assert (await portal.control.order(first.attempt.order_no)).trade_state == "CLOSED"


async def test_a_lost_answer_is_asked_for_again_with_equal_values(portal: Portal, payer: Payer) -> None:
    """WeChat opened the order and the answer was lost each time: the next tap finds the very same order."""
    await portal.control.be_hostile(error_after_effect=1.0)
    with pytest.raises(ProviderUnavailable):
        await payer.open_order()
    assert (await payer.standing())["attempts"] == [AttemptState.PREPARING]
    await portal.control.be_hostile(error_after_effect=0.0)
    payable = await payer.open_order()
    [order] = [order for order in await portal.control.orders() if order.openid == payer.person.openid]
    assert order.out_trade_no == payable.attempt.order_no


async def test_a_silent_provider_is_a_clear_refusal(portal: Portal, payer: Payer) -> None:
    phone = await caller_of(portal, payer.actor)
    await portal.control.be_hostile(server_error=1.0)
    refused = await phone.do("Pay", billId=str(payer.bill.id), idempotencyKey=new_key())
    assert (refused["code"], refused["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    assert "微信支付" in refused["message"]


async def test_an_expired_bill_is_refused(payer: Payer) -> None:
    with clock.standing_at(payer.bill.due_at + timedelta(seconds=1)), pytest.raises(BillExpired):
        await payer.open_order()
    assert (await payer.standing())["attempts"] == []


async def test_somebody_else_s_bill_does_not_exist(portal: Portal, payer: Payer) -> None:
    stranger = await caller_of(portal, await make_resident())
    seen = await stranger.do("BillDetail", id=str(payer.bill.id))
    paid = await stranger.do("Pay", billId=str(payer.bill.id), idempotencyKey=new_key())
    confirmed = await stranger.do("ConfirmPayment", billId=str(payer.bill.id))
    assert [answer["code"] for answer in (seen, paid, confirmed)] == ["NOT_FOUND"] * 3
    with pytest.raises(NotFound):
        await pay((await make_payer(portal)).actor, payer.bill.id, "wechat", idempotency_key=new_key())
    assert (await payer.standing())["attempts"] == []


async def test_an_unknown_channel_and_a_payer_without_one_are_refused(payer: Payer) -> None:
    with pytest.raises(ChannelUnavailable):
        await pay(payer.actor, payer.bill.id, "carrier-pigeon", idempotency_key=new_key())
    assert (await payer.standing())["attempts"] == []


async def test_the_owner_reads_the_bill(portal: Portal, payer: Payer) -> None:
    phone = await caller_of(portal, payer.actor)
    bill = await phone.do("BillDetail", id=str(payer.bill.id))
    assert (bill["totalFen"], bill["stateText"], bill["number"]) == (FEE_FEN, "待缴费", payer.bill.number)


async def test_a_line_names_its_item_and_standard_and_nothing_where_the_list_did_not(
    portal: Portal, payer: Payer
) -> None:
    phone, key = await caller_of(portal, payer.actor), str(payer.bill.id)
    [line] = (await phone.do("BillDetail", id=key))["lines"]
    assert (line["code"], line["standard"], line["standardText"]) == ("ID40", "NATIONAL", "国家统一标准")
    assert line["basis"] == "发改价格〔2003〕2322号"

    before = [{name: value for name, value in each.items() if name != "standard"} for each in payer.bill.lines]
    await Bill.filter(id=payer.bill.id).update(lines=before)
    [line] = (await phone.do("BillDetail", id=key))["lines"]
    assert (line["code"], line["standard"], line["standardText"]) == ("ID40", None, None)


async def test_a_case_without_fees_due_gets_no_bill(payer: Payer) -> None:
    await Bill.filter(id=payer.bill.id).delete()
    payer.case.state = CaseState.RESULT_READY
    await payer.case.save()
    assert await issue_bill(payer.case.id) is None
