from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError

from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Actor, Scope
from app.kernel.audit import AuditLine
from app.kernel.db import new_id
from app.kernel.errors import IdempotencyKeyReused, InvalidInput, NotAllowed, NotFound, Refusal
from app.payments.models import Bill, LedgerEntry, PaymentAttempt, Refund
from app.payments.refunds.errors import NothingToRefund, RefundableDiffers, RefundTooLarge
from app.payments.refunds.promising import make_refund
from app.payments.refunds.queries import refundable
from app.payments.refunds.requesting import request_refund
from app.payments.refunds.rules import Share
from app.payments.states import AttemptState, BillState, RefundState
from app.payments.words import RefundReason
from tests.identity.accounts import make_resident, make_staff
from tests.identity.traces import nothing_moves
from tests.payments.refunds.stage import IN_UNIT, Paid, check_books, make_paid, wish
from tests.payments.stage import make_payer
from tests.people import new_key
from tests.portal import Portal


@pytest.fixture
async def paid(portal: Portal) -> AsyncIterator[Paid]:
    """Three lines: 40, 60 and 300 yuan."""
    await portal.control.be_hostile(notify_by_itself=False)
    yield await make_paid(portal, 4000, 6000, 30000)
    await portal.control.be_kind()


async def refused(paid: Paid, by: Actor, **asked: Any) -> Refusal:
    """The refusal of a refund; nothing at all moves."""
    fen, believed = asked.pop("fen", 100), asked.pop("believed", 40000)
    async with nothing_moves():
        with pytest.raises(Refusal) as refusal:
            await paid.refund(fen, believed, by, **asked)
    return refusal.value


async def test_a_cashier_sends_a_small_sum_back_alone_and_the_ledger_knows_at_once(paid: Paid) -> None:
    refund = await paid.refund(10000, 40000, remark="多收")
    assert (refund.state, refund.amount_fen, refund.decided_by_id) == (RefundState.APPROVED, 10000, paid.cashier.id)
    assert refund.lines == [{"line": 0, "amount_fen": 4000}, {"line": 1, "amount_fen": 6000}]
    assert await paid.standing() == (BillState.PAID, 0, AttemptState.SUCCEEDED, 10000)
    entries = await LedgerEntry.filter(refund_id=refund.id).order_by("place")
    assert [(one.account.value, one.amount_fen, one.unit) for one in entries] == [
        ("UNIT", 10000, "ps-household"),
        ("REFUNDS", -10000, ""),
    ]
    [said] = await AuditLine.filter(act="refund.requested", subject=f"refund:{refund.id}")
    assert (said.person, said.detail["fen"], said.detail["reason"]) == (paid.payer.id, 10000, "CHARGED_WRONGLY")
    await check_books(paid.bill.id)


async def test_what_goes_back_of_one_bill_beyond_the_limit_needs_a_second_person_also_in_pieces(portal: Portal) -> None:
    """PORTAL_REFUND_ALONE_FEN is 500 yuan."""
    paid = await make_paid(portal, 60000)
    assert (await paid.refund(30000, 60000)).state is RefundState.APPROVED
    assert (await paid.refund(20000, 30000)).state is RefundState.APPROVED
    waits = await paid.refund(1, 10000)
    assert (waits.state, waits.decided_by_id, waits.ask_again_at) == (RefundState.REQUESTED, None, None)
    assert not await LedgerEntry.exists(refund_id=waits.id)
    await check_books(paid.bill.id)


@pytest.mark.parametrize(
    "reason",
    [RefundReason.WITHDRAWN, RefundReason.PAID_TWICE, RefundReason.CHARGED_WRONGLY, RefundReason.EXEMPTED],
)
async def test_what_a_resident_asks_for_is_always_decided_by_the_unit(paid: Paid, reason: RefundReason) -> None:
    refund = await paid.refund(1, 40000, paid.payer, reason=reason)
    assert (refund.state, refund.requested_by) == (RefundState.REQUESTED, paid.payer.reference)
    assert await paid.standing() == (BillState.PAID, 0, AttemptState.SUCCEEDED, 1)


async def test_a_wrong_belief_is_refused_with_the_true_amount(paid: Paid) -> None:
    await paid.refund(1000, 40000)
    refusal = await refused(paid, paid.cashier, believed=40000)
    assert isinstance(refusal, RefundableDiffers)
    assert "390.00元" in refusal.sentence("zh")
    assert isinstance(await refused(paid, paid.cashier, fen=39001, believed=39000), RefundTooLarge)


async def test_a_line_gives_back_no_more_than_was_paid_for_it(paid: Paid) -> None:
    first = await paid.refund(None, 40000, shares=(Share(0, 3000), Share(2, 500)))  # type: ignore[arg-type]
    assert first.amount_fen == 3500
    more = await refused(paid, paid.cashier, fen=None, believed=36500, shares=(Share(0, 1001),))
    assert isinstance(more, RefundTooLarge)
    assert "10.00元" in more.sentence("zh")
    assert more.field == "lines.0.amountFen"
    found = await refundable(paid.cashier, paid.bill.id)
    assert (found.paid, found.left, found.left_fen) == ([4000, 6000, 30000], [1000, 6000, 29500], 36500)


@pytest.mark.parametrize("fen", [0, -1, 100_000_001, None])
async def test_zero_negative_huge_and_no_amount_are_refused(paid: Paid, fen: int | None) -> None:
    assert isinstance(await refused(paid, paid.cashier, fen=fen), InvalidInput)
    assert await refused(paid, paid.cashier, fen=None, shares=(Share(0, fen or 0),))


@pytest.mark.parametrize(
    "more",
    [
        {"shares": (Share(0, 1), Share(0, 1))},
        {"shares": (Share(3, 1),)},
        {"shares": (Share(-1, 1),)},
        {"fen": 3, "shares": (Share(0, 1), Share(1, 1))},
        {"remark": "说" * 81},
        {"reason": RefundReason.SURPLUS},
    ],
)
async def test_what_does_not_make_sense_is_refused(paid: Paid, more: dict[str, Any]) -> None:
    assert isinstance(await refused(paid, paid.cashier, **{"fen": None, **more}), InvalidInput)


@pytest.mark.parametrize("reason", [RefundReason.OTHER, RefundReason.HALL_CANCELLED, RefundReason.DEPOSIT_BACK])
async def test_a_resident_cannot_give_the_units_reasons(paid: Paid, reason: RefundReason) -> None:
    assert isinstance(await refused(paid, paid.payer, reason=reason), InvalidInput)


async def test_only_the_debtor_and_the_cashiers_of_the_unit_may_ask(paid: Paid) -> None:
    elsewhere = Scope(department="ps-traffic")
    assert isinstance(await refused(paid, await make_resident()), NotFound)
    assert isinstance(await refused(paid, await make_staff(Role.CASHIER, scope=elsewhere)), NotFound)
    assert isinstance(await refused(paid, await make_staff(Role.CASHIER, scope=Scope(division="11"))), NotFound)
    assert isinstance(await refused(paid, paid.second), NotAllowed)
    assert isinstance(await refused(paid, await make_staff(Role.APPROVER, scope=IN_UNIT)), NotAllowed)


async def test_who_paid_the_open_notice_of_another_may_ask_for_it(paid: Paid) -> None:
    stranger = await make_resident()
    await PaymentAttempt.filter(id=paid.attempt.id).update(payer_id=stranger.id)
    assert isinstance(await refused(paid, stranger), NotFound)
    await paid.bill.__class__.filter(id=paid.bill.id).update(anyone_may_pay=True)
    assert (await paid.refund(100, 40000, stranger)).state is RefundState.REQUESTED


@pytest.mark.parametrize("state", [AttemptState.SURPLUS, AttemptState.RETURNED])
async def test_who_paid_an_open_notice_for_nothing_has_no_say_over_the_money_of_who_paid_it(
    paid: Paid, state: AttemptState
) -> None:
    stranger, key = await make_resident(), new_id()
    await Bill.filter(id=paid.bill.id).update(anyone_may_pay=True)
    await PaymentAttempt.create(
        id=key, bill_id=paid.bill.id, channel="wechat", order_no=key.hex, amount_fen=40000, description="测试缴费",
        payer_id=stranger.id, payer_open_id="", state=state, opened_at=clock.now(), expires_at=clock.now(),
        paid_at=clock.now(),
    )  # fmt: skip
    assert isinstance(await refused(paid, stranger), NotFound)
    async with nothing_moves():
        with pytest.raises(NotFound):
            await refundable(stranger, paid.bill.id)
    assert (await paid.refund(100, 40000, paid.payer)).state is RefundState.REQUESTED


async def test_of_an_unpaid_bill_nothing_can_be_asked_back(portal: Portal) -> None:
    """Also while it is being paid."""
    payer = await make_payer(portal)
    await payer.open_order()
    async with nothing_moves():
        with pytest.raises(NothingToRefund):
            await request_refund(payer.actor, payer.bill.id, wish(100, 4000), idempotency_key=new_key())


async def test_once_all_is_promised_nothing_is_left(paid: Paid) -> None:
    await paid.refund(40000, 40000)
    assert isinstance(await refused(paid, paid.cashier, fen=1, believed=0), NothingToRefund)
    assert isinstance(await refused(paid, paid.cashier, fen=1, believed=40000), NothingToRefund)


async def test_the_same_request_again_is_the_same_refund(paid: Paid) -> None:
    key = new_key()
    first = await request_refund(paid.cashier, paid.bill.id, wish(100, 40000), idempotency_key=key)
    async with nothing_moves():
        again = await request_refund(paid.cashier, paid.bill.id, wish(100, 40000), idempotency_key=key)
        with pytest.raises(IdempotencyKeyReused):
            await request_refund(paid.cashier, paid.bill.id, wish(101, 40000), idempotency_key=key)
    assert again.id == first.id


async def test_the_database_keeps_promises_within_what_came_in_whatever_the_code_does(paid: Paid) -> None:
    await paid.refund(39999, 40000)
    async with nothing_moves():
        attempt = await PaymentAttempt.get(id=paid.attempt.id)
        with pytest.raises(IntegrityError, match="attempt_gives_back_what_came_in"):
            await make_refund(attempt, 2, RefundReason.OTHER, "staff:x", [])
        with pytest.raises(IntegrityError, match="bill_gives_back_what_was_paid"):
            await paid.bill.__class__.filter(id=paid.bill.id).update(refunded_fen=40001)
        with pytest.raises(IntegrityError, match="refund_returns_something"):
            await Refund.filter(attempt_id=paid.attempt.id).update(amount_fen=0)
