"""A bill that somebody has paid, the two people of its unit, and the books that must be right after everything."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.identity.models import ChannelBinding
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import SYSTEM, Actor, Scope
from app.payments.commands import pay
from app.payments.issuing import make_bill
from app.payments.models import Bill, MoneyTask, PaymentAttempt, Refund
from app.payments.ports import PaymentState, PaymentTruth, RefundStanding, RefundTruth
from app.payments.refunds.queries import refunds_to_ask_about
from app.payments.refunds.requesting import request_refund
from app.payments.refunds.rules import RefundWish
from app.payments.refunds.sending import pursue
from app.payments.rules import BillKind
from app.payments.settling import settle
from app.payments.states import AttemptState, BillState, RefundState
from app.payments.words import RefundReason
from tests.identity.accounts import make_resident, make_staff
from tests.people import new_key, until
from tests.portal import Portal

UNIT = "ps-household"
IN_UNIT = Scope(department=UNIT)


def line(fen: int, name: str = "工本费") -> dict[str, Any]:
    return {"fee_key": "f", "name": name, "amount_fen": fen, "quantity": 1, "basis": "测试依据", "standard": "FIXED"}


def wish(fen: int | None, believed: int, **more: Any) -> RefundWish:
    return RefundWish(more.pop("reason", RefundReason.CHARGED_WRONGLY), believed, fen, **more)


@dataclass(frozen=True)
class Paid:
    """A paid bill with its payer and the staff of its unit."""

    portal: Portal
    payer: Actor
    cashier: Actor
    second: Actor
    bill: Bill
    attempt: PaymentAttempt

    async def refund(self, fen: int, believed: int, by: Actor | None = None, **more: Any) -> Refund:
        return await request_refund(
            by or self.cashier, self.bill.id, wish(fen, believed, **more), idempotency_key=new_key()
        )

    async def standing(self) -> tuple[BillState, int, AttemptState, int]:
        """State of the bill and what it gave back, state of the payment and what it has promised."""
        bill, attempt = await Bill.get(id=self.bill.id), await PaymentAttempt.get(id=self.attempt.id)
        return bill.state, bill.refunded_fen, attempt.state, attempt.promised_fen

    async def refunds(self) -> list[RefundState]:
        return [one.state for one in await Refund.filter(bill_id=self.bill.id).order_by("requested_at", "id")]

    async def tasks(self) -> set[tuple[str, str]]:
        """Kind and state of every task about a refund of the bill."""
        subjects = [f"refund:{one.id}" for one in await Refund.filter(bill_id=self.bill.id)]
        return {(task.kind.value, task.state.value) for task in await MoneyTask.filter(subject__in=subjects)}

    async def at_wechat(self) -> list[tuple[str, int]]:
        """What WeChat has given back of the order, and how each stands there."""
        order = await self.portal.control.order(self.attempt.order_no)
        return [(one["status"], one["amount"]["refund"]) for one in order.refunds]


async def make_paid(portal: Portal, *fens: int, channel: str = "wechat") -> Paid:
    """A notice of lines of so much, paid: in the sandbox's WeChat, or at a window."""
    payer, cashier = await make_resident(), await make_staff(Role.CASHIER, scope=IN_UNIT)
    second = await make_staff(Role.DEPARTMENT_MANAGER, scope=IN_UNIT)
    async with db.transaction():
        bill = await make_bill(
            SYSTEM,
            BillKind.NOTICE,
            UNIT,
            [line(fen, f"收费项目{place}") for place, fen in enumerate(fens)],
            description="测试缴费",
            resident_id=payer.id,
            item_key="id-card-replace",
        )
    attempt = await (_pay_in_wechat if channel == "wechat" else _pay_at_window)(portal, payer, bill, channel)
    return Paid(portal, payer, cashier, second, await Bill.get(id=bill.id), attempt)


async def _pay_in_wechat(portal: Portal, payer: Actor, bill: Bill, channel: str) -> PaymentAttempt:
    person = await portal.control.make_phone()
    await ChannelBinding.create(
        resident_id=payer.id,
        channel=channel,
        app_id=os.environ["WECHAT_APP_ID"],
        open_id=person.openid,
        bound_at=clock.now(),
    )
    payable = await pay(payer, bill.id, channel, idempotency_key=new_key())
    assert await portal.control.pay(person.openid, payable.client_parameters) == "requestPayment:ok"
    return await _settled(payable.attempt)


async def _pay_at_window(_portal: Portal, payer: Actor, bill: Bill, channel: str) -> PaymentAttempt:
    now, key = clock.now(), db.new_id()
    attempt = await PaymentAttempt.create(
        id=key, bill_id=bill.id, channel=channel, order_no=key.hex, amount_fen=bill.total_fen, description="测试缴费",
        payer_id=payer.id, payer_open_id="", state=AttemptState.PREPARING, opened_at=now, expires_at=now,
    )  # fmt: skip
    return await _settled(attempt)


async def _settled(attempt: PaymentAttempt) -> PaymentAttempt:
    truth = PaymentTruth(
        attempt.channel, attempt.order_no, PaymentState.PAID, attempt.amount_fen,
        provider_ref=f"42{attempt.order_no[:24]}", paid_at=clock.now(),
    )  # fmt: skip
    assert (await settle(truth)).remark == "SETTLE"
    return await PaymentAttempt.get(id=attempt.id)


def told(refund: Refund, standing: RefundStanding, **otherwise: Any) -> RefundTruth:
    """WeChat's word on a refund."""
    said = {"amount_fen": refund.amount_fen, "provider_ref": f"50{refund.refund_no[:20]}", **otherwise}
    if standing is RefundStanding.SUCCEEDED:
        said = {"refunded_at": clock.now(), **said}
    return RefundTruth("wechat", refund.refund_no, standing, **said)


async def pursued(refund: Refund) -> Refund:
    """When its time has come, whenever that is."""
    row = await Refund.get(id=refund.id)
    assert row.ask_again_at is not None
    with clock.standing_at(row.ask_again_at + timedelta(seconds=1)):
        assert refund.id in await refunds_to_ask_about(10_000)
        await pursue(refund.id)
    return await Refund.get(id=refund.id)


async def back(refund: Refund, *ends: RefundState) -> Refund:
    """Asked about until WeChat is through with it."""

    async def ended() -> Refund | None:
        row = await Refund.get(id=refund.id)
        if row.state not in (ends or (RefundState.SUCCEEDED,)) and row.ask_again_at is not None:
            row = await pursued(row)
        return row if row.state in (ends or (RefundState.SUCCEEDED,)) else None

    return await until(ended, what="the refund to end", seconds=20)


_BALANCED = "SELECT journal FROM ledger_entry GROUP BY journal HAVING sum(amount_fen) <> 0"
_BOOKS = """
    SELECT account, sum(amount_fen)::bigint AS fen FROM ledger_entry WHERE bill_id = $1 GROUP BY account
    HAVING sum(amount_fen) <> 0
"""
_HOLDS = {RefundState.REQUESTED, RefundState.APPROVED, RefundState.PROCESSING, RefundState.ABNORMAL}


async def check_books(bill_id: Any) -> None:
    """The ledger adds up to nothing; bill, payments, refunds and ledger tell the same story."""
    assert await db.rows(_BALANCED) == []
    bill, refunds = await Bill.get(id=bill_id), await Refund.filter(bill_id=bill_id)
    attempts = await PaymentAttempt.filter(bill_id=bill_id)
    for attempt in attempts:
        own = [one for one in refunds if one.attempt_id == attempt.id]
        holding = [one.amount_fen for one in own if one.state in _HOLDS | {RefundState.SUCCEEDED}]
        assert attempt.promised_fen == sum(holding)

    back_of_bill = [one for one in refunds if one.state is RefundState.SUCCEEDED and one.reason is not _SURPLUS]
    assert bill.refunded_fen == sum(one.amount_fen for one in back_of_bill)
    if not bill.refunded_fen:
        assert bill.state not in {BillState.PARTIALLY_REFUNDED, BillState.FULLY_REFUNDED}
    else:
        whole = bill.refunded_fen == bill.total_fen
        assert bill.state is (BillState.FULLY_REFUNDED if whole else BillState.PARTIALLY_REFUNDED)

    held = {row["account"]: row["fen"] for row in await db.rows(_BOOKS, bill_id)}
    owed = sum(one.amount_fen for one in refunds if one.state in _HOLDS - {RefundState.REQUESTED})
    came = sum(one.amount_fen for one in attempts if one.state in _WITH_MONEY)
    went = sum(one.amount_fen for one in refunds if one.state is RefundState.SUCCEEDED)
    assert (held.get("REFUNDS", 0), held.get("CLEARING", 0)) == (-owed, came - went)


_SURPLUS = RefundReason.SURPLUS
_WITH_MONEY = {AttemptState.SUCCEEDED, AttemptState.SURPLUS, AttemptState.RETURNED}
