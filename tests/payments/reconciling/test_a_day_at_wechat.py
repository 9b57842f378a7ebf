from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Scope
from app.kernel.errors import NotAllowed
from app.payments.models import MoneyTask, PaymentAttempt, Refund, StatementLine
from app.payments.ports import AccountNotReady, PaymentState, PaymentTruth
from app.payments.reconciling.accounts import Taken
from app.payments.reconciling.asking import settle_difference
from app.payments.reconciling.commands import reconcile, reconcile_missed, sign_off
from app.payments.reconciling.comparing import compare
from app.payments.reconciling.errors import DayNotOver, DayNotReconciled, DaySignedOff, DifferencesOpen
from app.payments.reconciling.queries import in_full, missed_days
from app.payments.reconciling.recomputing import Moved
from app.payments.refunds.sending import pursue
from app.payments.settling import settle
from app.payments.states import AttemptState, BillState, RefundState
from app.payments.tasks import reconcile_missed_days
from app.payments.words import StatementState
from tests.identity.accounts import make_staff
from tests.identity.traces import nothing_moves
from tests.payments.reconciling.stage import CHANNEL, FEE, Days, attempt_of, make_cashier
from tests.portal import Portal


async def test_a_day_both_tell_alike_is_matched_and_again_changes_nothing(days: Days) -> None:
    with await days.at(9):
        for _ in range(2):
            await days.paid()
    with await days.morning():
        assert await reconcile(CHANNEL, days.day()) is Taken.NEW
        statement = await days.statement()
        assert (statement.state, statement.payments, statement.paid_fen) == (StatementState.MATCHED, 2, 2 * FEE)
        assert (statement.fees_e5, await days.fees()) == (48_000, [("ps-household", 48)])
        assert await StatementLine.filter(statement_id=statement.id).count() == 2
        day = await in_full(statement)
        assert (day.rows, day.ledger, day.open_tasks) == (Moved(2 * FEE), Moved(2 * FEE), 0)

        assert await reconcile(CHANNEL, days.day()) is Taken.SAME
        again = await days.statement()
        assert (again.state, again.fetched_at, again.trade_digest) == (
            StatementState.MATCHED, statement.fetched_at, statement.trade_digest,
        )  # fmt: skip
        assert await days.fees() == [("ps-household", 48)]
        assert await days.tasks() == []


async def test_a_quiet_day_has_an_account_without_lines(days: Days) -> None:
    with await days.morning():
        assert await reconcile(CHANNEL, days.day()) is Taken.NEW
    statement = await days.statement()
    assert (statement.state, statement.payments, statement.fees_e5) == (StatementState.MATCHED, 0, 0)
    assert await days.fees() == []


async def test_before_ten_there_is_no_account_and_the_timetable_comes_again(days: Days, portal: Portal) -> None:
    with await days.at(9, 59, day=1):
        with pytest.raises(AccountNotReady):
            await reconcile(CHANNEL, days.day())
        assert await reconcile_missed(CHANNEL, days.day()) is False
        assert (await days.statement()).state is StatementState.EXPECTED
        assert (CHANNEL, days.day()) in await missed_days()
    with await days.at(10, 5, day=1):
        assert await reconcile_missed(CHANNEL, days.day()) is True
        assert (CHANNEL, days.day()) not in await missed_days()
    assert (await days.statement()).state is StatementState.MATCHED


async def test_the_timetable_makes_up_for_days_of_an_outage(days: Days, portal: Portal) -> None:
    with await days.at(9):
        await days.paid()
    with await days.at(10, 35, day=3):
        await reconcile_missed_days()
        await portal.run_jobs()
    assert [(await days.statement(number)).state for number in range(3)] == [StatementState.MATCHED] * 3
    assert (await days.statement()).paid_fen == FEE


async def test_a_payment_we_never_heard_of_is_asked_about_and_settles_by_itself(days: Days, portal: Portal) -> None:
    with await days.at(9):
        payer = await days.paid(told=False)
        assert (await attempt_of(payer)).state is AttemptState.OPEN
    with await days.morning():
        await reconcile(CHANNEL, days.day())
        assert await days.tasks() == [("STATE", "OPEN")]
        assert (await days.statement()).state is StatementState.DIFFERENCES
        await portal.run_jobs()
        task = await MoneyTask.get(channel=CHANNEL, day=days.day())
        await settle_difference(task.id)
    assert (await payer.standing())["bill"] is BillState.RECEIPTED
    assert await payer.settlements() == 1
    assert await days.tasks() == [("STATE", "SETTLED")]
    assert (await days.statement()).state is StatementState.MATCHED
    assert (await in_full(await days.statement())).ledger_agrees


async def test_a_refund_we_never_heard_the_end_of_settles_by_itself(days: Days, portal: Portal) -> None:
    """Late money: the bill was paid by another order, this one goes back."""
    with await days.at(9):
        payer = await days.paid(told=False)
        first = await attempt_of(payer)
        await settle(PaymentTruth(CHANNEL, first.order_no, PaymentState.CLOSED))
        second = await payer.open_order()
        await payer.pays(second)
        for order_no in (second.attempt.order_no, first.order_no):
            await settle(PaymentTruth(CHANNEL, order_no, PaymentState.PAID, FEE, paid_at=clock.now()))
        refund = await Refund.get(attempt_id=first.id)
        await pursue(refund.id)
        assert (await Refund.get(id=refund.id)).state is RefundState.PROCESSING
    with await days.morning():
        await reconcile(CHANNEL, days.day())
        assert await days.tasks() == [("STATE", "OPEN")]
        task = await MoneyTask.get(channel=CHANNEL, day=days.day())
        await settle_difference(task.id)
    assert (await Refund.get(id=refund.id)).state is RefundState.SUCCEEDED
    assert (await PaymentAttempt.get(id=first.id)).state is AttemptState.RETURNED
    assert await days.tasks() == [("STATE", "SETTLED")]
    day = await in_full(await days.statement())
    assert (day.rows, day.ledger) == (Moved(FEE, FEE, FEE), Moved(FEE, FEE, FEE))
    assert (day.statement.state, day.statement.refunded_fen) == (StatementState.MATCHED, FEE)


async def change(attempt: PaymentAttempt, **values: Any) -> None:
    await PaymentAttempt.filter(id=attempt.id).update(**values)


@pytest.mark.parametrize(
    ("spoil", "kinds"),
    [
        ({"amount_fen": FEE + 1}, ["AMOUNT"]),
        ({"order_no": "0" * 31}, ["THEIRS_ONLY"]),
    ],
)
async def test_other_sums_and_unknown_orders_never_settle_by_themselves(
    days: Days, portal: Portal, spoil: dict[str, Any], kinds: list[str]
) -> None:
    with await days.at(9):
        payer = await days.paid(told=False)
        attempt = await attempt_of(payer)
        await change(attempt, **{**spoil, **({"order_no": attempt.id.hex[:31]} if "order_no" in spoil else {})})
    with await days.morning():
        await reconcile(CHANNEL, days.day())
        await portal.run_jobs()
        await reconcile(CHANNEL, days.day())
    assert await days.tasks() == [(kind, "OPEN") for kind in kinds]
    assert (await attempt_of(payer)).state is AttemptState.OPEN
    assert (await payer.standing())["bill"] is BillState.PAYING


async def test_a_wrong_sum_that_is_right_the_next_time_still_wants_a_person(days: Days) -> None:
    """Sums do not change by themselves: somebody has to know why this one did."""
    with await days.at(9):
        attempt = await attempt_of(await days.paid())
        await change(attempt, amount_fen=FEE + 1)
    with await days.morning():
        await reconcile(CHANNEL, days.day())
        await change(attempt, amount_fen=FEE)
        await compare(CHANNEL, days.day())
    assert await days.tasks() == [("AMOUNT", "OPEN")]


async def test_what_only_we_have_stays_for_a_person(days: Days, portal: Portal) -> None:
    with await days.at(9):
        payer = await days.paid()
        await change(await attempt_of(payer), order_no=payer.bill.id.hex[:31])
    with await days.morning():
        await reconcile(CHANNEL, days.day())
        await portal.run_jobs()
    assert sorted(await days.tasks()) == [("OURS_ONLY", "OPEN"), ("THEIRS_ONLY", "OPEN")]
    task = await MoneyTask.get(channel=CHANNEL, day=days.day(), kind="OURS_ONLY")
    assert (task.unit, task.ours_fen, task.theirs_fen) == ("ps-household", FEE, None)


async def _around_midnight(days: Days) -> None:
    """Ours at 23:59:59, theirs two seconds later."""
    with await days.at(0, 0, 1, day=1):
        payer = await days.paid(told=False)
        before = clock.now() - timedelta(seconds=2)
        attempt = await attempt_of(payer)
        await settle(PaymentTruth(CHANNEL, attempt.order_no, PaymentState.PAID, FEE, paid_at=before))


async def test_a_payment_around_midnight_settles_with_the_account_of_the_next_day(days: Days) -> None:
    await _around_midnight(days)
    with await days.morning(1):
        await reconcile(CHANNEL, days.day())
        assert await days.tasks() == [("DATE_BOUNDARY", "OPEN")]
        with pytest.raises(DifferencesOpen):
            await sign_off(await make_cashier(), CHANNEL, days.day())
    with await days.morning(2):
        await reconcile(CHANNEL, days.day(1))
    assert (await days.tasks(), await days.tasks(1)) == ([("DATE_BOUNDARY", "SETTLED")], [])
    assert [(await days.statement(number)).state for number in (0, 1)] == [StatementState.MATCHED] * 2


async def test_what_the_next_day_does_not_have_either_is_ours_only(days: Days, portal: Portal) -> None:
    await _around_midnight(days)
    with await days.morning(1):
        await reconcile(CHANNEL, days.day())
    await portal.control.reset()
    with await days.morning(2):
        await reconcile(CHANNEL, days.day(1))
        await reconcile(CHANNEL, days.day(1))
    assert sorted(await days.tasks()) == [("DATE_BOUNDARY", "SETTLED"), ("OURS_ONLY", "OPEN")]
    assert (await days.statement()).state is StatementState.DIFFERENCES


async def test_days_after_an_outage_are_compared_in_any_order(days: Days) -> None:
    await _around_midnight(days)
    with await days.morning(2):
        await reconcile(CHANNEL, days.day(1))
        await reconcile(CHANNEL, days.day())
    assert (await days.tasks(), await days.tasks(1)) == ([], [])


async def test_a_day_is_signed_off_once_it_is_over_and_nothing_is_open(days: Days) -> None:
    cashier = await make_cashier()
    with await days.at(9):
        await days.paid(told=False)
        async with nothing_moves():
            with pytest.raises(DayNotOver):
                await sign_off(cashier, CHANNEL, days.day())
    with await days.at(8, day=1):
        async with nothing_moves():
            with pytest.raises(DayNotReconciled):
                await sign_off(cashier, CHANNEL, days.day())
        await reconcile_missed(CHANNEL, days.day())
        with pytest.raises(DayNotReconciled):
            await sign_off(cashier, CHANNEL, days.day())
    with await days.morning():
        await reconcile(CHANNEL, days.day())
        async with nothing_moves():
            with pytest.raises(DifferencesOpen) as refused:
                await sign_off(cashier, CHANNEL, days.day())
        assert refused.value.values == {"count": 1}
        await settle_difference((await MoneyTask.get(channel=CHANNEL, day=days.day())).id)
        signed = await sign_off(cashier, CHANNEL, days.day())
        assert (signed.state, signed.signed_by_id) == (StatementState.SIGNED_OFF, cashier.id)
        other = await make_cashier()
        async with nothing_moves():
            again = await sign_off(other, CHANNEL, days.day())
            assert again.signed_by_id == cashier.id
            with pytest.raises(DaySignedOff):
                await reconcile(CHANNEL, days.day())


async def test_what_is_learnt_of_a_day_after_it_was_signed_off_opens_nothing_in_it(days: Days) -> None:
    """A second worker that was still comparing, or the day beside: what was signed stays as it was signed."""
    with await days.at(9):
        payer = await days.paid()
    with await days.morning():
        await reconcile(CHANNEL, days.day())
        await sign_off(await make_cashier(), CHANNEL, days.day())
        await change(await attempt_of(payer), amount_fen=FEE + 1)
        async with nothing_moves():
            await compare(CHANNEL, days.day())
    assert (await days.statement()).state is StatementState.SIGNED_OFF
    assert await days.tasks() == []


async def test_nobody_of_a_part_of_the_city_signs_for_all_of_it(days: Days) -> None:
    for cashier in (
        await make_staff(Role.CASHIER, scope=Scope("ps-household")),
        await make_staff(Role.CASHIER, scope=Scope(None, "990102")),
        await make_staff(Role.DEPARTMENT_MANAGER),
    ):
        with pytest.raises(NotAllowed):
            await sign_off(cashier, CHANNEL, days.day())
