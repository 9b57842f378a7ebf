"""Where the money of one order is, to be compared before and after."""

from __future__ import annotations

from typing import Any

from app.payments.models import Bill, LedgerEntry, MoneyTask, PaymentAttempt, Refund


async def money_of(order_no: str) -> dict[str, Any]:
    """Everything a provider's word could have moved."""
    attempt = await PaymentAttempt.get(order_no=order_no)
    bill = await Bill.get(id=attempt.bill_id)
    return {
        "bill": (bill.state, bill.paid_at),
        "attempts": await PaymentAttempt.filter(bill_id=bill.id).order_by("id").values_list("state", "provider_ref"),
        "refunds": await Refund.filter(bill_id=bill.id).order_by("id").values_list("state", "amount_fen"),
        "ledger": await LedgerEntry.filter(bill_id=bill.id).order_by("id").values_list("journal", "amount_fen"),
        "tasks": await MoneyTask.filter(subject=f"payment:{attempt.id}").count(),
    }
