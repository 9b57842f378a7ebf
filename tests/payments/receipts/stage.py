"""Paid bills, the receipts they get, and the documents people hold in their hands."""

from __future__ import annotations

import base64
from io import BytesIO
from uuid import UUID

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext
from pypdf import PdfReader

from app.kernel import db
from app.kernel.privacy import unseal
from app.payments.models import Bill, PaymentAttempt, Receipt, Refund
from app.payments.receipts.seal import seal
from app.payments.refunds.promising import make_refund
from app.payments.settling import live_channel, settle
from app.payments.states import AttemptState, RefundState
from app.payments.words import ReceiptState, RefundReason
from tests.payments.stage import Payer, make_payer
from tests.payments.words import told_paid
from tests.portal import Portal


async def paid_payer(portal: Portal) -> Payer:
    """The bill is paid; the worker has not been at it yet."""
    payer = await make_payer(portal)
    await settle(told_paid((await payer.open_order()).attempt))
    return payer


async def paid_for_real(portal: Portal) -> Payer:
    """Also in the sandbox's books, so that the money can go back there."""
    payer = await make_payer(portal)
    payable = await payer.open_order()
    await payer.pays(payable)
    await settle(await live_channel("wechat").ask(payable.attempt.order_no))
    return payer


async def receipts_of(bill_id: UUID) -> list[Receipt]:
    return await Receipt.filter(bill_id=bill_id).order_by("id")


async def the_receipt(bill_id: UUID) -> Receipt:
    """The one in force."""
    return await Receipt.get(bill_id=bill_id, state=ReceiptState.ISSUED)


async def agree_refund(bill: Bill, fen: int) -> Refund:
    """A refund everybody has agreed to, not yet at the channel."""
    attempt = await PaymentAttempt.get(bill_id=bill.id, state=AttemptState.SUCCEEDED)
    lines = [{"line": 0, "amount_fen": fen}]
    return await make_refund(
        attempt, fen, RefundReason.CHARGED_WRONGLY, "system:portal", lines, state=RefundState.APPROVED
    )


async def next_try(bill_id: UUID, tried: int) -> float:
    """When a bill's receipt is tried again, in seconds of the clock."""
    sql = """
        SELECT extract(epoch FROM scheduled_at)::float8 AS at FROM procrastinate_jobs
        WHERE task_name = 'payments.pursue_receipt' AND args->>'bill_id' = $1 AND args->>'tried' = $2
    """
    [row] = await db.rows(sql, str(bill_id), str(tried))
    return float(row["at"])


async def drop_waiting(bill_id: UUID) -> None:
    """Leave no job behind for other tests."""
    sql = "DELETE FROM procrastinate_jobs WHERE task_name = 'payments.pursue_receipt' AND args->>'bill_id' = $1"
    await db.rows(sql, str(bill_id))


def document_of(receipt: Receipt) -> bytes:
    assert receipt.pdf_sealed is not None
    return base64.b64decode(unseal(receipt.pdf_sealed))


async def signature_of(document: bytes) -> PdfSignatureStatus:
    """What a reader's program says of the seal, when it trusts ours."""
    [signature] = PdfFileReader(BytesIO(document)).embedded_signatures
    return await async_validate_pdf_signature(signature, ValidationContext(trust_roots=[seal().signing_cert]))


async def has_seal(document: bytes) -> bool:
    try:
        return (await signature_of(document)).bottom_line
    except Exception:  # noqa: BLE001 - a damaged file may break its reader in any way
        return False


def byte_range_of(document: bytes) -> list[int]:
    """Which bytes the signature covers: start and length before its own place, start and length after it."""
    [signature] = PdfFileReader(BytesIO(document)).embedded_signatures
    return [int(each) for each in signature.byte_range]


def words_of(document: bytes) -> str:
    """The text a reader can copy out."""
    said = "".join(page.extract_text() for page in PdfReader(BytesIO(document)).pages)
    return said.replace("\x00", "")  # pypdf reads each letter of two bytes as two
