"""Without this module the platform would forget which receipts it gave out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from integrations.sandbox.clock import rfc3339
from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World


@dataclass(frozen=True)
class Issued:
    """A receipt; `total` in fen. With `red_*` set it was taken back by a red letter of that number."""

    order_id: str
    code: str
    number: str
    check_code: str
    unit_code: str
    payment_code: str
    total: int
    lines: list[list[str]]
    issued: float
    red_number: str = ""
    red_check_code: str = ""
    red_reason: str = ""
    red_at: float = 0.0


@dataclass(frozen=True)
class Count:
    given_out: int


def books(world: World) -> Shelf[Issued]:
    """By order."""
    return Shelf(world.records, "fiscal_receipts", Issued, keep=50_000)


def next_number(world: World) -> str:
    shelf = Shelf(world.records, "fiscal_numbers", Count, keep=8)
    count = (shelf.get("last") or Count(0)).given_out + 1
    shelf.put("last", Count(count))
    return f"{count:010d}"


def shown(receipt: Issued) -> dict[str, Any]:
    return {"order_id": receipt.order_id, **_shape(receipt, receipt.number, receipt.check_code, receipt.issued)}


def shown_red(receipt: Issued) -> dict[str, Any]:
    return _shape(receipt, receipt.red_number, receipt.red_check_code, receipt.red_at)


def _shape(receipt: Issued, number: str, check_code: str, moment: float) -> dict[str, Any]:
    return {
        "code": receipt.code,
        "number": number,
        "check_code": check_code,
        "total": f"{receipt.total // 100}.{receipt.total % 100:02d}",
        "issued_at": rfc3339(moment),
    }
