from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cases.models import Case
from app.cases.rules import CaseState
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.errors import Refusal
from app.kernel.inbox.notices import Notice, NoticeState, process
from app.payments.at_window import collect_at_window
from app.payments.exemptions import exempt
from app.payments.models import Bill, PaymentAttempt
from app.payments.settling import expire, settle
from app.payments.states import AttemptState, BillState
from tests.cases.filing import verbs_of
from tests.identity.accounts import make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.payments.stage import Payer, make_notice, make_payer, owed
from tests.payments.words import told_closed, told_paid
from tests.people import new_key
from tests.portal import Portal


@pytest.fixture
async def payer(portal: Portal) -> AsyncIterator[Payer]:
    await portal.control.be_hostile(notify_by_itself=False)
    yield await make_payer(portal)
    await portal.control.be_kind()


async def test_without_the_lock_both_truths_would_have_settled(payer: Payer) -> None:
    """Why the bill is locked before it is judged: two who look first and write later both hand out the result."""
    attempt = (await payer.open_order()).attempt
    both_have_looked = asyncio.Barrier(2)

    async def settle_naively() -> bool:
        still_open = await PaymentAttempt.exists(id=attempt.id, state=AttemptState.OPEN)
        await both_have_looked.wait()
        return still_open

    assert [*await asyncio.gather(settle_naively(), settle_naively())] == [True, True]
    remarks = [handled.remark for handled in await asyncio.gather(*(settle(told_paid(attempt)) for _ in range(2)))]
    assert sorted(remarks) == ["REPEATED", "SETTLE"]
    assert (await verbs_of(payer.case.id)).count("pay") == 1


async def test_a_payment_racing_a_closing_never_loses_money(portal: Portal) -> None:
    ends = [
        {"bill": BillState.PAID, "case": CaseState.RESULT_READY, "attempts": [AttemptState.SUCCEEDED]},
        {"bill": BillState.CREATED, "case": CaseState.PAYMENT_PENDING, "attempts": [AttemptState.SURPLUS]},
    ]
    for round_ in range(6):
        payer = await make_payer(portal)
        attempt = (await payer.open_order()).attempt
        words = [settle(told_paid(attempt)), settle(told_closed(attempt))]
        await asyncio.gather(*(words if round_ % 2 else reversed(words)))
        assert await payer.standing() in ends


async def test_a_payment_racing_the_expiry_of_the_bill_settles_it(payer: Payer) -> None:
    """An order that may still be paid keeps its bill alive."""
    attempt = (await payer.open_order()).attempt

    async def expire_it() -> bool:
        with clock.standing_at(payer.bill.due_at):
            return await expire(payer.bill.id)

    _, expired = await asyncio.gather(settle(told_paid(attempt)), expire_it())
    assert not expired
    assert (await payer.standing())["bill"] is BillState.PAID


async def test_a_notice_is_reduced_or_paid_and_never_both_at_once(portal: Portal) -> None:
    """Nothing but its own row stands for a notice: whoever comes second sees what the first has done."""
    cashier = await make_staff(Role.CASHIER)
    for _ in range(6):
        notice = await make_notice(cashier)
        told = await at_once(
            exempt(cashier, notice.id, 0, 1_000, basis="优待", proof="证明", idempotency_key=new_key()),
            collect_at_window(cashier, notice.id, "cash", amount_fen=notice.total_fen, idempotency_key=new_key()),
        )
        assert [isinstance(one, Refusal) for one in told].count(True) == 1, told
        bill = await Bill.get(id=notice.id)
        reduced = (notice.total_fen - 1_000,) * 2
        assert (bill.total_fen, await owed(bill)) == (
            reduced if bill.state is BillState.CREATED else (notice.total_fen, 0)
        )


async def test_an_order_opened_while_its_bill_expires_is_never_an_order_of_an_ended_bill(portal: Portal) -> None:
    """The night's work asks again and again while the resident taps in the last second."""
    for _ in range(4):
        payer = await make_payer(portal)

        async def expire_after(wait: float, bill: Bill = payer.bill) -> bool:
            await asyncio.sleep(wait)
            with clock.standing_at(bill.due_at):
                return await expire(bill.id)

        await at_once(payer.open_order(), *(expire_after(tick / 500) for tick in range(9)))

        standing = await payer.standing()
        assert (standing["bill"], standing["attempts"]) in [
            (BillState.PAYING, [AttemptState.OPEN]),
            (BillState.EXPIRED, []),
        ]


async def test_a_notice_handled_again_changes_nothing(portal: Portal, payer: Payer) -> None:
    """By a worker that died after its commit, or by a person who asked for it."""
    payable = await payer.open_order()
    await payer.pays(payable)
    [reply] = await portal.control.notify(payable.attempt.order_no)
    assert reply.accepted
    await portal.run_jobs()
    notices = await Notice.filter(topic="payments.notice").order_by("-id")
    notice = next(notice for notice in notices if notice.content["order_no"] == payable.attempt.order_no)
    assert (notice.state, notice.remark) == (NoticeState.HANDLED, "SETTLE")

    async with nothing_moves():
        await process.work(notice_id=str(notice.id))
    await Notice.filter(id=notice.id).update(state=NoticeState.RECEIVED)
    async with nothing_moves("inbox_notice", "audit_line"):
        await process.work(notice_id=str(notice.id))

    await notice.refresh_from_db()
    assert notice.remark == "REPEATED"
    assert await payer.settlements() == 1


ACTS = ("pay", "paid", "paid", "closed", "wrong sum", "expire")


async def happen(payer: Payer, act: str, which: int, told: set[str]) -> None:
    """One thing that happens to the bill; `told` collects the orders WeChat said were paid."""
    attempts = await PaymentAttempt.filter(bill_id=payer.bill.id).order_by("id")
    if act == "pay":
        await payer.open_order()
    elif act == "expire":
        with clock.standing_at(payer.bill.due_at):
            await expire(payer.bill.id)
    elif attempts:
        attempt = attempts[which % len(attempts)]
        if act == "paid":
            told.add(attempt.order_no)
            await settle(told_paid(attempt))
        elif act == "closed":
            await settle(told_closed(attempt))
        else:
            await settle(told_paid(attempt, amount_fen=1))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 2)), min_size=3, max_size=12))
async def test_after_any_history_no_money_is_lost_and_none_counts_twice(
    portal: Portal, history: list[tuple[str, int]]
) -> None:
    """One bill, many attempts, at most one success; what came beyond that is known to be too much."""
    payer, told = await make_payer(portal), set[str]()
    for act, which in history:
        try:
            await happen(payer, act, which, told)
        except Refusal:
            continue

    bill, case = await Bill.get(id=payer.bill.id), await Case.get(id=payer.case.id)
    attempts = await PaymentAttempt.filter(bill_id=bill.id)
    succeeded = [attempt for attempt in attempts if attempt.state is AttemptState.SUCCEEDED]
    with_money = [attempt for attempt in attempts if attempt.state in {AttemptState.SUCCEEDED, AttemptState.SURPLUS}]
    assert {attempt.order_no for attempt in with_money} == told
    assert len(succeeded) == (1 if bill.state is BillState.PAID else 0)
    assert (case.state is CaseState.RESULT_READY) is (bill.state is BillState.PAID)
