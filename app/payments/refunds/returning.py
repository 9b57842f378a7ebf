"""Without this module money that has to go back by a rule would wait for somebody to ask for it."""

from __future__ import annotations

from uuid import UUID

from app.kernel import audit, db
from app.kernel.actor import SYSTEM
from app.payments.models import Refund
from app.payments.queries import locked_attempt, locked_bill
from app.payments.refunds.promising import Promise, agree, make_refund
from app.payments.refunds.queries import left_of, money_of
from app.payments.words import RefundReason


async def return_all(bill_id: UUID, reason: RefundReason) -> Refund | None:
    """Give back whatever of a paid bill is still there, with nobody asked; None when nothing is. Again is harmless."""
    async with db.transaction():
        bill = await locked_bill(bill_id)
        seen = await money_of(bill_id)
        if seen is None:
            return None
        attempt = await locked_attempt(seen.id)
        fen = attempt.amount_fen - attempt.promised_fen
        if fen == 0:
            return None
        left = left_of(bill, await Refund.filter(bill_id=bill.id))
        lines = [{"line": place, "amount_fen": rest} for place, rest in enumerate(left) if rest]
        refund = await make_refund(attempt, fen, reason, SYSTEM.reference, lines)
        await agree(Promise(bill, attempt, refund))
        detail = {"fen": fen, "reason": reason.value}
        await audit.record(SYSTEM, "refund.promised", f"refund:{refund.id}", detail=detail, person=bill.resident_id)
    return refund
