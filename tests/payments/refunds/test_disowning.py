"""WeChat itself insists that another sum came, or that somebody else paid: people send it back, the bill lives on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from app.cases.rules import CaseState
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.payments.errors import PaymentUnderWay
from app.payments.models import LedgerEntry, MoneyTask, PaymentAttempt, Refund
from app.payments.refunds.deciding import approve_refund, decline_refund
from app.payments.refunds.disowning import return_what_came
from app.payments.refunds.errors import NothingToReturn, SecondPersonNeeded
from app.payments.settling import ask_about, settle, took_turn
from app.payments.states import AttemptState, BillState, RefundState
from app.payments.words import TaskKind, TaskState
from tests.identity.accounts import caller_of, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.payments.refunds.stage import IN_UNIT, back, check_books
from tests.payments.stage import FEE_FEN, Payer, make_payer
from tests.payments.words import told_closed, told_paid
from tests.portal import Portal


@dataclass(frozen=True)
class Desk:
    payer: Payer
    attempt: PaymentAttempt
    cashier: Actor
    second: Actor

    async def task(self) -> MoneyTask:
        return await MoneyTask.get(subject=f"payment:{self.attempt.id}")


@pytest.fixture
async def payer(portal: Portal) -> AsyncIterator[Payer]:
    await portal.control.be_hostile(notify_by_itself=False, haste=0.002)
    yield await make_payer(portal)
    await portal.control.be_kind()


async def insisted(payer: Payer, **mistake: Any) -> Desk:
    """Paid, and kept by WeChat otherwise than it was ordered; the sweep has asked."""
    payable = await payer.open_order()
    await payer.pays(payable)
    await payer.control.mistake(payable.attempt.order_no, **mistake)
    await ask_about(payable.attempt.id)
    cashier = await make_staff(Role.CASHIER, scope=IN_UNIT)
    return Desk(payer, payable.attempt, cashier, await make_staff(Role.DEPARTMENT_MANAGER, scope=IN_UNIT))


async def test_another_sum_goes_back_by_two_people_and_the_bill_is_paid_anew(payer: Payer) -> None:
    desk = await insisted(payer, total=FEE_FEN + 1)
    with clock.standing_at(desk.attempt.expires_at + timedelta(days=2)):
        await ask_about(desk.attempt.id)
        with pytest.raises(PaymentUnderWay):
            await payer.open_order()
    task = await desk.task()
    assert (task.kind, task.ours_fen, task.theirs_fen) == (TaskKind.WRONG_AMOUNT, FEE_FEN, FEE_FEN + 1)

    came = await at_once(*(return_what_came(desk.cashier, task.id) for _ in range(5)))
    refunds = [refund for refund in came if isinstance(refund, Refund)]
    assert (len(refunds), len({refund.id for refund in refunds})) == (5, 1), came
    assert (await return_what_came(desk.cashier, task.id)).id == refunds[0].id
    assert (refunds[0].amount_fen, refunds[0].state) == (FEE_FEN + 1, RefundState.REQUESTED)
    assert await payer.standing() == {
        "bill": BillState.CREATED, "case": CaseState.PAYMENT_PENDING, "attempts": [AttemptState.SURPLUS]
    }  # fmt: skip
    assert (await desk.task()).state is TaskState.DONE
    with pytest.raises(SecondPersonNeeded):
        await approve_refund(desk.cashier, refunds[0].id)
    await approve_refund(desk.second, refunds[0].id)
    await back(refunds[0])
    await check_books(payer.bill.id)
    order = await payer.control.order(desk.attempt.order_no)
    assert [(one["status"], one["amount"]["refund"]) for one in order.refunds] == [("SUCCESS", FEE_FEN + 1)]
    entries = await LedgerEntry.filter(attempt_id=desk.attempt.id).order_by("id")
    assert [(one.account.value, one.amount_fen) for one in entries] == [
        ("CLEARING", FEE_FEN + 1), ("SURPLUS", -FEE_FEN - 1),
        ("SURPLUS", FEE_FEN + 1), ("REFUNDS", -FEE_FEN - 1),
        ("REFUNDS", FEE_FEN + 1), ("CLEARING", -FEE_FEN - 1),
    ]  # fmt: skip

    again = await payer.open_order()
    await payer.pays(again)
    await ask_about(again.attempt.id)
    assert (await payer.standing())["attempts"] == [AttemptState.RETURNED, AttemptState.SUCCEEDED]
    await check_books(payer.bill.id)


async def test_what_the_provider_insists_on_is_asked_about_less_and_less(payer: Payer) -> None:
    """The word of a notice makes us ask at once, the answer to our question does not."""
    desk = await insisted(payer, total=FEE_FEN + 1)
    opened = desk.attempt.opened_at
    with clock.standing_at(opened + timedelta(minutes=1)):
        assert await took_turn(desk.attempt.id)
        await ask_about(desk.attempt.id)
        assert (await PaymentAttempt.get(id=desk.attempt.id)).ask_again_at == opened + timedelta(minutes=5)
        await settle(told_paid(desk.attempt, amount_fen=FEE_FEN + 1))
        assert (await PaymentAttempt.get(id=desk.attempt.id)).ask_again_at == opened + timedelta(minutes=1)


async def test_what_somebody_else_paid_goes_back_to_them(portal: Portal, payer: Payer) -> None:
    other = await portal.control.make_phone()
    desk = await insisted(payer, openid=other.openid)
    assert (await desk.task()).kind is TaskKind.WRONG_PAYER
    refund = await return_what_came(desk.cashier, (await desk.task()).id)
    await approve_refund(desk.second, refund.id)
    await back(refund)
    assert (await payer.standing())["attempts"] == [AttemptState.RETURNED]
    word = told_paid(desk.attempt, payer_open_id=other.openid)
    assert (await settle(word)).remark == "REPEATED"
    await check_books(payer.bill.id)


async def test_it_goes_back_of_a_closed_order_too_and_can_be_asked_for_again_after_a_no(payer: Payer) -> None:
    desk = await insisted(payer, total=FEE_FEN - 1)
    await settle(told_closed(desk.attempt))
    task = await desk.task()
    first = await return_what_came(desk.cashier, task.id)
    await decline_refund(desk.second, first.id, "先核实来款")
    assert (await payer.standing())["attempts"] == [AttemptState.SURPLUS]
    await check_books(payer.bill.id)
    second = await return_what_came(desk.cashier, task.id)
    assert (second.id != first.id, second.amount_fen) == (True, FEE_FEN - 1)
    await check_books(payer.bill.id)


async def test_nothing_goes_back_on_the_word_of_a_notice(payer: Payer) -> None:
    """A notice told another sum; asked, WeChat says that nobody has paid, and later that the bill is paid."""
    payable = await payer.open_order()
    await settle(told_paid(payable.attempt, amount_fen=FEE_FEN + 1))
    task = await MoneyTask.get(subject=f"payment:{payable.attempt.id}")
    cashier = await make_staff(Role.CASHIER, scope=IN_UNIT)
    async with nothing_moves():
        with pytest.raises(NothingToReturn):
            await return_what_came(cashier, task.id)
    await payer.pays(payable)
    with pytest.raises(NothingToReturn):
        await return_what_came(cashier, task.id)
    assert (await payer.standing())["bill"] is BillState.PAID
    assert (await MoneyTask.get(id=task.id)).state is TaskState.SETTLED
    assert await Refund.filter(bill_id=payer.bill.id).count() == 0


async def test_it_is_a_cashier_of_the_unit_who_asks(portal: Portal, payer: Payer) -> None:
    desk = await insisted(payer, total=1)
    task = await desk.task()
    stranger = await make_staff(Role.CASHIER, scope=type(IN_UNIT)(department="ps-traffic"))
    async with nothing_moves():
        with pytest.raises(NotFound):
            await return_what_came(stranger, task.id)
    told = await (await caller_of(portal, desk.cashier)).do("ReturnWhatCame", taskId=str(task.id))
    assert (told["amountFen"], told["state"], told["reason"]) == (1, "REQUESTED", "SURPLUS")
