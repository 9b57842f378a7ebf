"""Without this module tests could not look into the books of the fiscal platform."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.sandbox.calling import Caller, read


@dataclass(frozen=True)
class FiscalReceipt:
    """What the platform holds; `total` in fen. `red_number` is empty while the receipt is in force."""

    order_id: str
    code: str
    number: str
    check_code: str
    unit_code: str
    payment_code: str
    total: int
    lines: list[list[str]]
    red_number: str
    red_reason: str


class FiscalControl(Caller):
    async def fiscal_receipts(self, payment_code: str = "") -> list[FiscalReceipt]:
        """Oldest first, of one payment code or of all; red letters are told with what they take back."""
        found = [read(FiscalReceipt, one) for one in await self._list("GET", "/fiscal/receipts")]
        return [receipt for receipt in found if payment_code in {"", receipt.payment_code}]

    async def fiscal_unit(self, code: str, *, known: bool) -> None:
        """Let a collecting unit be one the platform does not know, or know it again."""
        await self._object("POST", f"/fiscal/units/{code}", {"known": known})

    async def fiscal_platform(self, *, open: bool) -> None:  # noqa: A002 - the field's word
        """Close the platform for maintenance, or open it: closed, it answers 503 to everything."""
        await self._object("POST", "/fiscal/platform", {"open": open})
