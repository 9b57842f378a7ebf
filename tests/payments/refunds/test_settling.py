from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.kernel.audit import AuditLine
from app.payments.models import LedgerEntry, MoneyTask, PaymentAttempt, Refund
from app.payments.ports import RefundStanding, RefundTruth
from app.payments.refunds.deciding import decline_refund, retry_refund
from app.payments.refunds.settling import settle_refund
from app.payments.states import AttemptState, BillState, RefundState
from tests.identity.traces import nothing_moves
from tests.payments.refunds.stage import Paid, check_books, make_paid, told
from tests.portal import Portal

R, S, B = RefundState, RefundStanding, BillState
TOLD = ("money_task", "procrastinate_jobs")
"""What moves when a person is told."""


@pytest.fixture
async def paid(portal: Portal) -> AsyncIterator[Paid]:
    await portal.control.be_hostile(notify_by_itself=False, haste=0.002)
    yield await make_paid(portal, 4000, 6000)
    await portal.control.be_kind()


async def said(refund: Refund, standing: RefundStanding, *, asked: bool = True) -> str:
    """What a word of WeChat came to."""
    return (await settle_refund(told(refund, standing), present=asked)).remark


async def test_the_same_word_again_changes_nothing(paid: Paid) -> None:
    refund = await paid.refund(4000, 10000)
    assert await said(refund, S.PROCESSING, asked=False) == "TAKEN"
    async with nothing_moves():
        assert await said(refund, S.PROCESSING, asked=False) == "NOTHING"
    assert await said(refund, S.SUCCEEDED, asked=False) == "BACK"
    async with nothing_moves():
        assert await said(refund, S.SUCCEEDED, asked=False) == "REPEATED"
        assert await said(refund, S.PROCESSING, asked=False) == "NOTHING"
    assert await paid.standing() == (B.PARTIALLY_REFUNDED, 4000, AttemptState.SUCCEEDED, 4000)
    await check_books(paid.bill.id)


@pytest.mark.parametrize("asked", [True, False])
async def test_another_amount_moves_nothing_and_a_person_is_told(paid: Paid, asked: bool) -> None:
    refund = await paid.refund(4000, 10000)
    async with nothing_moves(*TOLD):
        handled = await settle_refund(told(refund, S.SUCCEEDED, amount_fen=4001), present=asked)
    assert (handled.matched, handled.remark) == (False, "WRONG_AMOUNT")
    assert handled.detail == {"expected_fen": 4000, "told_fen": 4001, "told": "SUCCEEDED"}
    [task] = await MoneyTask.filter(subject=f"refund:{refund.id}")
    assert (task.kind.value, task.ours_fen, task.theirs_fen) == ("WRONG_AMOUNT", 4000, 4001)


async def test_a_refund_nobody_knows_is_kept_for_a_person(paid: Paid) -> None:
    async with nothing_moves(*TOLD):
        handled = await settle_refund(RefundTruth("wechat", "X" * 32, S.SUCCEEDED, 100))
    assert (handled.matched, handled.remark) == (False, "unknown refund")
    assert await MoneyTask.exists(subject=f"refund:wechat/{'X' * 32}", kind="UNKNOWN_ORDER", theirs_fen=100)
    refund = await paid.refund(100, 10000)
    async with nothing_moves():
        assert not (await settle_refund(RefundTruth("wechat", "Y" * 32, S.ABNORMAL))).matched
        assert not (await settle_refund(RefundTruth("alipay", refund.refund_no, S.CLOSED))).matched


async def test_a_refund_that_was_never_sent_cannot_be_back(paid: Paid) -> None:
    refund = await paid.refund(4000, 10000, paid.payer)
    async with nothing_moves(*TOLD):
        assert await said(refund, S.SUCCEEDED) == "IMPOSSIBLE"
    await decline_refund(paid.second, refund.id, "收费无误")
    async with nothing_moves():
        assert await said(refund, S.SUCCEEDED) == "IMPOSSIBLE"
    assert await paid.tasks() == {("STATE", "OPEN")}


async def test_an_old_notice_does_not_undo_what_is_back_but_makes_us_ask(paid: Paid) -> None:
    """The notice that it was stuck comes after it was mended."""
    refund = await paid.refund(4000, 10000)
    await said(refund, S.SUCCEEDED)
    assert await said(refund, S.ABNORMAL, asked=False) == "DOUBTED"
    doubted = await Refund.get(id=refund.id)
    assert doubted.state is R.SUCCEEDED
    assert doubted.ask_again_at is not None
    assert await said(refund, S.SUCCEEDED) == "REPEATED"
    assert (await Refund.get(id=refund.id)).ask_again_at is None
    await check_books(paid.bill.id)


async def test_what_the_bank_sends_back_is_owed_again_until_it_arrives(paid: Paid) -> None:
    refund = await paid.refund(4000, 10000)
    for time in range(2):
        assert await said(refund, S.SUCCEEDED) == "BACK"
        await check_books(paid.bill.id)
        assert await said(refund, S.ABNORMAL) == "BOUNCED"
        bounced = await Refund.get(id=refund.id)
        assert (bounced.state, bounced.settled_at) == (R.ABNORMAL, None)
        assert bounced.ask_again_at is not None
        assert await paid.standing() == (B.PAID, 0, AttemptState.SUCCEEDED, 4000)
        assert await paid.tasks() == {("REFUND_ABNORMAL", "OPEN")}
        assert await LedgerEntry.filter(refund_id=refund.id, journal__startswith="bounced:").count() == 2 * (time + 1)
        await check_books(paid.bill.id)
    await said(refund, S.SUCCEEDED)
    assert await paid.standing() == (B.PARTIALLY_REFUNDED, 4000, AttemptState.SUCCEEDED, 4000)
    assert await paid.tasks() == {("REFUND_ABNORMAL", "SETTLED")}
    await check_books(paid.bill.id)


async def test_what_was_back_and_is_given_up_without_a_word_between_is_owed_and_started_again(paid: Paid) -> None:
    """The bounce was told to nobody. The next answer has to say it again before money is sent a second time."""
    refund = await paid.refund(4000, 10000)
    await said(refund, S.SUCCEEDED)
    assert await said(refund, S.CLOSED, asked=False) == "DOUBTED"
    assert await said(refund, S.CLOSED) == "BOUNCED"
    assert await paid.standing() == (B.PAID, 0, AttemptState.SUCCEEDED, 4000)
    assert (await Refund.get(id=refund.id)).ask_again_at is not None
    assert not await Refund.exists(again_of=refund.id)
    await check_books(paid.bill.id)

    assert await said(refund, S.CLOSED) == "GIVEN_UP"
    again = await Refund.get(again_of=refund.id)
    assert (again.state, again.amount_fen) == (R.APPROVED, 4000)
    await check_books(paid.bill.id)


async def test_one_part_that_bounces_leaves_the_other_back(paid: Paid) -> None:
    first, second = await paid.refund(4000, 10000), await paid.refund(6000, 6000)
    await said(first, S.SUCCEEDED)
    await said(second, S.SUCCEEDED)
    assert (await paid.standing())[:2] == (B.FULLY_REFUNDED, 10000)
    await said(first, S.ABNORMAL)
    assert (await paid.standing())[:2] == (B.PARTIALLY_REFUNDED, 6000)
    await check_books(paid.bill.id)
    await said(second, S.ABNORMAL)
    assert (await paid.standing())[:2] == (B.PAID, 0)
    await check_books(paid.bill.id)


async def test_what_was_given_up_and_is_back_after_all_ends_the_one_that_was_to_do_it_again(paid: Paid) -> None:
    first = await paid.refund(10000, 10000)
    assert await said(first, S.CLOSED) == "GIVEN_UP"
    again = await Refund.get(again_of=first.id)
    await check_books(paid.bill.id)

    assert await said(first, S.SUCCEEDED) == "BACK_AFTER_ALL"
    assert (await Refund.get(id=first.id)).state is R.SUCCEEDED
    assert (await Refund.get(id=again.id)).state is R.CLOSED
    assert await paid.standing() == (B.FULLY_REFUNDED, 10000, AttemptState.SUCCEEDED, 10000)
    assert await paid.tasks() == {("STATE", "OPEN")}
    await check_books(paid.bill.id)

    async with nothing_moves(*TOLD, "refund"):  # the question is answered
        assert await said(again, S.SUCCEEDED) == "IMPOSSIBLE"
    await check_books(paid.bill.id)


async def test_what_was_back_after_all_bounced_and_is_given_up_again_is_started_again_by_a_person(paid: Paid) -> None:
    """It was once by itself, and what that came to has ended."""
    first = await paid.refund(10000, 10000)
    for standing in (S.CLOSED, S.SUCCEEDED, S.ABNORMAL, S.CLOSED):
        await said(first, standing)
    again = await Refund.get(again_of=first.id)
    assert await paid.refunds() == [R.CLOSED, R.CLOSED]
    assert await paid.standing() == (B.PAID, 0, AttemptState.SUCCEEDED, 0)
    assert await paid.tasks() == {("REFUND_REFUSED", "OPEN"), ("REFUND_ABNORMAL", "OPEN"), ("STATE", "OPEN")}
    await check_books(paid.bill.id)

    third = await retry_refund(paid.second, first.id)
    assert (third.again_of, third.state, third.amount_fen) == (again.id, R.APPROVED, 10000)
    assert (await retry_refund(paid.second, first.id)).id == third.id
    assert {state for _, state in await paid.tasks()} == {"SETTLED"}
    await said(third, S.SUCCEEDED)
    assert await paid.standing() == (B.FULLY_REFUNDED, 10000, AttemptState.SUCCEEDED, 10000)
    await check_books(paid.bill.id)


async def test_both_back_after_all_are_both_in_the_books(paid: Paid) -> None:
    """WeChat has given a part back twice: it stays within what came in, and a person is told."""
    first = await paid.refund(4000, 10000)
    await said(first, S.CLOSED)
    again = await Refund.get(again_of=first.id)
    await said(again, S.SUCCEEDED)
    assert await said(first, S.SUCCEEDED) == "BACK_AFTER_ALL"
    assert await paid.standing() == (B.PARTIALLY_REFUNDED, 8000, AttemptState.SUCCEEDED, 8000)
    assert ("STATE", "OPEN") in await paid.tasks()
    await check_books(paid.bill.id)
    rest = await paid.refund(2000, 2000)
    await said(rest, S.SUCCEEDED)
    assert (await paid.standing())[0] is B.FULLY_REFUNDED


async def test_a_refund_can_be_stuck_and_given_up_and_done_again(paid: Paid) -> None:
    refund = await paid.refund(4000, 10000)
    await said(refund, S.ABNORMAL, asked=False)
    assert await said(refund, S.CLOSED) == "GIVEN_UP"
    again = await Refund.get(again_of=refund.id)
    assert (await retry_refund(paid.second, again.id)).id == again.id
    await said(again, S.SUCCEEDED)
    await check_books(paid.bill.id)
    acts = await AuditLine.filter(subject=f"refund:{refund.id}").order_by("id")
    assert [line.act for line in acts] == ["refund.requested", "refund.abnormal", "refund.closed"]
    assert {line.detail["fen"] for line in acts} == {4000}


async def test_what_wechat_took_while_it_was_given_up_is_asked_about_until_it_is_through(paid: Paid) -> None:
    refund = await paid.refund(4000, 10000)
    await Refund.filter(id=refund.id).update(state=RefundState.CLOSED, ask_again_at=None)
    await PaymentAttempt.filter(id=refund.attempt_id).update(promised_fen=0)

    await settle_refund(told(refund, RefundStanding.PROCESSING), present=True)
    assert (await Refund.get(id=refund.id)).ask_again_at is not None

    await settle_refund(told(refund, RefundStanding.CLOSED), present=True)
    assert (await Refund.get(id=refund.id)).ask_again_at is None


async def given_up_twice(paid: Paid, fen: int) -> Refund:
    """A refund that was tried once more, in vain; its money is free."""
    first = await paid.refund(fen, 10000)
    await said(first, S.CLOSED)
    again = await Refund.get(again_of=first.id)
    assert await said(again, S.CLOSED) == "GIVEN_UP"
    return again


@pytest.mark.parametrize(("waits_for_a_decision", "end"), [(True, R.DECLINED), (False, R.CLOSED)])
async def test_what_is_back_after_all_takes_the_place_of_what_was_promised_meanwhile(
    paid: Paid, waits_for_a_decision: bool, end: RefundState
) -> None:
    """The money is gone: what nobody has sent yet ends, the payer reads why, and a person is told."""
    gone = await given_up_twice(paid, 4000)
    kept = await paid.refund(3000, 10000)
    rival = await paid.refund(7000, 7000, paid.payer if waits_for_a_decision else paid.cashier)
    assert rival.state is (R.REQUESTED if waits_for_a_decision else R.APPROVED)

    assert await said(gone, S.SUCCEEDED) == "BACK_AFTER_ALL"

    ended = await Refund.get(id=rival.id)
    assert (ended.state, ended.answer) == (end, "这笔款项已由支付平台另行退回,请核对收款记录后再申请")
    assert (await Refund.get(id=kept.id)).state is R.APPROVED
    assert await paid.standing() == (B.PARTIALLY_REFUNDED, 4000, AttemptState.SUCCEEDED, 7000)
    assert [task.state.value for task in await MoneyTask.filter(subject=f"refund:{rival.id}")] == ["OPEN"]
    await check_books(paid.bill.id)
    assert await said(ended, S.UNKNOWN) == "NOTHING"
    assert (await Refund.get(id=rival.id)).ask_again_at is None


async def test_what_is_back_after_all_waits_for_the_end_of_what_wechat_has_got(paid: Paid) -> None:
    """Nothing is ended that may be on its way: both are asked about until it fits."""
    gone = await given_up_twice(paid, 4000)
    rival = await paid.refund(10000, 10000)
    await said(rival, S.PROCESSING)
    await Refund.filter(id=rival.id).update(ask_again_at=None)

    assert await said(gone, S.SUCCEEDED) == "IMPOSSIBLE"
    assert [(await Refund.get(id=one.id)).ask_again_at is None for one in (gone, rival)] == [False, False]
    assert (await Refund.get(id=rival.id)).state is R.PROCESSING
    await check_books(paid.bill.id)

    assert await said(rival, S.CLOSED) == "GIVEN_UP"
    assert await said(gone, S.SUCCEEDED) == "BACK_AFTER_ALL"
    assert (await Refund.get(again_of=rival.id)).state is R.CLOSED
    assert await paid.standing() == (B.PARTIALLY_REFUNDED, 4000, AttemptState.SUCCEEDED, 4000)
    await check_books(paid.bill.id)
