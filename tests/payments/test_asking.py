from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.kernel import clock, db
from app.kernel.errors import ProviderUnavailable
from app.payments.models import PaymentAttempt
from app.payments.queries import attempts_to_ask_about
from app.payments.settling import ask_about
from app.payments.states import AttemptState, BillState
from app.payments.tasks import expire_overdue_bills, sweep_open_orders
from tests.identity.accounts import caller_of
from tests.identity.traces import nothing_moves
from tests.payments.stage import Payer, make_payer
from tests.portal import Portal


@pytest.fixture
async def payer(portal: Portal) -> AsyncIterator[Payer]:
    await portal.control.be_hostile(notify_by_itself=False)
    yield await make_payer(portal)
    await portal.control.be_kind()


async def test_three_who_ask_at_once_close_an_order_once(portal: Portal, payer: Payer) -> None:
    attempt = (await payer.open_order()).attempt
    with clock.standing_at(attempt.expires_at - timedelta(seconds=1)):
        await ask_about(attempt.id)
    assert (await payer.standing())["attempts"] == [AttemptState.OPEN]

    with clock.standing_at(attempt.expires_at):
        await asyncio.gather(*(ask_about(attempt.id) for _ in range(3)))

    assert (await payer.standing())["attempts"] == [AttemptState.CLOSED]
    assert (await payer.standing())["bill"] is BillState.CREATED
    async with nothing_moves():
        await ask_about(attempt.id)


async def test_an_order_wechat_never_heard_of_ends_with_its_time(portal: Portal, payer: Payer) -> None:
    await portal.control.be_hostile(server_error=1.0)
    with pytest.raises(ProviderUnavailable):
        await payer.open_order()
    await portal.control.be_hostile(server_error=0.0)
    attempt = await PaymentAttempt.get(bill_id=payer.bill.id)

    await ask_about(attempt.id)
    assert (await payer.standing())["attempts"] == [AttemptState.PREPARING]
    with clock.standing_at(attempt.expires_at):
        await ask_about(attempt.id)
    assert (await payer.standing())["attempts"] == [AttemptState.CLOSED]


async def test_while_wechat_is_down_nothing_is_decided(portal: Portal, payer: Payer) -> None:
    payable = await payer.open_order()
    await payer.pays(payable)
    phone = await caller_of(portal, payer.actor)
    await portal.control.be_hostile(server_error=1.0)

    with clock.standing_at(payable.attempt.expires_at):
        async with nothing_moves():
            with pytest.raises(ProviderUnavailable):
                await ask_about(payable.attempt.id)
        standing = await payer.standing()
        async with nothing_moves("payment_attempt"):  # it knows that the phone has come back
            refused = await phone.do("ConfirmPayment", billId=str(payer.bill.id))
    assert (refused["code"], refused["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    assert await payer.standing() == standing

    await portal.control.be_hostile(server_error=0.0)
    confirmed = await phone.do("ConfirmPayment", billId=str(payer.bill.id))
    assert (confirmed["state"], confirmed["stateText"]) == ("PAID", "已缴费")


_JOBS = "SELECT id FROM procrastinate_jobs WHERE task_name = 'payments.ask_provider' AND args->>'attempt_id' = $1"


async def test_an_outage_is_asked_about_less_and_less_and_leaves_no_dead_letter(portal: Portal, payer: Payer) -> None:
    """An hour and a half without an answer: one job for each turn, and none that fails."""
    attempt, before = (await payer.open_order()).attempt, await payer.standing()
    await portal.control.be_hostile(server_error=1.0)
    turns = []
    for minutes in (0, 1, 2, 4, 5, 6, 14, 15, 16, 59, 60, 61, 90, 119, 120, 121):
        with clock.standing_at(attempt.opened_at + timedelta(minutes=minutes)):
            for _ in range(2):
                await sweep_open_orders()
        turns += [minutes] * len(await db.rows(_JOBS, str(attempt.id)))
        await portal.run_jobs()
    assert turns == [1, 5, 15, 60, 120]
    assert await payer.standing() == before


async def test_orders_of_a_channel_switched_off_keep_those_of_another_waiting_for_one_turn_only(portal: Portal) -> None:
    lost = [(await (await make_payer(portal)).open_order()).attempt.id for _ in range(2)]
    long_ago = clock.now() - timedelta(days=400)
    await PaymentAttempt.filter(id__in=lost).update(channel="switched-off", ask_again_at=long_ago)
    assert set(await attempts_to_ask_about(2)) == set(lost)
    await sweep_open_orders()
    assert not set(lost) & set(await attempts_to_ask_about(10_000))
    await portal.run_jobs()
    asked = await PaymentAttempt.filter(id__in=lost)
    assert [(one.asked, one.state) for one in asked] == [(1, AttemptState.OPEN)] * 2
    await PaymentAttempt.filter(id__in=lost).update(channel="wechat")


async def test_a_bill_is_good_until_its_date(payer: Payer) -> None:
    assert payer.bill.due_at - payer.bill.issued_at == timedelta(days=30)
    with clock.standing_at(payer.bill.due_at - timedelta(seconds=1)):
        await expire_overdue_bills()
    assert (await payer.standing())["bill"] is BillState.CREATED
