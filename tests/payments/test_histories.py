from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.kernel import clock, db, ports
from app.kernel.errors import Refusal
from app.payments.at_window import collect_at_window
from app.payments.commands import confirm, pay
from app.payments.exemptions import exempt
from app.payments.notices import cancel_notice
from app.payments.ports import PaymentChannel, RefundStanding
from app.payments.refunds.deciding import (
    approve_refund,
    confirm_window_refund,
    decline_refund,
    give_up_refund,
    retry_refund,
)
from app.payments.refunds.requesting import request_refund
from app.payments.refunds.rules import RefundWish
from app.payments.refunds.sending import pursue
from app.payments.refunds.settling import settle_refund
from app.payments.renewing import renew
from app.payments.rules import UNDECIDED, BillKind
from app.payments.settling import ask_about, expire, settle
from app.payments.states import AttemptState, RefundState
from app.payments.words import RefundReason
from tests.payments.histories import BANKS, LOOK_AWAY, WATCH, Life
from tests.payments.paper_bank import PaperBank
from tests.people import new_key
from tests.portal import Portal

HISTORIES = int(os.environ.get("PORTAL_TEST_HISTORIES", "50")) // 5
"""How many bills live through something; `make histories` gives each of its parts a share."""

SHARES = -(-HISTORIES // 100)
"""Each with chance of its own, so that several processes can play at once."""

which = st.integers(0, 3)
bank_codes = st.sampled_from(BANKS)
standings = st.sampled_from([RefundStanding.SUCCEEDED, RefundStanding.ABNORMAL, RefundStanding.CLOSED])


class OneBill(RuleBasedStateMachine):
    """Everything that may happen to a bill, in any order. A refusal is part of life, anything else is a fault."""

    loop: asyncio.AbstractEventLoop
    banks: dict[str, PaperBank]
    life: Life

    def do(self, act: Callable[[], Awaitable[object]]) -> None:
        async def at_this_moment() -> None:
            with clock.standing_at(self.life.now), suppress(Refusal):
                await act()

        self.wait(at_this_moment())

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return done.result(60)

    @initialize(kind=st.sampled_from([BillKind.NOTICE, BillKind.NOTICE, BillKind.CASE_FEE]))
    def a_bill_is_issued(self, kind: BillKind) -> None:
        self.life = self.wait(Life.begin(kind, self.banks))

    @rule(code=bank_codes)
    def a_phone_opens_an_order(self, code: str) -> None:
        self.do(lambda: pay(self.life.payer, self.life.bill_id, code, idempotency_key=new_key()))

    @rule(code=bank_codes, when=st.sampled_from(["before", "after"]))
    def a_bank_falls_silent(self, code: str, when: str) -> None:
        self.banks[code].silence = when

    @rule(place=which)
    def somebody_pays(self, place: int) -> None:
        """Also an order that was closed a moment ago."""
        orders = self.life.orders()
        if orders:
            bank, order_no = orders[place % len(orders)]
            bank.pay(order_no)

    @rule(place=which)
    def a_bank_tells_of_an_order(self, place: int) -> None:
        orders = self.life.orders()
        if orders:
            bank, order_no = orders[place % len(orders)]
            self.do(lambda: self.life.tell(bank.truth(order_no)))

    @rule(place=st.integers(0, 9))
    def an_old_word_comes_again(self, place: int) -> None:
        if self.life.said:
            self.do(lambda: settle(self.life.said[place % len(self.life.said)]))

    @rule(place=which, wrong=st.sampled_from([{"amount_fen": 1}, {"payer_open_id": "somebody"}, {"currency": "USD"}]))
    def a_bank_is_mistaken(self, place: int, wrong: dict[str, Any]) -> None:
        orders = self.life.orders()
        if orders:
            bank, order_no = orders[place % len(orders)]
            self.do(lambda: settle(replace(bank.truth(order_no), **wrong)))

    @rule()
    def the_phone_returns(self) -> None:
        self.do(lambda: confirm(self.life.payer, self.life.bill_id))

    @rule()
    def the_sweep_asks(self) -> None:
        async def ask() -> None:
            for attempt in await self.life.attempts(*UNDECIDED):
                await ask_about(attempt.id)

        self.do(ask)

    @rule(minutes=st.sampled_from([2, 31, 60 * 24 * 31]))
    def time_passes(self, minutes: int) -> None:
        self.life.now += timedelta(minutes=minutes)

    @rule()
    def the_bill_expires(self) -> None:
        self.do(lambda: expire(self.life.bill_id))

    @rule(by_staff=st.booleans())
    def the_bill_is_renewed(self, by_staff: bool) -> None:
        self.do(lambda: renew(self.life.cashier if by_staff else self.life.payer, self.life.bill_id))

    @rule(line=st.integers(0, 1), fen=st.sampled_from([1, 4_000, 30_000]))
    def an_exemption_is_granted(self, line: int, fen: int) -> None:
        self.do(
            lambda: exempt(
                self.life.cashier, self.life.bill_id, line, fen, basis="测试依据", proof="测试证明",
                idempotency_key=new_key(),
            )
        )  # fmt: skip

    @rule()
    def the_notice_is_cancelled(self) -> None:
        self.do(lambda: cancel_notice(self.life.cashier, self.life.bill_id, "开错了"))

    @rule()
    def money_lies_on_the_counter(self) -> None:
        async def collect() -> None:
            fen = (await self.life.bill()).total_fen
            await collect_at_window(
                self.life.cashier, self.life.bill_id, "cash", amount_fen=fen, idempotency_key=new_key()
            )

        self.do(collect)

    @rule()
    def the_receipt_is_given_or_taken_back(self) -> None:
        self.do(self.life.receipt)

    @rule(by_staff=st.booleans(), part=st.sampled_from([1, 4_000, 0]))
    def money_is_asked_back(self, by_staff: bool, part: int) -> None:
        async def ask() -> None:
            paid = await self.life.attempts(AttemptState.SUCCEEDED)
            if not paid:
                return
            [attempt] = paid
            left = attempt.amount_fen - attempt.promised_fen
            wish = RefundWish(RefundReason.CHARGED_WRONGLY, left, part or left or 1)
            asker = self.life.cashier if by_staff else self.life.payer
            await request_refund(asker, self.life.bill_id, wish, idempotency_key=new_key())

        self.do(ask)

    @rule(place=which, yes=st.booleans())
    def a_second_person_decides(self, place: int, yes: bool) -> None:
        async def decide() -> None:
            asked = await self.life.refunds(RefundState.REQUESTED)
            if asked and yes:
                await approve_refund(self.life.second, asked[place % len(asked)].id)
            elif asked:
                await decline_refund(self.life.second, asked[place % len(asked)].id, "收费无误")

        self.do(decide)

    @rule()
    def refunds_are_pursued(self) -> None:
        async def go() -> None:
            for refund in await self.life.refunds():
                await pursue(refund.id)

        self.do(go)

    @rule(place=which, standing=standings)
    def a_bank_carries_a_refund_out_or_not(self, place: int, standing: RefundStanding) -> None:
        repayments = self.life.repayments()
        if repayments:
            bank, refund_no = repayments[place % len(repayments)]
            bank.move_refund(refund_no, standing)
            self.life.remember(bank, refund_no)

    @rule(place=which)
    def a_bank_tells_of_a_refund(self, place: int) -> None:
        repayments = self.life.repayments()
        if repayments:
            bank, refund_no = repayments[place % len(repayments)]
            self.do(lambda: self.life.tell_of_refund(bank.refund_truth(refund_no)))

    @rule(place=st.integers(0, 9))
    def an_old_word_about_a_refund_comes_again(self, place: int) -> None:
        if self.life.said_of_refunds:
            words = self.life.said_of_refunds
            self.do(lambda: settle_refund(words[place % len(words)]))

    @rule(place=which)
    def a_refund_is_retried(self, place: int) -> None:
        async def retry() -> None:
            found = await self.life.refunds()
            if found:
                await retry_refund(self.life.cashier, found[place % len(found)].id)

        self.do(retry)

    @rule(place=which)
    def a_refund_is_given_up(self, place: int) -> None:
        async def give_up() -> None:
            found = await self.life.refunds()
            if found:
                await give_up_refund(self.life.second, found[place % len(found)].id, "无人领取")

        self.do(give_up)

    @rule(place=which)
    def cash_is_handed_back(self, place: int) -> None:
        async def hand_back() -> None:
            for refund in (await self.life.refunds())[place : place + 1]:
                handed = await confirm_window_refund(self.life.cashier, refund.id)
                self.life.ever_back.add(handed.refund_no)

        self.do(hand_back)

    @invariant()
    def money_is_where_it_should_be(self) -> None:
        if hasattr(self, "life"):
            self.wait(self.life.check())

    def teardown(self) -> None:
        if hasattr(self, "life"):
            self.wait(self.life.end())


@pytest.fixture
async def banks(portal: Portal) -> AsyncIterator[dict[str, PaperBank]]:
    """Two ways to pay that live on paper, and an onlooker in the database."""
    made = {code: PaperBank(code) for code in BANKS}
    for code, bank in made.items():
        ports.register(PaymentChannel, code, bank)
    await db.connection().execute_script(WATCH)
    yield made
    await db.connection().execute_script(LOOK_AWAY)
    for code in made:
        ports._adapters[PaymentChannel].pop(code)


@pytest.mark.parametrize("share", range(SHARES))
async def test_after_any_history_of_a_bill_its_money_is_in_one_place(banks: dict[str, PaperBank], share: int) -> None:
    """States move along edges, the ledger adds up, what is promised came in, a bill is paid once."""
    chances = -(-HISTORIES // SHARES)
    loop = asyncio.get_running_loop()

    class ThisBill(OneBill):
        pass

    ThisBill.loop, ThisBill.banks = loop, banks
    tried = settings(
        max_examples=chances, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )
    await asyncio.to_thread(run_state_machine_as_test, ThisBill, settings=tried)
