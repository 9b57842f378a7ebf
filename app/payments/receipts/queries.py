"""Without this module nobody could look at a receipt, and nobody could tell a real one from a forged one."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.catalogue.models import Department
from app.kernel import audit, clock
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import NotFound
from app.kernel.privacy import unseal
from app.kernel.ratelimit import check_rate
from app.payments.models import Bill, Receipt
from app.payments.queries import bill_at_work, bills_at_work
from app.payments.receipts.errors import ReceiptNotReady, ReceiptTakenBack, ReceiptUnknown
from app.payments.receipts.matters import unit_of
from app.payments.receipts.rules import ReceiptStanding, standing_of
from app.payments.words import ReceiptKind, ReceiptState

_VERIFICATIONS = "30/minute"
_VERIFICATIONS_OF_ONE = "300/hour"
"""Thirty bits of check code hold out against this for centuries."""


async def newest_receipts(bill_ids: Sequence[UUID]) -> list[Receipt | None]:
    """The receipt in force of each bill, else the last one we learned of; in key order.

    Not by `issued_at`: that is the platform's clock, in whole seconds.
    """
    newest: dict[UUID, Receipt] = {}
    for receipt in await Receipt.filter(bill_id__in=list(bill_ids)).order_by("id"):
        held = newest.get(receipt.bill_id)
        if held is None or held.state is not ReceiptState.ISSUED:
            newest[receipt.bill_id] = receipt
    return [newest.get(key) for key in bill_ids]


def is_own(bill: Bill, actor: Actor) -> bool:
    """Whether the bill is of the actor's matters: who only pays another's notice gets no document with their name."""
    return actor.kind is ActorKind.RESIDENT and bill.resident_id == actor.resident_id()


async def receipts_at_work(actor: Actor, bill_id: UUID) -> list[Receipt]:
    """Every receipt of a bill of the actor's units, newest first. Raises `NotFound`."""
    bill = await bill_at_work(actor, bill_id)
    return await Receipt.filter(bill_id=bill.id).order_by("-id")


async def receipt_at_work(actor: Actor, receipt_id: UUID) -> Receipt:
    """A receipt of the actor's units. Raises `NotFound` alike for none and for another unit's."""
    receipt = await Receipt.get_or_none(id=receipt_id)
    if receipt is None or not await bills_at_work(actor).filter(id=receipt.bill_id).exists():
        raise NotFound(what_zh="这张票据", what_en="receipt")
    return receipt


async def receipt_to_print(actor: Actor, receipt_id: UUID) -> Receipt:
    """A receipt in force that a cashier hands out on paper; that they saw it is recorded. Raises `NotFound`,
    `ReceiptNotReady` or `ReceiptTakenBack`.
    """
    receipt = await receipt_at_work(actor, receipt_id)
    check_can_be_read(receipt)
    bill = await Bill.get(id=receipt.bill_id)
    await audit.record(actor, "receipt.seen", f"receipt:{receipt.id}", person=bill.resident_id)
    return receipt


def check_can_be_read(receipt: Receipt) -> None:
    """Raises `ReceiptNotReady` or `ReceiptTakenBack`."""
    if receipt.state is ReceiptState.VOIDED:
        raise ReceiptTakenBack
    if receipt.pdf_sealed is None:
        raise ReceiptNotReady


async def document_of(receipt_id: UUID) -> tuple[str, bytes]:
    """The name of a receipt in force and its signed document. Raises `ReceiptUnknown`, `ReceiptNotReady` or
    `ReceiptTakenBack`.
    """
    receipt = await Receipt.get_or_none(id=receipt_id)
    if receipt is None:
        raise ReceiptUnknown
    check_can_be_read(receipt)
    assert receipt.pdf_sealed is not None
    return f"{receipt.code}-{receipt.number}", base64.b64decode(unseal(receipt.pdf_sealed))


@dataclass(frozen=True)
class Verified:
    """What anybody who holds a receipt may know of it: nothing about the payer."""

    kind: ReceiptKind
    code: str
    number: str
    amount_fen: int
    unit: Department
    issued_on: date
    standing: ReceiptStanding
    red_number: str


async def verify(code: str, number: str, check_code: str, address: str) -> Verified:
    """Whether we issued a receipt, and how it stands. The answer is the same for a number never given out and for a
    wrong check code. Raises `ReceiptUnknown` or `TooManyRequests`.
    """
    code, number, check_code = (text.strip().upper()[:20] for text in (code, number, check_code))
    await check_rate(_VERIFICATIONS, "receipt-verification", address or "unknown")
    await check_rate(_VERIFICATIONS_OF_ONE, "receipt-verified", code, number)
    receipt = await Receipt.get_or_none(code=code, number=number)
    right = receipt.check_code.upper() if receipt else ""
    if not hmac.compare_digest(right.encode(), check_code.encode()) or receipt is None:
        raise ReceiptUnknown
    return Verified(
        kind=receipt.kind,
        code=receipt.code,
        number=receipt.number,
        amount_fen=receipt.amount_fen,
        unit=await unit_of(await Bill.get(id=receipt.bill_id)),
        issued_on=clock.local(receipt.issued_at).date(),
        standing=standing_of(receipt.state, receipt.void_reason),
        red_number=receipt.red_number,
    )
