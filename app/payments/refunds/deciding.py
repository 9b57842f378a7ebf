"""Without this module one person alone could send any sum away, and nobody could help a refund that is stuck."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import IllegalMove
from app.payments import money_tasks
from app.payments.models import PaymentAttempt, Refund
from app.payments.moves import advance
from app.payments.ports import RefundStanding, RefundTruth
from app.payments.receipts.withdrawing import may_go_back
from app.payments.refunds.errors import (
    HandedBackAlready,
    NothingToRefund,
    ReceiptStillInForce,
    RefundAtPlatform,
    RefundNotAtWindow,
    SecondPersonNeeded,
)
from app.payments.refunds.promising import Promise, hold, let_go, promise_again
from app.payments.refunds.queries import in_words, lock_promise, refund_at_work
from app.payments.refunds.rules import AT_PROVIDER
from app.payments.refunds.sending import order_of
from app.payments.refunds.settling import settle_refund
from app.payments.settling import live_channel
from app.payments.states import REFUND_LIFE, RefundState
from app.representation.rules import check_reason


async def approve_refund(actor: Actor, refund_id: UUID) -> Refund:
    """The second person says yes, and the money goes out; the same yes again is harmless.

    Raises `NotAllowed`, `NotFound`, `SecondPersonNeeded`, or `IllegalMove` when somebody else decided.
    """
    await refund_at_work(actor, refund_id)
    async with db.transaction():
        promise = await lock_promise(refund_id)
        refund = promise.refund
        if refund.decided_by_id == actor.id and refund.state not in {RefundState.REQUESTED, RefundState.DECLINED}:
            return refund
        _check_second(actor, promise, "approve")
        await hold(promise)
        await advance(refund, "approve", **_decided(actor), ask_again_at=clock.now())
        await _record(actor, "approved", promise)
    return refund


async def decline_refund(actor: Actor, refund_id: UUID, answer: str) -> Refund:
    """The second person says no, and why; the money is free again. The same no again is harmless.

    Raises `InvalidInput`, `NotAllowed`, `NotFound`, `SecondPersonNeeded`, or `IllegalMove` when somebody else decided.
    """
    why = check_reason(answer, "answer")
    await refund_at_work(actor, refund_id)
    async with db.transaction():
        promise = await lock_promise(refund_id)
        refund = promise.refund
        if refund.decided_by_id == actor.id and refund.state is RefundState.DECLINED:
            return refund
        _check_second(actor, promise, "decline")
        await let_go(promise, entered=False)
        await advance(refund, "decline", **_decided(actor), answer=why)
        await _record(actor, "declined", promise)
    return refund


def _check_second(actor: Actor, promise: Promise, verb: str) -> None:
    _check_may(promise.refund, promise.attempt, verb)
    if promise.refund.requested_by == actor.reference:
        raise SecondPersonNeeded


def _check_may(refund: Refund, attempt: PaymentAttempt, verb: str) -> None:
    if not REFUND_LIFE.may(refund.state, verb):
        raise _illegal(refund, attempt)


def _illegal(refund: Refund, attempt: PaymentAttempt) -> IllegalMove:
    """In the words in which people read how it stands: no platform is told of at a window."""
    return IllegalMove(refund.state.value, in_words(refund, attempt))


def _decided(actor: Actor) -> dict[str, Any]:
    return {"decided_by_id": actor.staff_id(), "decided_at": clock.now()}


async def retry_refund(actor: Actor, refund_id: UUID) -> Refund:
    """Help a refund on: what the provider refused or could not bring back is asked about, and sent again, within a
    minute; what it gave up is started again under a new number, once; so is what that came to when it was given up
    too. Gives the refund that goes on.

    What a person gave up, with an answer, is started again by anybody but who asked for it. Raises `NotAllowed`,
    `NotFound`, `SecondPersonNeeded`, `NothingToRefund` when the money has been promised otherwise meanwhile, or
    `IllegalMove`.
    """
    await refund_at_work(actor, refund_id)
    async with db.transaction():
        promise = await lock_promise(refund_id)
        refund = promise.refund
        if refund.state in AT_PROVIDER:
            await Refund.filter(id=refund.id).update(ask_again_at=clock.now())
        elif refund.state is RefundState.CLOSED:
            refund = await _start_again(actor, promise)
        else:
            raise _illegal(refund, promise.attempt)
        await _record(actor, "retried", promise)
    return refund


async def _start_again(actor: Actor, promise: Promise) -> Refund:
    started = await Refund.select_for_update().get_or_none(again_of=promise.refund.id)
    if started is not None and started.state is not RefundState.CLOSED:
        return started
    if started is not None:
        await money_tasks.settle_by_itself(f"refund:{promise.refund.id}")
        return await _start_again(actor, Promise(promise.bill, promise.attempt, started))
    if promise.refund.answer and promise.refund.requested_by == actor.reference:
        raise SecondPersonNeeded
    if promise.attempt.promised_fen + promise.refund.amount_fen > promise.attempt.amount_fen:
        raise NothingToRefund
    await money_tasks.settle_by_itself(f"refund:{promise.refund.id}")
    return await promise_again(promise)


async def give_up_refund(actor: Actor, refund_id: UUID, answer: str) -> Refund:
    """Take back an approved refund that the provider has never heard of, or that nobody collected at a window, and
    say why; its money is free again. The provider is asked first, and only it is believed. Again is harmless.

    Raises `InvalidInput`, `NotAllowed`, `NotFound`, `RefundAtPlatform`, `IllegalMove`, `ChannelUnavailable` or
    `ProviderUnavailable`.
    """
    why = check_reason(answer, "answer")
    seen = await refund_at_work(actor, refund_id)
    if seen.state is not RefundState.CLOSED:
        await _check_unknown_there(seen)
    async with db.transaction():
        promise = await lock_promise(refund_id)
        if promise.refund.state is RefundState.CLOSED:
            return promise.refund
        _check_may(promise.refund, promise.attempt, "close")
        await advance(promise.refund, "close", answer=why, ask_again_at=None)
        await let_go(promise)
        await money_tasks.settle_by_itself(f"refund:{promise.refund.id}")
        await _record(actor, "given_up", promise)
    return promise.refund


async def _check_unknown_there(refund: Refund) -> None:
    attempt = await PaymentAttempt.get(id=refund.attempt_id)
    _check_may(refund, attempt, "close")
    channel = live_channel(attempt.channel)
    if channel.at_window:
        return
    truth = await channel.ask_refund(order_of(refund, attempt))
    await settle_refund(truth, present=True)
    if truth.state is not RefundStanding.UNKNOWN:
        raise RefundAtPlatform


async def confirm_window_refund(actor: Actor, refund_id: UUID) -> Refund:
    """A cashier has handed the money back at the window. Again by the same one is harmless; another one, whose screen
    is old, is told that it is out.

    A receipt over all of it is taken back first. Raises `NotAllowed`, `NotFound`, `ChannelUnavailable`,
    `RefundNotAtWindow`, `ReceiptStillInForce`, `HandedBackAlready` or `IllegalMove`.
    """
    cashier = actor.staff_id(Role.CASHIER)
    refund = await refund_at_work(actor, refund_id)
    attempt = await PaymentAttempt.get(id=refund.attempt_id)
    if not live_channel(attempt.channel).at_window:
        raise RefundNotAtWindow
    if refund.state is not RefundState.SUCCEEDED:
        _check_may(refund, attempt, "succeed")
        await _check_receipt_is_gone(refund, attempt)
    word = RefundTruth(
        attempt.channel, refund.refund_no, RefundStanding.SUCCEEDED, refund.amount_fen, refunded_at=clock.now()
    )
    await settle_refund(word, actor)
    settled = await Refund.get(id=refund_id).prefetch_related("handed_back_by")
    if settled.state is not RefundState.SUCCEEDED:  # somebody gave it up in this very moment
        raise _illegal(settled, attempt)
    if settled.handed_back_by_id != cashier:
        by = settled.handed_back_by
        raise HandedBackAlready.of(by.title if by else "—", settled.settled_at or clock.now())
    return settled


async def _check_receipt_is_gone(refund: Refund, attempt: PaymentAttempt) -> None:
    if await may_go_back(refund.bill_id):
        return
    await refund.refresh_from_db()
    _check_may(refund, attempt, "succeed")  # somebody gave it up meanwhile, and the receipt stays
    raise ReceiptStillInForce


async def _record(actor: Actor, act: str, promise: Promise) -> None:
    await audit.record(
        actor,
        f"refund.{act}",
        f"refund:{promise.refund.id}",
        detail={"bill": str(promise.bill.id), "fen": promise.refund.amount_fen},
        person=promise.bill.resident_id,
    )
