from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.identity.rules import Role
from app.kernel import clock
from app.kernel.audit import AuditLine
from app.kernel.errors import IllegalMove, Refusal
from app.payments.models import PaymentAttempt, Refund
from app.payments.ports import RefundStanding
from app.payments.refunds.deciding import approve_refund, decline_refund, give_up_refund
from app.payments.refunds.errors import NothingToRefund, RefundableDiffers, RefundAtPlatform
from app.payments.refunds.requesting import request_refund
from app.payments.refunds.sending import pursue, took_turn
from app.payments.refunds.settling import settle_refund
from app.payments.settling import settle
from app.payments.states import AttemptState, BillState, RefundState
from tests.identity.accounts import make_staff
from tests.identity.crowds import at_once
from tests.payments.refunds.stage import IN_UNIT, Paid, back, check_books, make_paid, told, wish
from tests.payments.stage import FEE_FEN, make_payer
from tests.payments.words import told_paid
from tests.people import new_key
from tests.portal import Portal

R, S = RefundState, RefundStanding


@pytest.fixture
async def paid(portal: Portal) -> AsyncIterator[Paid]:
    await portal.control.be_hostile(notify_by_itself=False, haste=0.002)
    yield await make_paid(portal, 4000, 6000)
    await portal.control.be_kind()


async def test_of_ten_who_ask_for_the_same_money_at_once_one_gets_it(paid: Paid) -> None:
    for whole in (10000, 1000):
        start = (await paid.standing())[3]
        if start:
            paid = await make_paid(paid.portal, 4000, 6000)
        ends = await at_once(*(paid.refund(whole, 10000, paid.cashier if n % 2 else paid.payer) for n in range(10)))
        assert [type(end) for end in ends].count(Refund) == 1
        assert all(isinstance(end, Refund | NothingToRefund | RefundableDiffers) for end in ends), ends
        assert (await paid.standing())[3] == whole
        await check_books(paid.bill.id)


async def test_without_the_lock_both_would_have_promised_the_same_money(paid: Paid) -> None:
    """Why the payment is locked before what is left is counted; and why the database counts once more."""
    both_have_looked = asyncio.Barrier(2)

    async def look() -> int:
        attempt = await PaymentAttempt.get(id=paid.attempt.id)
        await both_have_looked.wait()
        return int(attempt.amount_fen - attempt.promised_fen)

    assert [*await asyncio.gather(look(), look())] == [10000, 10000]
    ends = await at_once(paid.refund(10000, 10000), paid.refund(10000, 10000))
    assert sorted(type(end).__name__ for end in ends) == ["NothingToRefund", "Refund"]


async def test_of_two_who_decide_at_once_one_is_heard(portal: Portal) -> None:
    await portal.control.be_hostile(notify_by_itself=False)
    for _ in range(5):
        paid = await make_paid(portal, 60000)
        refund, other = await paid.refund(60000, 60000), await make_staff(Role.CASHIER, scope=IN_UNIT)
        yes, no, again = await at_once(
            approve_refund(paid.second, refund.id),
            decline_refund(other, refund.id, "收费无误"),
            approve_refund(paid.second, refund.id),
        )
        row = await Refund.get(id=refund.id)
        assert isinstance(no, IllegalMove if row.state is R.APPROVED else Refund)
        assert isinstance(yes, Refund if row.state is R.APPROVED else IllegalMove)
        assert isinstance(again, type(yes))
        assert row.decided_by_id == (paid.second.id if row.state is R.APPROVED else other.id)
        await check_books(paid.bill.id)


async def test_notice_query_and_answer_ten_times_at_once_give_the_money_back_once(paid: Paid) -> None:
    refund = await paid.refund(4000, 10000)
    words = [
        settle_refund(told(refund, S.SUCCEEDED if n % 3 else S.PROCESSING), present=bool(n % 2)) for n in range(30)
    ]
    remarks = [handled.remark for handled in await asyncio.gather(*words)]
    assert remarks.count("BACK") == 1
    assert set(remarks) <= {"BACK", "REPEATED", "TAKEN", "NOTHING"}
    assert await paid.standing() == (BillState.PARTIALLY_REFUNDED, 4000, AttemptState.SUCCEEDED, 4000)
    assert await AuditLine.filter(act="refund.settled", subject=f"refund:{refund.id}").count() == 1
    await check_books(paid.bill.id)


async def test_ten_workers_at_once_send_it_once(paid: Paid) -> None:
    refund = await paid.refund(4000, 10000)
    await at_once(*(pursue(refund.id) for _ in range(10)))
    assert len(await paid.at_wechat()) == 1
    assert (await Refund.get(id=refund.id)).asked == 1


async def test_of_two_workers_who_have_found_the_same_refund_one_has_the_turn(paid: Paid) -> None:
    refund = await paid.refund(4000, 10000)
    found = [await Refund.get(id=refund.id) for _ in range(2)]
    assert [await took_turn(each) for each in found] == [True, False]


async def test_a_refund_asked_for_while_the_payment_is_settled_has_money_or_is_refused(portal: Portal) -> None:
    await portal.control.be_hostile(notify_by_itself=False)
    cashier = await make_staff(Role.CASHIER)
    for _ in range(5):
        payer = await make_payer(portal)
        attempt = (await payer.open_order()).attempt
        _, asked = await at_once(
            settle(told_paid(attempt)),
            request_refund(cashier, payer.bill.id, wish(FEE_FEN, FEE_FEN), idempotency_key=new_key()),
        )
        assert isinstance(asked, Refund | NothingToRefund)
        await check_books(payer.bill.id)


async def test_who_gives_up_while_it_is_sent_loses_no_money(paid: Paid) -> None:
    """Whoever comes first: what WeChat took all the same is in the books when it is through."""
    refund = await paid.refund(4000, 10000)
    _, given_up = await at_once(pursue(refund.id), give_up_refund(paid.second, refund.id, "不退了"))
    assert isinstance(given_up, Refund | RefundAtPlatform | IllegalMove), given_up
    await Refund.filter(id=refund.id).update(ask_again_at=clock.now())
    if await paid.at_wechat():
        await back(refund)
    await check_books(paid.bill.id)


WORDS = st.tuples(st.integers(0, 3), st.sampled_from(S), st.booleans())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(WORDS, min_size=2, max_size=12))
async def test_after_any_history_of_words_the_books_are_right(
    portal: Portal, history: list[tuple[int, RefundStanding, bool]]
) -> None:
    """Also of words no provider would say."""
    await portal.control.be_hostile(notify_by_itself=False)
    paid = await make_paid(portal, 4000, 6000)
    await paid.refund(4000, 10000)
    await paid.refund(5000, 6000)
    for which, standing, present in history:
        refunds = await Refund.filter(bill_id=paid.bill.id).order_by("requested_at", "id")
        await settle_refund(told(refunds[which % len(refunds)], standing), present=present)
        await check_books(paid.bill.id)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_through_a_hostile_platform_every_fen_is_back_once(portal: Portal, seed: int) -> None:
    """Answers lost before and after the effect, nonsense, false and repeated notices, requests by many at once."""
    await portal.control.be_hostile(notify_by_itself=False)
    bills = [await make_paid(portal, 4000, 6000) for _ in range(6)]
    await portal.control.be_hostile(
        seed=seed, notify_by_itself=True, haste=0.002, server_error=0.2, error_after_effect=0.3, garbage=0.1,
        sign_test=0.1, duplicate=0.5, reorder=0.3, drop=0.3, forge=0.2, wrong_amount=0.2, delay_seconds=0.1,
    )  # fmt: skip
    ends = await at_once(*(paid.refund(fen, 10000) for paid in bills for fen in (10000, 2500, 3000)))
    refunds = [end for end in ends if isinstance(end, Refund)]
    assert len(refunds) == len(bills)
    assert all(isinstance(end, Refund | Refusal) for end in ends), ends
    await portal.run_jobs()
    for refund in refunds:
        await back(refund)
    await portal.control.be_hostile(notify_by_itself=False)
    await portal.control.settle()
    await portal.run_jobs()
    for paid, refund in zip(bills, refunds, strict=True):
        assert await paid.at_wechat() == [("SUCCESS", refund.amount_fen)]
        await check_books(paid.bill.id)
    await portal.control.be_kind()
