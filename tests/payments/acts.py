"""What may happen to a bill and its money: each act draws what it needs and gives what is then done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st

from app.kernel import clock
from app.payments.at_window import collect_at_window
from app.payments.commands import confirm, pay
from app.payments.exemptions import exempt
from app.payments.notices import cancel_notice
from app.payments.ports import PaymentState, RefundStanding
from app.payments.refunds.deciding import (
    approve_refund,
    confirm_window_refund,
    decline_refund,
    give_up_refund,
    retry_refund,
)
from app.payments.refunds.disowning import return_what_came
from app.payments.refunds.requesting import request_refund
from app.payments.refunds.rules import RefundWish
from app.payments.refunds.sending import pursue
from app.payments.refunds.settling import settle_refund
from app.payments.renewing import renew
from app.payments.rules import UNDECIDED
from app.payments.settling import ask_about, expire, settle
from app.payments.states import AttemptState, BillState, RefundState
from app.payments.words import RefundReason
from tests.payments.histories import BANKS, Life
from tests.people import new_key

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[Any]], Any]
Work = Callable[[], Awaitable[object]]

_places = st.integers(0, 3)
_standings = st.sampled_from(
    [RefundStanding.SUCCEEDED, RefundStanding.SUCCEEDED, RefundStanding.ABNORMAL, RefundStanding.CLOSED]
)
_MISTAKES = ({"amount_fen": 1}, {"payer_open_id": "somebody"}, {"currency": "USD"})
_RECEIPTABLE = frozenset({BillState.PAID, BillState.RECEIPTED})


def _one_of(found: list[T], draw: Draw) -> T:
    place: int = draw(_places)
    return found[place % len(found)]


# paying


def phone_opens_an_order(life: Life, draw: Draw) -> Work:
    code = draw(st.sampled_from(BANKS))
    return lambda: pay(life.payer, life.bill_id, code, idempotency_key=new_key())


def bank_falls_silent(life: Life, draw: Draw) -> Work:
    bank, when = life.banks[draw(st.sampled_from(BANKS))], draw(st.sampled_from(["before", "after"]))

    async def fall_silent() -> None:
        bank.silence = when

    return fall_silent


def somebody_pays(life: Life, draw: Draw) -> Work:
    """Also an order that was closed a moment ago; the bank tells of it now, or another time."""
    unpaid = [(bank, no) for bank, no in life.orders() if bank.orders[no].state is not PaymentState.PAID]
    bank, order_no = _one_of(unpaid, draw)
    is_told, beyond_fen = draw(st.booleans()), draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1]))

    async def pay_it() -> None:
        bank.pay(order_no, beyond_fen)
        if is_told:
            await life.tell(bank.truth(order_no))

    return pay_it


def bank_tells_of_an_order(life: Life, draw: Draw) -> Work:
    bank, order_no = _one_of(life.orders(), draw)
    return lambda: life.tell(bank.truth(order_no))


def old_word_comes_again(life: Life, draw: Draw) -> Work:
    truth = _one_of(life.said, draw)
    return lambda: settle(truth)


def bank_is_mistaken(life: Life, draw: Draw) -> Work:
    bank, order_no = _one_of(life.orders(), draw)
    wrong: dict[str, Any] = draw(st.sampled_from(_MISTAKES))
    return lambda: settle(replace(bank.truth(order_no), **wrong))


def cashier_returns_what_came(life: Life, draw: Draw) -> Work:
    place = draw(_places)

    async def return_it() -> None:
        tasks = await life.mistrusted()
        if tasks:
            await return_what_came(life.cashier, tasks[place % len(tasks)].id)

    return return_it


def phone_returns(life: Life, _draw: Draw) -> Work:
    return lambda: confirm(life.payer, life.bill_id)


def sweep_asks(life: Life, draw: Draw) -> Work:
    """Before the order is over, or after."""
    life.now += timedelta(minutes=draw(st.sampled_from([1, 40])))

    async def ask() -> None:
        for attempt in await life.attempts(*UNDECIDED):
            await ask_about(attempt.id)

    return ask


# the bill


def month_passes(life: Life, _draw: Draw) -> Work:
    """The order runs out, then the bill."""
    life.now += timedelta(days=31)

    async def run_out() -> None:
        for attempt in await life.attempts(*UNDECIDED):
            await ask_about(attempt.id)
        await expire(life.bill_id)

    return run_out


def bill_is_renewed(life: Life, draw: Draw) -> Work:
    who = draw(st.sampled_from([life.cashier, life.payer]))
    return lambda: renew(who, life.bill_id)


def exemption_is_granted(life: Life, draw: Draw) -> Work:
    line, fen = draw(st.sampled_from([(0, 100), (0, 4_000), (1, 1), (1, 30_000)]))
    said = {"basis": "测试依据", "proof": "测试证明", "idempotency_key": new_key()}
    return lambda: exempt(life.cashier, life.bill_id, line, fen, **said)


def all_of_it_is_exempted(life: Life, _draw: Draw) -> Work:
    """Nothing is left to pay, whatever becomes of the orders."""

    async def exempt_each() -> None:
        said = {"basis": "测试依据", "proof": "测试证明"}
        for place, line in enumerate((await life.bill()).lines):
            if "exempt_fen" not in line:
                fen = line["amount_fen"] * line["quantity"]
                await exempt(life.cashier, life.bill_id, place, fen, **said, idempotency_key=new_key())

    return exempt_each


def notice_is_cancelled(life: Life, _draw: Draw) -> Work:
    return lambda: cancel_notice(life.cashier, life.bill_id, "开错了")


def money_lies_on_the_counter(life: Life, _draw: Draw) -> Work:
    async def collect() -> None:
        fen = (await life.bill()).total_fen
        await collect_at_window(life.cashier, life.bill_id, "cash", amount_fen=fen, idempotency_key=new_key())

    return collect


def receipt_is_given_or_taken_back(life: Life, _draw: Draw) -> Work:
    return life.receipt


# giving back


def money_is_asked_back(life: Life, draw: Draw) -> Work:
    asker, part = draw(st.sampled_from([life.cashier, life.payer])), draw(st.sampled_from([1, 3_000, 0]))

    async def ask() -> None:
        [attempt] = await life.attempts(AttemptState.SUCCEEDED)
        left = attempt.amount_fen - attempt.promised_fen
        wish = RefundWish(RefundReason.CHARGED_WRONGLY, left, part or left or 1)
        await request_refund(asker, life.bill_id, wish, idempotency_key=new_key())

    return ask


def second_person_decides(life: Life, draw: Draw) -> Work:
    yes, place = draw(st.sampled_from([True, True, False])), draw(_places)

    async def decide() -> None:
        asked = await life.refunds(RefundState.REQUESTED)
        refund_id = asked[place % len(asked)].id
        if yes:
            await approve_refund(life.second, refund_id)
        else:
            await decline_refund(life.second, refund_id, "收费无误")

    return decide


def refunds_are_pursued(life: Life, _draw: Draw) -> Work:
    """When their time has come."""

    async def go() -> None:
        for refund in await life.refunds():
            if refund.ask_again_at is not None:
                with clock.standing_at(max(life.now, refund.ask_again_at)):
                    await pursue(refund.id)

    return go


def bank_moves_a_refund(life: Life, draw: Draw) -> Work:
    """It reaches the payer, is stuck, is given up, or comes back from the payer's bank afterwards."""
    bank, refund_no = _one_of(life.repayments(), draw)
    standing, heard = draw(_standings), draw(st.sampled_from(["not at all", "by notice", "by question"]))

    async def move() -> None:
        bank.move_refund(refund_no, standing)
        life.remember(bank, refund_no)
        if heard == "by notice":
            await life.tell_of_refund(bank.refund_truth(refund_no))
        elif heard == "by question":
            await settle_refund(bank.refund_truth(refund_no), present=True)

    return move


def old_word_about_a_refund_comes_again(life: Life, draw: Draw) -> Work:
    truth = _one_of(life.said_of_refunds, draw)
    return lambda: settle_refund(truth)


def window_helps_a_refund(life: Life, draw: Draw) -> Work:
    place, act = draw(_places), draw(st.sampled_from(["retry", "give up", "hand back", "hand back"]))

    async def help_on() -> None:
        found = await life.refunds()
        refund_id = found[place % len(found)].id
        if act == "retry":
            await retry_refund(life.cashier, refund_id)
        elif act == "give up":
            await give_up_refund(life.second, refund_id, "无人领取")
        else:
            life.ever_back.add((await confirm_window_refund(life.cashier, refund_id)).refund_no)

    return help_on


def _always(_life: Life) -> bool:
    return True


def _owed(life: Life) -> bool:
    return life.seen.is_owed


def _paid(life: Life) -> bool:
    return life.seen.is_paid


def _any_orders(life: Life) -> bool:
    return bool(life.orders())


def _any_refunds(life: Life) -> bool:
    return bool(life.seen.refunds)


Act = Callable[[Life, Draw], Work]
ACTS: list[tuple[Act, int, Callable[[Life], bool]]] = [
    (phone_opens_an_order, 6, _owed),
    (bank_falls_silent, 1, _always),
    (somebody_pays, 5, lambda life: any(bank.orders[no].state is not PaymentState.PAID for bank, no in life.orders())),
    (bank_tells_of_an_order, 2, _any_orders),
    (old_word_comes_again, 1, lambda life: bool(life.said)),
    (bank_is_mistaken, 1, _any_orders),
    (cashier_returns_what_came, 2, lambda life: life.is_somebody_mistaken()),
    (phone_returns, 1, _any_orders),
    (sweep_asks, 2, _any_orders),
    (month_passes, 1, _owed),
    (bill_is_renewed, 3, lambda life: life.seen.bill is BillState.EXPIRED),
    (exemption_is_granted, 1, _owed),
    (all_of_it_is_exempted, 1, _owed),
    (notice_is_cancelled, 1, lambda life: life.seen.bill in {BillState.CREATED, BillState.PAYING, BillState.EXPIRED}),
    (money_lies_on_the_counter, 1, _owed),
    (receipt_is_given_or_taken_back, 1, lambda life: life.seen.bill in _RECEIPTABLE),
    (money_is_asked_back, 3, _paid),
    (second_person_decides, 4, lambda life: RefundState.REQUESTED in life.seen.refunds),
    (refunds_are_pursued, 3, _any_refunds),
    (bank_moves_a_refund, 5, lambda life: bool(life.repayments())),
    (old_word_about_a_refund_comes_again, 1, lambda life: bool(life.said_of_refunds)),
    (window_helps_a_refund, 1, _any_refunds),
]
"""What can happen, how often compared with the rest, and when."""

OF_PEOPLE = frozenset({
    phone_opens_an_order, cashier_returns_what_came, phone_returns, bill_is_renewed, exemption_is_granted,
    all_of_it_is_exempted, notice_is_cancelled, money_lies_on_the_counter, money_is_asked_back, second_person_decides,
    window_helps_a_refund,
})  # fmt: skip
"""They may be refused. What providers tell and what happens by itself is carried out, or there was no answer."""
