"""Without this module more could be promised back than came in.

A promise takes its part of the attempt's money in the transaction that makes it; the database keeps the sum within
what came in (`attempt_gives_back_what_came_in`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM
from app.kernel.facts.publishing import publish
from app.payments import journal
from app.payments.events import RefundApproved
from app.payments.ledger import About, post
from app.payments.models import PaymentAttempt, Refund
from app.payments.states import RefundState
from app.payments.words import RefundReason


async def promise_surplus(attempt: PaymentAttempt) -> Refund:
    """Promise surplus money back, all of it, with nobody asked. For a locked attempt, in the caller's transaction."""
    refund = await make_refund(attempt, attempt.amount_fen, RefundReason.SURPLUS, SYSTEM.reference, ())
    await post(f"promised:{refund.id}", journal.surplus_promised(refund.amount_fen), about(refund))
    await publish(RefundApproved(refund.id))
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
    """The row of a promise and its part of the attempt's money. For a locked attempt; its journal is the caller's."""
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


def about(refund: Refund) -> About:
    return About(refund.bill_id, refund.attempt_id, refund.id)
