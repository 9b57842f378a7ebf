from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.identity.models import ChannelBinding
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.audit import AuditLine
from app.kernel.errors import ProviderUnavailable
from app.payments.commands import pay
from app.payments.errors import BillExpired, ChannelUnavailable, NothingToPay, PaymentRefused, PaymentUnderWay
from app.payments.models import Bill, PaymentAttempt
from app.payments.settling import expire
from app.payments.states import AttemptState, BillState
from tests.identity.accounts import caller_of, make_staff
from tests.identity.traces import nothing_moves
from tests.payments.stage import Payer, make_notice, make_payer
from tests.people import new_key
from tests.portal import Portal


@pytest.fixture
async def payer(portal: Portal) -> AsyncIterator[Payer]:
    await portal.control.be_hostile(notify_by_itself=False)
    yield await make_payer(portal)
    await portal.control.be_kind()


async def test_the_phone_gets_what_it_needs_to_ask_for_the_payment(portal: Portal, payer: Payer) -> None:
    phone = await caller_of(portal, payer.actor)

    payable = await phone.do("Pay", billId=str(payer.bill.id), idempotencyKey=new_key())

    parameters = {entry["name"]: entry["value"] for entry in payable["parameters"]}
    assert set(parameters) == {"timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert payable["bill"] == {
        "id": str(payer.bill.id),
        "number": payer.bill.number,
        "totalFen": 4000,
        "state": "PAYING",
    }
    order = await portal.control.order(payable["orderNo"])
    assert order.description == "居民身份证丢失补领(损坏换领)"
    assert order.notify_url == f"{portal.url}/callbacks/wechat/payment"


async def test_the_same_key_and_other_keys_at_once_go_on_with_one_order(portal: Portal, payer: Payer) -> None:
    phone, key = await caller_of(portal, payer.actor), new_key()
    keys = [key, key, key, new_key(), new_key()]
    answers = await asyncio.gather(
        *(phone.do("Pay", billId=str(payer.bill.id), idempotencyKey=chosen) for chosen in keys)
    )
    assert {answer["__typename"] for answer in answers} == {"Payable"}
    [number] = {answer["orderNo"] for answer in answers}
    attempt = await PaymentAttempt.get(order_no=number)
    prepared = AuditLine.filter(act="payment.prepared", subject=f"payment:{attempt.id}")
    assert await prepared.count() == len({*keys}), "once for each key, however often it comes"


async def test_while_wechat_is_down_the_attempt_waits_and_the_next_tap_goes_on_with_it(
    portal: Portal, payer: Payer
) -> None:
    await portal.control.be_hostile(server_error=1.0)
    with pytest.raises(ProviderUnavailable):
        await payer.open_order()
    assert await payer.standing() == {
        "bill": BillState.PAYING, "case": payer.case.state, "attempts": [AttemptState.PREPARING],
    }  # fmt: skip
    assert [order for order in await portal.control.orders() if order.openid == payer.person.openid] == []

    await portal.control.be_hostile(server_error=0.0)
    payable = await payer.open_order()

    assert (await payer.standing())["attempts"] == [AttemptState.OPEN]
    await payer.pays(payable)


async def test_an_order_paid_although_its_answer_was_lost_is_settled_by_the_next_tap(
    portal: Portal, payer: Payer
) -> None:
    """WeChat took the order and the money, and we heard of neither: ORDERPAID leads to the truth."""
    await portal.control.be_hostile(error_after_effect=1.0)
    with pytest.raises(ProviderUnavailable):
        await payer.open_order()
    await portal.control.be_hostile(error_after_effect=0.0)
    [order] = [order for order in await portal.control.orders() if order.openid == payer.person.openid]
    await portal.control.pay_order(order.out_trade_no)

    with pytest.raises(NothingToPay):
        await payer.open_order()

    assert (await payer.standing())["bill"] is BillState.PAID
    assert await payer.settlements() == 1


async def test_an_order_wechat_does_not_take_is_refused_as_such(portal: Portal, payer: Payer) -> None:
    """A payer WeChat does not know; the bill stays owed."""
    await ChannelBinding.filter(resident_id=payer.actor.resident_id()).update(open_id=db.new_id().hex)
    with pytest.raises(PaymentRefused) as refused:
        await payer.open_order()
    assert refused.value.retryable
    assert (await payer.standing())["attempts"] == [AttemptState.PREPARING]


async def test_who_never_came_by_wechat_cannot_pay_there(payer: Payer) -> None:
    await ChannelBinding.filter(resident_id=payer.actor.resident_id()).delete()
    async with nothing_moves():
        with pytest.raises(ChannelUnavailable) as refused:
            await payer.open_order()
    assert refused.value.field == "channel"


async def test_a_bill_that_ended_opens_no_order(payer: Payer) -> None:
    with clock.standing_at(payer.bill.due_at):
        assert await expire(payer.bill.id)
    async with nothing_moves():
        with pytest.raises(BillExpired):
            await payer.open_order()


async def test_an_order_never_outlives_its_bill(payer: Payer) -> None:
    with clock.standing_at(payer.bill.due_at - timedelta(minutes=10)):
        attempt = (await payer.open_order()).attempt
    assert attempt.expires_at == payer.bill.due_at.replace(microsecond=0)


async def test_the_same_key_after_the_order_was_closed_opens_the_next_one(portal: Portal, payer: Payer) -> None:
    key = new_key()
    first = await pay(payer.actor, payer.bill.id, "wechat", idempotency_key=key)
    with clock.standing_at(first.attempt.expires_at):
        second = await pay(payer.actor, payer.bill.id, "wechat", idempotency_key=key)
    assert second.attempt.order_no != first.attempt.order_no
    assert (await payer.standing())["attempts"] == [AttemptState.CLOSED, AttemptState.OPEN]


async def test_paid_in_the_last_minute_it_is_not_opened_again(payer: Payer) -> None:
    payable = await payer.open_order()
    await payer.pays(payable)
    with clock.standing_at(payable.attempt.expires_at), pytest.raises(NothingToPay):
        await payer.open_order()
    assert (await payer.standing())["attempts"] == [AttemptState.SUCCEEDED]


async def test_another_payer_has_an_order_of_their_own_and_the_first_can_no_longer_be_paid(
    portal: Portal, payer: Payer
) -> None:
    """The resident's second app, or an agent: what the first phone has is signed for somebody else."""
    opened = await payer.open_order()
    second = await portal.control.make_phone()
    await ChannelBinding.filter(resident_id=payer.actor.id).update(open_id=second.openid)

    other = await payer.open_order()

    assert (other.attempt.id == opened.attempt.id, other.attempt.payer_open_id) == (False, second.openid)
    assert (await payer.standing())["attempts"] == [AttemptState.CLOSED, AttemptState.OPEN]
    assert (await portal.control.order(opened.attempt.order_no)).trade_state == "CLOSED"


async def test_who_only_knows_the_code_leaves_an_order_alone_while_somebody_is_at_it(
    portal: Portal, payer: Payer
) -> None:
    notice, other = await make_notice(await make_staff(Role.CASHIER), anyone_may_pay=True), await make_payer(portal)
    opened = await pay(payer.actor, notice.id, "wechat", idempotency_key=new_key())
    with clock.standing_at(opened.attempt.opened_at + timedelta(seconds=100)):
        async with nothing_moves():
            with pytest.raises(PaymentUnderWay) as refused:
                await pay(other.actor, notice.id, "wechat", idempotency_key=new_key())
        assert (refused.value.retry_after_seconds, refused.value.retryable) == (20, True)
        assert (await pay(payer.actor, notice.id, "wechat", idempotency_key=new_key())).attempt.id == opened.attempt.id
    assert (await portal.control.order(opened.attempt.order_no)).trade_state == "NOTPAY"

    with clock.standing_at(opened.attempt.opened_at + timedelta(minutes=2)):
        second = await pay(other.actor, notice.id, "wechat", idempotency_key=new_key())
    assert second.attempt.payer_id == other.actor.id
    assert (await portal.control.order(opened.attempt.order_no)).trade_state == "CLOSED"


async def test_a_stranger_never_keeps_the_debtor_waiting(portal: Portal, payer: Payer) -> None:
    notice, stranger = await make_notice(await make_staff(Role.CASHIER), anyone_may_pay=True), await make_payer(portal)
    await Bill.filter(id=notice.id).update(resident_id=payer.actor.id)
    opened = await pay(stranger.actor, notice.id, "wechat", idempotency_key=new_key())
    mine = await pay(payer.actor, notice.id, "wechat", idempotency_key=new_key())
    assert mine.attempt.payer_id == payer.actor.id
    assert (await portal.control.order(opened.attempt.order_no)).trade_state == "CLOSED"


async def test_another_payer_waits_while_the_first_order_cannot_be_closed(portal: Portal, payer: Payer) -> None:
    await payer.open_order()
    second = await portal.control.make_phone()
    await ChannelBinding.filter(resident_id=payer.actor.id).update(open_id=second.openid)
    await portal.control.be_hostile(server_error=1.0)

    async with nothing_moves():
        with pytest.raises(ProviderUnavailable):
            await payer.open_order()


async def test_who_comes_second_to_a_paid_order_has_nothing_to_pay(portal: Portal, payer: Payer) -> None:
    await portal.control.be_hostile(notify_by_itself=False)
    opened = await payer.open_order()
    await payer.pays(opened)
    second = await portal.control.make_phone()
    await ChannelBinding.filter(resident_id=payer.actor.id).update(open_id=second.openid)

    with pytest.raises(NothingToPay):
        await payer.open_order()

    assert (await payer.standing())["attempts"] == [AttemptState.SUCCEEDED]
