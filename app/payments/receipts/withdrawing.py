"""Without this module a wrong receipt would stay in force for ever, and one over money that went back too."""

from __future__ import annotations

from uuid import UUID

from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput, ProviderUnavailable
from app.payments.models import Receipt
from app.payments.ports import ReceiptRefused
from app.payments.queries import bill_at_work, locked_bill
from app.payments.receipts.errors import ReceiptTakenBack
from app.payments.receipts.issuing import pursue_receipt, see_to_receipt
from app.payments.receipts.matters import matter_of
from app.payments.receipts.queries import receipt_at_work
from app.payments.receipts.rules import GOES_BACK, wait_after
from app.payments.words import ReceiptState

_LONGEST_REASON = 200


async def void_receipt(actor: Actor, receipt_id: UUID, reason: str) -> Receipt:
    """A cashier of the unit has a receipt taken back; the worker brings that about, and issues the one that follows.

    Saying so again changes nothing, also once it is gone. Raises `NotFound`, `InvalidInput` or `ReceiptTakenBack`.
    """
    reason = reason.strip()
    if not 2 <= len(reason) <= _LONGEST_REASON:
        raise InvalidInput(
            field="reason",
            reason_zh=f"请写明作废原因,2至{_LONGEST_REASON}字",
            reason_en=f"say why, in 2 to {_LONGEST_REASON} characters",
        )
    seen = await receipt_at_work(actor, receipt_id)
    async with db.transaction():
        bill = await locked_bill((await bill_at_work(actor, seen.bill_id)).id)
        receipt = await Receipt.get(id=receipt_id)
        if receipt.state is ReceiptState.VOIDED and await _is_repeat(actor, receipt, reason):
            return receipt
        if receipt.state is ReceiptState.VOIDED:
            raise ReceiptTakenBack(field="receiptId")
        if not receipt.void_reason:
            await _say(receipt, reason)
            detail = {"bill": str(bill.id), "reason": reason}
            await audit.record(actor, "receipt.voided", f"receipt:{receipt.id}", detail=detail, person=bill.resident_id)
            await pursue_receipt.defer(bill_id=str(bill.id))
    return receipt


async def _is_repeat(actor: Actor, receipt: Receipt, reason: str) -> bool:
    return receipt.void_reason == reason and await audit.has_done(actor, "receipt.voided", f"receipt:{receipt.id}")


async def may_go_back(bill_id: UUID) -> bool:
    """For who is about to send money back: whether nothing stands in the way. A receipt over all of it is taken back
    first (先冲红后退付); one over a part is replaced by itself.
    """
    if (await matter_of(bill_id)).worth_fen:
        return True
    return await take_back_receipt(bill_id, GOES_BACK)


async def take_back_receipt(bill_id: UUID, reason: str) -> bool:
    """Whether the receipt that was in force is so no more; what the unit keeps gets a receipt of its own.

    False when the platform does not answer or refuses: that is pursued by itself, so ask again later. What follows is
    drawn by a worker. No transaction may be open.
    """
    async with db.transaction():
        await locked_bill(bill_id)
        receipt = await Receipt.get_or_none(bill_id=bill_id, state=ReceiptState.ISSUED)
        if receipt is not None and not receipt.void_reason:
            await _say(receipt, reason[:_LONGEST_REASON])
            await pursue_receipt.defer(bill_id=str(bill_id), not_before=clock.now() + wait_after(0))
    try:
        await see_to_receipt(bill_id, draws=False)
    except (ProviderUnavailable, ReceiptRefused):
        return False
    kept = await Receipt.get_or_none(bill_id=bill_id, state=ReceiptState.ISSUED)
    return kept is None or (receipt is not None and kept.id != receipt.id)


async def _say(receipt: Receipt, reason: str) -> None:
    receipt.void_reason = reason
    await receipt.save(update_fields=["void_reason"])
