"""Without this module more could be promised back than came in.

A promise takes its part of the attempt's money in the transaction that makes it, also while it waits for a second
person; the database keeps the sum within what came in (`attempt_gives_back_what_came_in`). The ledger knows of it
from the moment it is agreed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM
from app.kernel.facts.publishing import publish
from app.payments import journal
from app.payments.events import RefundApproved
from app.payments.journal import Posting
from app.payments.ledger import About, post, unit_of
from app.payments.models import Bill, PaymentAttempt, Refund
from app.payments.states import RefundState
from app.payments.words import RefundReason

_TIMES = """
    SELECT count(DISTINCT journal) AS times FROM ledger_entry WHERE bill_id = $1 AND refund_id = $2 AND journal LIKE $3
"""


@dataclass(frozen=True)
class Promise:
    """A refund with the money it is about, all locked."""

    bill: Bill
    attempt: PaymentAttempt
    refund: Refund


async def promise_surplus(attempt: PaymentAttempt) -> Refund:
    """Promise surplus money back, all of it, with nobody asked. For a locked attempt, in the caller's transaction."""
    refund = await make_refund(attempt, attempt.amount_fen, RefundReason.SURPLUS, SYSTEM.reference, ())
    await agree(Promise(await Bill.get(id=attempt.bill_id), attempt, refund))
    await audit.record(SYSTEM, "refund.promised", f"refund:{refund.id}", detail={"fen": refund.amount_fen})
    return refund


async def make_refund(
    attempt: PaymentAttempt,
    fen: int,
    reason: RefundReason,
    requested_by: str,
    lines: Sequence[dict[str, Any]],
    *,
    state: RefundState = RefundState.APPROVED,
    **more: Any,
) -> Refund:
    """The row of a promise and its part of the attempt's money. For a locked attempt; its journal is the caller's
    (`agree`).
    """
    attempt.promised_fen += fen
    await attempt.save(update_fields=["promised_fen"])
    refund_id, now = db.new_id(), clock.now()
    return await Refund.create(
        id=refund_id,
        attempt_id=attempt.id,
        bill_id=attempt.bill_id,
        refund_no=refund_id.hex,
        reason=reason,
        amount_fen=fen,
        lines=list(lines),
        state=state,
        requested_by=requested_by,
        requested_at=now,
        ask_again_at=now if state is RefundState.APPROVED else None,
        **more,
    )


async def agree(promise: Promise) -> None:
    """Enter a promise that was made approved, and have it sent."""
    await enter(promise, "promised", _promised(promise))
    await publish(RefundApproved(promise.refund.id))


async def hold(promise: Promise) -> None:
    """Enter the promise of a refund that somebody has approved now."""
    await enter(promise, "promised", _promised(promise))


async def take_again(promise: Promise) -> bool:
    """Promise the money of a closed refund once more; False when there is no room for it any more."""
    attempt, fen = promise.attempt, promise.refund.amount_fen
    if attempt.promised_fen + fen > attempt.amount_fen:
        return False
    attempt.promised_fen += fen
    await attempt.save(update_fields=["promised_fen"])
    await hold(promise)
    return True


async def let_go(promise: Promise, *, entered: bool = True) -> None:
    """Give the money of a promise that will not be kept free again. `entered`: the ledger knows of it."""
    promise.attempt.promised_fen -= promise.refund.amount_fen
    await promise.attempt.save(update_fields=["promised_fen"])
    if entered:
        await enter(promise, "given_up", journal.refund_given_up(_promised(promise)))


async def promise_again(promise: Promise) -> Refund:
    """Start a closed refund again under a new number, as it was agreed. Its money is free."""
    closed = promise.refund
    refund = await make_refund(
        promise.attempt,
        closed.amount_fen,
        closed.reason,
        closed.requested_by,
        closed.lines,
        again_of=closed.id,
        remark=closed.remark,
        remark_check_id=closed.remark_check_id,
        decided_by_id=closed.decided_by_id,
        decided_at=closed.decided_at,
    )
    await agree(Promise(promise.bill, promise.attempt, refund))
    return refund


def _promised(promise: Promise) -> list[Posting]:
    """Surplus money belongs to no unit."""
    fen = promise.refund.amount_fen
    if promise.refund.reason is RefundReason.SURPLUS:
        return journal.surplus_promised(fen)
    return journal.refund_agreed(unit_of(promise.bill), fen)


async def enter(promise: Promise, what: str, postings: Sequence[Posting], *, at: datetime | None = None) -> None:
    """Enter something that happened to a locked refund; it can happen again after the bank has sent money back."""
    times = await times_entered(promise.refund, what)
    name = f"{what}:{promise.refund.id}" + (f":{times}" if times else "")
    await post(name, postings, about(promise.refund), at=at)


async def times_entered(refund: Refund, what: str) -> int:
    found = await db.row(_TIMES, refund.bill_id, refund.id, f"{what}:%")
    assert found is not None
    return int(found["times"])


def about(refund: Refund) -> About:
    return About(refund.bill_id, refund.attempt_id, refund.id)
