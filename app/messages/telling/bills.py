"""Without this module nobody would know what is owed, what was taken, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from app.links.things import LinkKind, Thing
from app.messages.telling.told import Told, Words, alike, amount, moment
from app.payments.events import (
    BillDueSoon,
    BillExpired,
    BillIssued,
    BillPaid,
    BillReissued,
    ClosedRefundSucceeded,
    ExpiredBillPaid,
    LateMoneyReceived,
    ReceiptIssued,
    RefundAbnormal,
    RefundBounced,
    RefundDeclined,
    RefundSucceeded,
    SurplusReceived,
    SurplusReturned,
)
from app.payments.models import Bill, PaymentAttempt, Receipt, Refund
from app.payments.refunds.promising import times_entered
from app.payments.states import RefundState
from app.payments.words import RefundReason


async def issued(fact: BillIssued) -> list[Told]:
    bill = await _bill(fact.bill_id)
    return _told(bill, "", {"due": moment(bill.due_at)}) if bill else []


async def due_soon(fact: BillDueSoon) -> list[Told]:
    bill = await _bill(fact.bill_id)
    if bill is None or bill.paid_at is not None:
        return []
    [told] = _told(bill, _dated(bill), {"due": moment(bill.due_at)})
    return [replace(told, useless_after=bill.due_at)]


async def paid(fact: BillPaid) -> list[Told]:
    bill = await _bill(fact.bill_id)
    if bill is None or bill.paid_at is None:
        return []
    return _told(bill, "", {"amount": amount(fact.amount_fen), "time": moment(bill.paid_at)})


async def paid_late(fact: ExpiredBillPaid) -> list[Told]:
    """They were told that it expired."""
    bill = await _bill(fact.bill_id)
    return _told(bill, "", {"amount": amount(fact.amount_fen)}) if bill else []


async def expired(fact: BillExpired) -> list[Told]:
    bill = await _bill(fact.bill_id)
    return _told(bill, _dated(bill), {"due": moment(bill.due_at)}) if bill else []


async def reissued(fact: BillReissued) -> list[Told]:
    bill = await _bill(fact.bill_id)
    return _told(bill, _dated(bill), {"due": moment(bill.due_at)}) if bill else []


async def receipt_issued(fact: ReceiptIssued) -> list[Told]:
    bill, receipt = await _bill(fact.bill_id), await Receipt.get_or_none(id=fact.receipt_id)
    if bill is None or receipt is None:
        return []
    return _told(bill, f"/{receipt.id}", {"amount": amount(receipt.amount_fen)})


async def refunded(fact: RefundSucceeded | ClosedRefundSucceeded) -> list[Told]:
    """Once more when it had bounced. Surplus money is told of by `surplus_returned`: twice would be twice the money."""
    refund = await Refund.get_or_none(id=fact.refund_id)
    if refund is None or refund.state is not RefundState.SUCCEEDED:
        return []
    bounced = await times_entered(refund, "bounced")
    if refund.reason is RefundReason.SURPLUS and not bounced:
        return []
    return await _back(refund.attempt_id, await _each_time(refund), fact.amount_fen)


async def refund_failed(fact: RefundAbnormal) -> list[Told]:
    refund = await Refund.get_or_none(id=fact.refund_id)
    return await _back(refund.attempt_id, str(refund.id), refund.amount_fen) if refund else []


async def refund_bounced(fact: RefundBounced) -> list[Told]:
    """They were told that it is back."""
    refund = await Refund.get_or_none(id=fact.refund_id)
    return await _back(refund.attempt_id, await _each_time(refund), refund.amount_fen) if refund else []


async def _each_time(refund: Refund) -> str:
    bounced = await times_entered(refund, "bounced")
    return f"{refund.id}/{bounced}" if bounced else str(refund.id)


async def refund_declined(fact: RefundDeclined) -> list[Told]:
    """Whose bill it is, and who paid it for them and asked for their money, with the reason that was written."""
    refund = await Refund.get_or_none(id=fact.refund_id).prefetch_related("attempt", "bill")
    if refund is None:
        return []
    bill, payer = refund.bill, refund.attempt.payer_id
    asked = payer if refund.requested_by == f"resident:{payer}" else None
    said = {"matter": bill.description, "reason": refund.answer or "-"}
    values = {**{name: alike(words) for name, words in said.items()}, "amount": amount(refund.amount_fen)}
    once = {asked: f"{bill.id}/{refund.id}/payer", bill.resident_id: f"{bill.id}/{refund.id}"}
    return [Told(who, Thing(LinkKind.BILL, bill.id), key, values) for who, key in once.items() if who]


async def too_late(fact: LateMoneyReceived) -> list[Told]:
    return await _back(fact.attempt_id, str(fact.attempt_id), fact.amount_fen)


async def too_much(fact: SurplusReceived) -> list[Told]:
    return await _back(fact.attempt_id, str(fact.attempt_id), fact.amount_fen)


async def surplus_returned(fact: SurplusReturned) -> list[Told]:
    return await _back(fact.attempt_id, str(fact.attempt_id), fact.amount_fen)


async def _back(attempt_id: UUID, once: str, fen: int) -> list[Told]:
    """The money goes to whoever paid, who need not be the debtor."""
    attempt = await PaymentAttempt.get_or_none(id=attempt_id).prefetch_related("bill")
    if attempt is None:
        return []
    payer = attempt.payer_id or attempt.bill.resident_id
    values = {"matter": alike(attempt.bill.description), "amount": amount(fen)}
    return [Told(payer, Thing(LinkKind.BILL, attempt.bill_id), once, values)] if payer else []


async def _bill(bill_id: UUID) -> Bill | None:
    """None for a notice to somebody who has no account here."""
    bill = await Bill.get_or_none(id=bill_id)
    return bill if bill is not None and bill.resident_id is not None else None


def _dated(bill: Bill) -> str:
    return f"/{bill.due_at.isoformat()}"


def _told(bill: Bill, once: str, more: Mapping[str, Words]) -> list[Told]:
    assert bill.resident_id is not None
    values = {"matter": alike(bill.description), "amount": amount(bill.total_fen), **more}
    return [Told(bill.resident_id, Thing(LinkKind.BILL, bill.id), f"{bill.id}{once}", values)]
