"""What may happen to a bill and its money: each act draws what it needs and gives what is then done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from app.booking.rules import BookingState
from app.payments.at_window import collect_at_window
from app.payments.commands import confirm, pay
from app.payments.exemptions import exempt
from app.payments.notices import cancel_notice
from app.payments.ports import PaymentState
from app.payments.refunds.disowning import return_what_came
from app.payments.renewing import renew
from app.payments.rules import UNDECIDED
from app.payments.settling import ask_about, expire, settle
from app.payments.states import BillState, RefundState
from tests.payments.bills import check_grown
from tests.payments.drawing import Draw, Work, one_of, places
from tests.payments.giving_back import (
    bank_moves_a_refund,
    money_is_asked_back,
    old_word_about_a_refund_comes_again,
    refunds_are_pursued,
    second_person_decides,
    window_helps_a_refund,
)
from tests.payments.histories import BANKS, Life
from tests.payments.visiting import (
    deposit_is_seen_to,
    hall_calls_it_off,
    hold_ends,
    visit_is_excused,
    visit_is_given_up,
    visit_is_kept,
    visit_is_missed,
)
from tests.people import new_key

_MISTAKES = ({"amount_fen": 1}, {"payer_open_id": "somebody"}, {"currency": "USD"})
_RECEIPTABLE = frozenset({BillState.PAID, BillState.RECEIPTED})


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
    bank, order_no = one_of(unpaid, draw)
    is_told, beyond_fen = draw(st.booleans()), draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1]))

    async def pay_it() -> None:
        bank.pay(order_no, beyond_fen)
        if is_told:
            await life.tell(bank.truth(order_no))

    return pay_it


def bank_tells_of_an_order(life: Life, draw: Draw) -> Work:
    bank, order_no = one_of(life.orders(), draw)
    return lambda: life.tell(bank.truth(order_no))


def old_word_comes_again(life: Life, draw: Draw) -> Work:
    truth = one_of(life.said, draw)
    return lambda: settle(truth)


def bank_is_mistaken(life: Life, draw: Draw) -> Work:
    bank, order_no = one_of(life.orders(), draw)
    wrong: dict[str, Any] = draw(st.sampled_from(_MISTAKES))
    return lambda: settle(replace(bank.truth(order_no), **wrong))


def cashier_returns_what_came(life: Life, draw: Draw) -> Work:
    place = draw(places)

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


def days_pass(life: Life, draw: Draw) -> Work:
    """Nobody renews the bill, and a fine grows."""
    life.now += timedelta(days=draw(st.sampled_from([1, 10, 40])))

    async def nothing() -> None:
        pass

    return nothing


def bill_is_renewed(life: Life, draw: Draw) -> Work:
    who = draw(st.sampled_from([life.cashier, life.payer]))

    async def renew_it() -> None:
        before = await life.bill()
        check_grown(before, await renew(who, life.bill_id))

    return renew_it


def exemption_is_granted(life: Life, draw: Draw) -> Work:
    """Of a fine or a fee, in part or whole, or of a late fine."""
    line, fen = draw(st.sampled_from([(0, 100), (0, 4_000), (1, 1), (1, 30_000), (2, 50), (2, 120)]))
    said = {"basis": "测试依据", "proof": "测试证明", "idempotency_key": new_key()}
    return lambda: exempt(life.cashier, life.bill_id, line, fen, **said)


def all_of_it_is_exempted(life: Life, _draw: Draw) -> Work:
    """Nothing is left to pay, whatever becomes of the orders."""

    async def exempt_each() -> None:
        said = {"basis": "测试依据", "proof": "测试证明"}
        for place, line in enumerate((await life.bill()).lines):
            fen = line["amount_fen"] * line["quantity"]
            if not line["exempt_fen"]:
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


def _visit_is(*states: BookingState) -> Callable[[Life], bool]:
    return lambda life: life.seen.visit is not None and life.seen.visit.state in states


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
    (days_pass, 1, lambda life: life.seen.bill is BillState.EXPIRED),
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
    (hold_ends, 1, _visit_is(BookingState.HELD)),
    (visit_is_given_up, 1, _visit_is(BookingState.HELD, BookingState.BOOKED)),
    (visit_is_kept, 1, _visit_is(BookingState.BOOKED)),
    (visit_is_missed, 1, _visit_is(BookingState.BOOKED)),
    (hall_calls_it_off, 1, _visit_is(BookingState.HELD, BookingState.BOOKED)),
    (visit_is_excused, 1, _visit_is(BookingState.NO_SHOW, BookingState.CANCELLED)),
    (deposit_is_seen_to, 1, lambda life: life.seen.visit is not None),
]
"""What can happen, how often compared with the rest, and when."""

OF_PEOPLE = frozenset({
    phone_opens_an_order, cashier_returns_what_came, phone_returns, bill_is_renewed, exemption_is_granted,
    all_of_it_is_exempted, notice_is_cancelled, money_lies_on_the_counter, money_is_asked_back, second_person_decides,
    window_helps_a_refund, visit_is_given_up, visit_is_kept, visit_is_excused,
})  # fmt: skip
"""They may be refused. What providers tell and what happens by itself is carried out, or there was no answer."""
