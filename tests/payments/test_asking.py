from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.kernel import clock
from app.kernel.errors import ProviderUnavailable
from app.payments.models import PaymentAttempt
from app.payments.settling import ask_about
from app.payments.states import AttemptState, BillState
from app.payments.tasks import expire_overdue_bills
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
            refused = await phone.do("ConfirmPayment", billId=str(payer.bill.id))
    assert (refused["code"], refused["retryable"]) == ("PROVIDER_UNAVAILABLE", True)

    await portal.control.be_hostile(server_error=0.0)
    confirmed = await phone.do("ConfirmPayment", billId=str(payer.bill.id))
    assert (confirmed["state"], confirmed["stateText"]) == ("PAID", "已缴费")


async def test_a_bill_is_good_until_its_date(payer: Payer) -> None:
    assert payer.bill.due_at - payer.bill.issued_at == timedelta(days=30)
    with clock.standing_at(payer.bill.due_at - timedelta(seconds=1)):
        await expire_overdue_bills()
    assert (await payer.standing())["bill"] is BillState.CREATED
