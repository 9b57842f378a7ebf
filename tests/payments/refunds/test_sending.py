"""The way to WeChat and back, while WeChat is unkind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import pytest

from app.kernel import clock, ports
from app.payments.models import MoneyTask, Refund
from app.payments.ports import PaymentChannel, RefundOrder, RefundTruth
from app.payments.refunds.deciding import approve_refund, give_up_refund, retry_refund
from app.payments.refunds.sending import pursue
from app.payments.states import AttemptState, BillState, RefundState
from app.payments.tasks import sweep_refunds
from app.payments.words import TaskState
from tests.identity.traces import audit_of, nothing_moves
from tests.payments.refunds.stage import Paid, back, check_books, make_paid, pursued
from tests.people import new_key
from tests.portal import Portal

R = RefundState
KIND = {
    "notify_by_itself": False, "haste": 0.002, "server_error": 0.0, "error_after_effect": 0.0, "timeout": 0.0,
    "garbage": 0.0, "sign_test": 0.0, "duplicate": 0.0, "refund_outcome": "SUCCESS", "not_enough": False,
}  # fmt: skip


@pytest.fixture
async def paid(portal: Portal) -> AsyncIterator[Paid]:
    """Of 40 and 60 yuan."""
    await portal.control.be_hostile(**KIND)
    yield await make_paid(portal, 4000, 6000)
    await portal.control.be_kind()


async def test_an_approved_refund_is_sent_by_the_worker_and_settled_by_the_sweep(paid: Paid) -> None:
    refund = await paid.refund(4000, 10000)
    await paid.portal.run_jobs()
    assert (await Refund.get(id=refund.id)).state is R.PROCESSING
    assert (await paid.standing())[1:] == (0, AttemptState.SUCCEEDED, 4000)

    settled = await back(refund)
    assert (settled.state, settled.ask_again_at) == (R.SUCCEEDED, None)
    assert settled.settled_at is not None
    assert settled.provider_ref is not None
    assert await paid.standing() == (BillState.PARTIALLY_REFUNDED, 4000, AttemptState.SUCCEEDED, 4000)
    assert await paid.at_wechat() == [("SUCCESS", 4000)]
    assert await audit_of(f"refund:{refund.id}") == [("refund.requested", "done"), ("refund.settled", "done")]
    await check_books(paid.bill.id)


async def test_the_notice_settles_it_once_however_often_it_comes(paid: Paid) -> None:
    refund = await paid.refund(10000, 10000)
    await pursued(refund)
    replies = await paid.portal.control.notify(
        paid.attempt.order_no, times=5, parallel=True, out_refund_no=refund.refund_no
    )
    assert all(reply.accepted for reply in replies)
    await paid.portal.run_jobs()
    assert await paid.standing() == (BillState.FULLY_REFUNDED, 10000, AttemptState.SUCCEEDED, 10000)
    assert [act for act, _ in await audit_of(f"refund:{refund.id}")].count("refund.settled") == 1
    await check_books(paid.bill.id)


async def test_bit_by_bit_until_nothing_is_left(paid: Paid) -> None:
    for place, (fen, left) in enumerate([(1, 10000), (3999, 9999), (6000, 6000)]):
        await back(await paid.refund(fen, left))
        whole = place == 2
        assert (await paid.standing())[0] is (BillState.FULLY_REFUNDED if whole else BillState.PARTIALLY_REFUNDED)
        await check_books(paid.bill.id)
    assert sorted(await paid.at_wechat()) == [("SUCCESS", 1), ("SUCCESS", 3999), ("SUCCESS", 6000)]


async def test_what_wechat_has_is_asked_about_and_never_sent_again(paid: Paid) -> None:
    """Sent again, a refund that is over under its number could start anew at one platform or another."""
    refund, wechat, sent = await paid.refund(4000, 10000), ports.get(PaymentChannel, "wechat"), []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(wechat, name)

        async def refund(self, order: RefundOrder) -> RefundTruth:
            sent.append(order.refund_no)
            return await wechat.refund(order)

    ports.register(PaymentChannel, "wechat", cast("PaymentChannel", Counting()))
    try:
        for _ in range(2):
            await pursued(refund)
    finally:
        ports.register(PaymentChannel, "wechat", wechat)
    assert sent == [refund.refund_no]


@pytest.mark.parametrize("fault", ["error_after_effect", "server_error", "garbage", "sign_test"])
async def test_an_answer_that_is_lost_is_asked_for_and_nothing_goes_twice(paid: Paid, fault: str) -> None:
    refund = await paid.refund(10000, 10000)
    await paid.portal.control.be_hostile(seed=7, **{fault: 1.0})
    lost = await pursued(refund)
    assert lost.state is R.APPROVED
    assert lost.ask_again_at is not None
    await paid.portal.control.be_hostile(**KIND)
    await back(refund)
    assert await paid.at_wechat() == [("SUCCESS", 10000)]
    await check_books(paid.bill.id)


async def test_a_worker_that_died_half_way_is_followed_by_one_that_asks(paid: Paid) -> None:
    """The turn is taken before WeChat is asked: the same job again does nothing, the sweep comes a minute later."""
    refund = await paid.refund(10000, 10000)
    await Refund.filter(id=refund.id).update(asked=1, ask_again_at=clock.now() + timedelta(minutes=1))
    async with nothing_moves():
        await pursue(refund.id)
    assert await paid.at_wechat() == []
    with clock.standing_at(clock.now() + timedelta(minutes=2)):
        await sweep_refunds()
        await paid.portal.run_jobs()
    await back(refund)
    assert await paid.at_wechat() == [("SUCCESS", 10000)]
    await check_books(paid.bill.id)


async def test_the_same_job_twice_sends_once(paid: Paid) -> None:
    refund = await paid.refund(10000, 10000)
    await pursue(refund.id)
    async with nothing_moves():
        await pursue(refund.id)
    assert len(await paid.at_wechat()) == 1


async def test_while_the_merchant_has_too_little_it_is_tried_again_and_after_a_while_a_person_is_told(
    paid: Paid,
) -> None:
    refund = await paid.refund(10000, 10000)
    await paid.portal.control.be_hostile(not_enough=True)
    for _ in range(3):
        assert (await pursued(refund)).state is R.APPROVED
    assert await paid.tasks() == set()
    await pursued(refund)
    assert await paid.tasks() == {("REFUND_REFUSED", "OPEN")}
    [task] = await MoneyTask.filter(subject=f"refund:{refund.id}")
    assert (task.unit, task.ours_fen, task.detail) == ("ps-household", 10000, {"code": "NOT_ENOUGH"})

    await paid.portal.control.be_hostile(not_enough=False)
    await back(refund)
    assert await paid.tasks() == {("REFUND_REFUSED", "SETTLED")}
    await check_books(paid.bill.id)


async def test_what_the_platform_will_not_take_waits_for_a_person(paid: Paid) -> None:
    """Somebody has sent the money back in the platform's own console."""
    wechat = ports.get(PaymentChannel, "wechat")
    await wechat.refund(RefundOrder(new_key(), paid.attempt.order_no, 10000, 10000, "退款"))
    refund = await paid.refund(10000, 10000)
    refused = await pursued(refund)
    assert (refused.state, refused.ask_again_at) == (R.APPROVED, None)
    assert await paid.tasks() == {("REFUND_REFUSED", "OPEN")}
    await check_books(paid.bill.id)

    await MoneyTask.filter(subject=f"refund:{refund.id}").update(state=TaskState.DONE)
    await retry_refund(paid.second, refund.id)
    await pursued(refund)
    assert await paid.tasks() == {("REFUND_REFUSED", "OPEN")}
    given_up = await give_up_refund(paid.second, refund.id, "已在支付平台后台退还")
    assert given_up.state is R.CLOSED
    assert await paid.tasks() == {("REFUND_REFUSED", "SETTLED")}
    await check_books(paid.bill.id)


async def test_a_refund_that_does_not_arrive_becomes_a_task(paid: Paid) -> None:
    refund = await paid.refund(10000, 10000)
    await paid.portal.control.be_hostile(refund_outcome="ABNORMAL")
    stuck = await back(refund, R.ABNORMAL)
    assert stuck.ask_again_at is not None
    assert await paid.tasks() == {("REFUND_ABNORMAL", "OPEN")}
    assert await paid.standing() == (BillState.PAID, 0, AttemptState.SUCCEEDED, 10000)
    await check_books(paid.bill.id)


async def test_a_refund_the_platform_gave_up_is_started_again_once_by_itself_and_then_by_a_person(paid: Paid) -> None:
    first = await paid.refund(10000, 10000)
    await paid.portal.control.be_hostile(refund_outcome="CLOSED")
    await back(first, R.CLOSED)
    second = await Refund.get(again_of=first.id)
    assert (second.state, second.amount_fen, second.lines) == (R.APPROVED, 10000, first.lines)
    assert second.refund_no != first.refund_no
    assert await paid.tasks() == set()

    await back(second, R.CLOSED)
    assert await paid.refunds() == [R.CLOSED, R.CLOSED]
    assert await paid.tasks() == {("REFUND_REFUSED", "OPEN")}
    assert await paid.standing() == (BillState.PAID, 0, AttemptState.SUCCEEDED, 0)
    await check_books(paid.bill.id)

    await paid.portal.control.be_hostile(refund_outcome="SUCCESS")
    third = await retry_refund(paid.second, second.id)
    assert third.id == (await retry_refund(paid.second, second.id)).id
    await back(third)
    assert await paid.tasks() == {("REFUND_REFUSED", "SETTLED")}
    assert sorted(await paid.at_wechat()) == [("CLOSED", 10000), ("CLOSED", 10000), ("SUCCESS", 10000)]
    await check_books(paid.bill.id)


async def test_a_large_refund_goes_out_when_the_second_person_agrees(portal: Portal) -> None:
    await portal.control.be_hostile(**KIND)
    paid = await make_paid(portal, 60000)
    refund = await paid.refund(60000, 60000)
    await portal.run_jobs()
    assert await paid.at_wechat() == []
    await approve_refund(paid.second, refund.id)
    await back(refund)
    assert await paid.at_wechat() == [("SUCCESS", 60000)]
    await portal.control.be_kind()
