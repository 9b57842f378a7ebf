"""Without this module nobody could ask for money back."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.facts.publishing import publish
from app.kernel.inbox.requests import Wanted, claim, earlier_answers, wanted
from app.kernel.settings import get_settings
from app.payments.events import RefundRequested
from app.payments.models import Bill, PaymentAttempt, Refund
from app.payments.queries import locked_attempt, locked_bill
from app.payments.refunds.errors import NothingToRefund, RefundableDiffers, RefundTooLarge
from app.payments.refunds.promising import Promise, agree, make_refund
from app.payments.refunds.queries import bill_to_refund, left_of, money_of
from app.payments.refunds.rules import (
    RESIDENTS_REASONS,
    STAFF_REASONS,
    RefundWish,
    Share,
    check_wish,
    may_go_alone,
    share_out,
)
from app.payments.states import RefundState
from app.representation.queries import locked_subject
from app.texts.checking import Checked, check, keep
from app.texts.rules import TextKind


async def request_refund(actor: Actor, bill_id: UUID, wish: RefundWish, *, idempotency_key: str) -> Refund:
    """Ask for money of a paid bill back, all of it or a part, again and again until nothing is left.

    The money is set aside at once. A cashier's refund goes out by itself as long as no more than
    `PORTAL_REFUND_ALONE_FEN` of the bill goes back; beyond that, and whatever a resident asks for, a second person
    decides. Raises `InvalidInput`, `NotAllowed`, `NotFound`, `NothingToRefund`, `RefundableDiffers` (with the amount
    that can be given back), `RefundTooLarge`, `TextNotAllowed` or `IdempotencyKeyReused`.
    """
    by_staff = actor.kind is ActorKind.STAFF
    check_wish(wish, STAFF_REASONS if by_staff else RESIDENTS_REASONS)
    owner = actor.staff_id(Role.CASHIER) if by_staff else actor.resident_id()
    asked = {"bill": bill_id, "wish": asdict(wish)}
    checked = None
    if wish.remark and not by_staff:
        checked = await _checked(actor, bill_id, wish, wanted(owner, idempotency_key, "request_refund", **asked))
    async with db.transaction():
        request = await claim(owner, idempotency_key, "request_refund", **asked)
        if request.earlier is not None:
            return await Refund.get(id=request.earlier)
        if not by_staff:
            await locked_subject(actor)
        await bill_to_refund(actor, bill_id)
        bill = await locked_bill(bill_id)
        attempt = await locked_money(bill)
        shares = await shares_of(wish, bill, attempt)
        refund = await _make(actor, bill, attempt, wish, shares, checked)
        await request.answered_with(refund.id)
    return refund


async def _checked(actor: Actor, bill_id: UUID, wish: RefundWish, asked: Wanted) -> Checked | None:
    """The remark of a request that was not made before, judged by the resident's host app; of no transaction."""
    [earlier] = await earlier_answers([asked])
    if earlier is not None:
        return None
    await bill_to_refund(actor, bill_id)
    return await check(actor, TextKind.REFUND_REMARK, wish.remark)


async def locked_money(bill: Bill) -> PaymentAttempt:
    """The payment a locked bill was paid with, locked. Raises `NothingToRefund`."""
    seen = await money_of(bill.id)
    if seen is None:
        raise NothingToRefund
    return await locked_attempt(seen.id)


async def shares_of(wish: RefundWish, bill: Bill, attempt: PaymentAttempt) -> list[Share]:
    """What is asked for, by line, when there is so much and the caller knows what there is."""
    refundable_fen = attempt.amount_fen - attempt.promised_fen
    if refundable_fen == 0:
        raise NothingToRefund
    if wish.believed_refundable_fen != refundable_fen:
        raise RefundableDiffers.of(refundable_fen)
    left = left_of(bill, await Refund.filter(bill_id=bill.id))
    shares = share_out(wish, left, [line["name"] for line in bill.lines])
    if sum(share.amount_fen for share in shares) > refundable_fen:
        raise RefundTooLarge.of(bill.description, refundable_fen, "amountFen")
    return shares


async def _make(
    actor: Actor, bill: Bill, attempt: PaymentAttempt, wish: RefundWish, shares: list[Share], checked: Checked | None
) -> Refund:
    fen = sum(share.amount_fen for share in shares)
    by_staff = actor.kind is ActorKind.STAFF
    alone = by_staff and may_go_alone(attempt.promised_fen, fen, get_settings().refund_alone_fen)
    decided = {"decided_by_id": actor.staff_id(), "decided_at": clock.now()} if alone else {}
    known = await keep(checked, division=bill.division_code, department=bill.collecting_unit) if checked else None
    refund = await make_refund(
        attempt,
        fen,
        wish.reason,
        actor.reference,
        [asdict(share) for share in shares],
        state=RefundState.APPROVED if alone else RefundState.REQUESTED,
        remark=wish.remark,
        remark_check_id=known.id if known else None,
        **decided,
    )
    if alone:
        await agree(Promise(bill, attempt, refund))
    else:
        await publish(RefundRequested(refund.id))
    detail = {"bill": str(bill.id), "fen": fen, "reason": wish.reason.value, "alone": alone}
    await audit.record(actor, "refund.requested", f"refund:{refund.id}", detail=detail, person=bill.resident_id)
    return refund
