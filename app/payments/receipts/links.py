"""Without this module a phone's viewer, which sends no token, could not open a receipt, or anybody could for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from app.kernel import clock
from app.kernel.settings import get_settings
from app.kernel.signing import signed, verified
from app.payments.receipts.errors import ReceiptLinkExpired

_PURPOSE = "receipt-document"
GOOD_FOR = timedelta(minutes=10)


def expiry() -> datetime:
    """When a link made now ends."""
    return clock.now() + GOOD_FOR


def link_to(receipt_id: UUID) -> str:
    """The address of a receipt's document, good for ten minutes and for this receipt only."""
    ends = int(expiry().timestamp())
    token = signed(_PURPOSE, receipt_id.bytes + ends.to_bytes(5, "big"))
    return f"{get_settings().public_url.rstrip('/')}/receipts/{token}.pdf"


def read_link(token: str) -> UUID:
    """Whose document a token opens. Raises `ReceiptLinkExpired`, also for a forged one."""
    body = verified(_PURPOSE, token)
    if body is None or len(body) != 21 or int.from_bytes(body[16:], "big") < clock.now().timestamp():
        raise ReceiptLinkExpired
    return UUID(bytes=body[:16])
