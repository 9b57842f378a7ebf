"""What WeChat says of an order, as a notice or a query brings it."""

from __future__ import annotations

from typing import Any

from app.kernel import clock
from app.payments.models import PaymentAttempt
from app.payments.ports import PaymentState, PaymentTruth


def told_paid(attempt: PaymentAttempt, **otherwise: Any) -> PaymentTruth:
    """The whole sum by the right person, unless said otherwise."""
    told = {
        "amount_fen": attempt.amount_fen,
        "provider_ref": f"4200{attempt.order_no[:20]}",
        "payer_open_id": attempt.payer_open_id,
        "paid_at": clock.now(),
        **otherwise,
    }
    return PaymentTruth("wechat", attempt.order_no, PaymentState.PAID, **told)


def told_closed(attempt: PaymentAttempt) -> PaymentTruth:
    return PaymentTruth("wechat", attempt.order_no, PaymentState.CLOSED)
