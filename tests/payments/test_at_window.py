from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from app.cases.rules import CaseState
from app.identity.queries import locked_resident
from app.identity.rules import Role
from app.kernel import db
from app.kernel.actor import Scope
from app.kernel.audit import AuditLine
from app.payments.commands import pay
from app.payments.models import LedgerEntry, PaymentAttempt
from app.payments.settling import close_live_order
from app.payments.states import AttemptState, BillState
from tests.identity.accounts import caller_of, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.payments.stage import FEE_FEN, Payer, make_notice, make_payer
from tests.people import Caller, new_key, outcome
from tests.portal import Portal


@pytest.fixture
async def payer(portal: Portal) -> AsyncIterator[Payer]:
    await portal.control.be_hostile(notify_by_itself=False)
    yield await make_payer(portal)
    await portal.control.be_kind()


async def collect(clerk: Caller, payer: Payer, **more: Any) -> Any:
    asked = {"channel": "cash", "amountFen": FEE_FEN, "idempotencyKey": new_key(), **more}
    return await clerk.do("CollectAtWindow", billId=str(payer.bill.id), **asked)


PAID = {"bill": BillState.PAID, "case": CaseState.RESULT_READY}


async def test_cash_pays_a_bill_and_names_who_took_it(portal: Portal, payer: Payer) -> None:
    cashier, key = await make_staff(Role.CASHIER), new_key()
    clerk = await caller_of(portal, cashier)
    for _ in range(2):
        told = await collect(clerk, payer, idempotencyKey=key)
        assert (told["state"], told["totalFen"]) == ("PAID", FEE_FEN)
    assert await payer.standing() == {**PAID, "attempts": [AttemptState.SUCCEEDED]}
    taken = await PaymentAttempt.get(bill_id=payer.bill.id)
    assert (taken.channel, taken.taken_by_id, taken.provider_ref) == ("cash", cashier.id, None)
    cleared = await LedgerEntry.get(bill_id=payer.bill.id, account="CLEARING")
    assert (cleared.channel, cleared.amount_fen) == ("cash", FEE_FEN)
    [line] = await AuditLine.filter(act="payment.settled", subject=f"payment:{taken.id}")
    assert (line.actor, line.person) == (cashier.reference, payer.actor.id)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"amountFen": FEE_FEN - 1}, "AMOUNT_DIFFERS"),
        ({"amountFen": 0}, "AMOUNT_DIFFERS"),
        ({"amountFen": -FEE_FEN}, "AMOUNT_DIFFERS"),
        ({"channel": "wechat"}, "PAYMENT_CHANNEL_UNAVAILABLE"),
        ({"channel": "beads"}, "PAYMENT_CHANNEL_UNAVAILABLE"),
        ({"channel": "pos"}, "INVALID_INPUT"),
        ({"channel": "pos", "slip": "12 34"}, "INVALID_INPUT"),
        ({"slip": "123456789012"}, "INVALID_INPUT"),
        ({"slip": "1" * 400}, "INVALID_INPUT"),
    ],
)
async def test_what_does_not_lie_on_the_counter_pays_nothing(
    portal: Portal, payer: Payer, more: dict[str, Any], code: str
) -> None:
    clerk, opened = await caller_of(portal, await make_staff(Role.CASHIER)), await payer.open_order()
    async with nothing_moves():
        refused = await collect(clerk, payer, **more)
    assert refused["code"] == code
    assert (await portal.control.order(opened.attempt.order_no)).trade_state == "NOTPAY"
    if code == "AMOUNT_DIFFERS":
        assert "40.00元" in refused["message"]


async def test_a_phone_cannot_pay_with_what_only_a_window_takes(portal: Portal, payer: Payer) -> None:
    phone = await caller_of(portal, payer.actor)
    async with nothing_moves():
        refused = await phone.do("Pay", billId=str(payer.bill.id), channel="cash", idempotencyKey=new_key())
    assert refused["code"] == "PAYMENT_CHANNEL_UNAVAILABLE"


async def test_another_unit_s_cashier_and_who_is_no_cashier_take_nothing(portal: Portal, payer: Payer) -> None:
    elsewhere = await caller_of(portal, await make_staff(Role.CASHIER, scope=Scope("ps-exit-entry")))
    clerk = await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR))
    async with nothing_moves():
        assert (await collect(elsewhere, payer))["code"] == "NOT_FOUND"
        assert (await collect(clerk, payer))["code"] == "NOT_ALLOWED"


async def test_one_slip_of_the_card_machine_pays_one_bill(portal: Portal, payer: Payer) -> None:
    clerk, other = await caller_of(portal, await make_staff(Role.CASHIER)), await make_payer(portal)
    slip = f"a{new_key()[:11]}"
    told = await at_once(*(collect(clerk, each, channel="pos", slip=slip) for each in (payer, other)))
    assert sorted(map(outcome, told)) == ["PAID", "SLIP_USED"]

    third, key = await make_payer(portal), new_key()
    await collect(clerk, third, idempotencyKey=key)
    late = await make_payer(portal)
    await late.open_order()
    async with nothing_moves():
        for typed in (slip, slip.upper(), slip.lower(), f" {slip} "):
            assert (await collect(clerk, late, channel="pos", slip=typed))["code"] == "SLIP_USED"
        assert (await collect(clerk, late, idempotencyKey=key))["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_ten_cashiers_at_once_take_the_money_once(portal: Portal, payer: Payer) -> None:
    clerk = await caller_of(portal, await make_staff(Role.CASHIER))
    told = await at_once(*(collect(clerk, payer) for _ in range(10)))
    assert sorted(map(outcome, told)) == ["NOTHING_TO_PAY"] * 9 + ["PAID"]
    assert await PaymentAttempt.filter(bill_id=payer.bill.id).count() == 1


async def test_the_order_of_a_phone_is_closed_before_cash_is_taken(portal: Portal, payer: Payer) -> None:
    opened = await payer.open_order()
    clerk = await caller_of(portal, await make_staff(Role.CASHIER))
    assert (await collect(clerk, payer))["state"] == "PAID"
    assert (await portal.control.order(opened.attempt.order_no)).trade_state == "CLOSED"
    assert await payer.standing() == {**PAID, "attempts": [AttemptState.CLOSED, AttemptState.SUCCEEDED]}


async def test_who_has_just_paid_by_phone_need_not_pay_at_the_window(portal: Portal, payer: Payer) -> None:
    await payer.pays(await payer.open_order())
    clerk = await caller_of(portal, await make_staff(Role.CASHIER))
    assert (await collect(clerk, payer))["code"] == "NOTHING_TO_PAY"
    assert await payer.standing() == {**PAID, "attempts": [AttemptState.SUCCEEDED]}


async def test_while_the_order_of_a_phone_cannot_be_closed_no_cash_is_taken(portal: Portal, payer: Payer) -> None:
    await payer.open_order()
    await portal.control.be_hostile(server_error=1.0)
    clerk = await caller_of(portal, await make_staff(Role.CASHIER))
    async with nothing_moves():
        refused = await collect(clerk, payer)
    assert (refused["code"], refused["retryable"]) == ("PROVIDER_UNAVAILABLE", True)


async def test_a_phone_and_a_window_at_the_same_moment_pay_once(portal: Portal, payer: Payer) -> None:
    clerk, phone = await caller_of(portal, await make_staff(Role.CASHIER)), await caller_of(portal, payer.actor)
    taken, _ = await at_once(
        collect(clerk, payer), phone.do("Pay", billId=str(payer.bill.id), idempotencyKey=new_key())
    )
    standing = await payer.standing()
    succeeded = standing["attempts"].count(AttemptState.SUCCEEDED)
    assert outcome(taken) in {"PAID", "PAYMENT_UNDER_WAY"}
    assert succeeded == (1 if outcome(taken) == "PAID" else 0)


@pytest.mark.parametrize("by", ["at_window", "exemptions", "notices"])
async def test_an_order_opened_after_the_one_before_was_closed_is_not_passed_over(
    portal: Portal, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes to the counter between closing and locking finds it; the next try closes it too."""
    cashier, payer = await make_staff(Role.CASHIER), await make_payer(portal)
    notice, clerk = await make_notice(cashier, anyone_may_pay=True), await caller_of(portal, cashier)
    orders: list[str] = []

    async def close_and_lose(bill_id: UUID, why: str) -> None:
        await close_live_order(bill_id, why)
        if not orders:
            opened = await pay(payer.actor, bill_id, "wechat", idempotency_key=new_key())
            orders.append(opened.attempt.order_no)

    async def act() -> Any:
        if by == "at_window":
            return await clerk.do(
                "CollectAtWindow", billId=str(notice.id), channel="cash", amountFen=20_000, idempotencyKey=new_key()
            )
        if by == "exemptions":
            said = {"line": 0, "basis": "低保对象免收工本费", "proof": "低保证 测0001"}
            return await clerk.do(
                "ExemptBill", billId=str(notice.id), amountFen=20_000, idempotencyKey=new_key(), **said
            )
        return await clerk.do("CancelNotice", billId=str(notice.id), reason="决定书已撤销")

    monkeypatch.setattr(f"app.payments.{by}.close_live_order", close_and_lose)
    refused = await act()
    assert refused["code"] == "PAYMENT_UNDER_WAY"
    assert "2分钟后再试" in refused["message"]
    assert (await portal.control.order(orders[0])).trade_state == "NOTPAY"
    assert outcome(await act()) in {"PAID", "WAIVED", "CANCELLED"}
    assert (await portal.control.order(orders[0])).trade_state == "CLOSED"


async def test_a_cashier_does_not_wait_for_who_holds_the_account_of_the_debtor(portal: Portal, payer: Payer) -> None:
    """They would be waiting for the bill in turn: the written order has the account first."""
    clerk, held, over = await caller_of(portal, await make_staff(Role.CASHIER)), asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with db.transaction():
            await locked_resident(payer.actor.own_id())
            held.set()
            await over.wait()

    holding = asyncio.create_task(hold())
    await held.wait()
    try:
        taken = await asyncio.wait_for(collect(clerk, payer), 20)
    finally:
        over.set()
        await holding
    assert outcome(taken) == "PAID"
