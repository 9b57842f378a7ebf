"""Without this module nobody could ask the province's platform for a receipt, or to take one back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.kernel.clock import local
from app.kernel.money import Fen, fen_of_yuan, yuan
from app.payments.ports import IssuedReceipt, ReceiptOrder, ReceiptRefused
from integrations.fiscal.api import FiscalApi, unavailable

_CODE, _NUMBER, _CHECK_CODE = re.compile(r"\d{8}"), re.compile(r"\d{10}"), re.compile(r"[0-9A-Za-z]{6}")
_UNKNOWN = "ORDER_UNKNOWN"


class FiscalReceipts:
    """`FiscalPlatform` over the wire of README.md."""

    name_zh = "财政电子票据平台"
    name_en = "Fiscal receipt platform"

    def __init__(self, api: FiscalApi) -> None:
        self._api = api

    async def issue(self, order: ReceiptOrder) -> IssuedReceipt:
        """An order known already is answered with the receipt it was given then."""
        content = await self._api.request("issue", "POST", "/v1/receipts", _told(order))
        return _read("issue", content, order.order_id)

    async def ask(self, order_id: str) -> IssuedReceipt | None:
        try:
            content = await self._api.request("ask", "GET", f"/v1/receipts/{order_id}")
        except ReceiptRefused as refused:
            if refused.code == _UNKNOWN:
                return None
            raise
        return _read("ask", content, order_id)

    async def take_back(self, receipt: IssuedReceipt, reason: str) -> IssuedReceipt:
        """A receipt taken back already is answered with its red letter."""
        path = f"/v1/receipts/{receipt.code}/{receipt.number}/red"
        asked = {"check_code": receipt.check_code, "reason": reason}
        red = _read("take back", await self._api.request("take_back", "POST", path, asked), "")
        if red.total_fen != receipt.total_fen or (red.code, red.number) == (receipt.code, receipt.number):
            raise unavailable("take back: not the red letter of this receipt")
        return red


def _told(order: ReceiptOrder) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "unit": {"code": order.unit_code, "name": order.unit_name},
        "division_code": order.division_code,
        "payer": {"name": order.payer_name},
        "payment_code": order.payment_code,
        "paid_at": local(order.paid_at).isoformat(timespec="seconds"),
        "total": yuan(Fen(order.total_fen)),
        "lines": [{"item": code, "title": name, "amount": yuan(Fen(fen))} for code, name, fen in order.lines],
    }


def _read(operation: str, content: Mapping[str, Any], order_id: str) -> IssuedReceipt:
    """What was signed is still read with care: a receipt that is none would stay with the payer for thirty years."""
    texts = [content.get(name) for name in ("code", "number", "check_code", "total", "issued_at")]
    if not all(isinstance(text, str) for text in texts) or content.get("order_id", "") != order_id:
        raise unavailable(f"{operation}: not a receipt of this order")
    code, number, check_code, total, issued_at = map(str, texts)
    try:
        fen, moment = fen_of_yuan(total), datetime.fromisoformat(issued_at)
    except ValueError:
        raise unavailable(f"{operation}: an amount or a moment is none") from None
    shaped = _CODE.fullmatch(code) and _NUMBER.fullmatch(number) and _CHECK_CODE.fullmatch(check_code)
    if not shaped or fen <= 0 or moment.tzinfo is None:
        raise unavailable(f"{operation}: not a receipt")
    return IssuedReceipt(code, number, check_code, fen, moment.astimezone(UTC))
