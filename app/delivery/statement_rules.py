"""Without this module a carrier's statement would be added up by eye. Reading it and comparing it; pure.

Columns, in this order, with a heading line: order_no, tracking_number, date (2026-11-26), weight_g, fee (yuan).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.delivery.errors import CarrierStatementInvalid
from app.delivery.ports import Payer
from app.delivery.rules import check_tracking_number
from app.delivery.words import TaskKind
from app.kernel.errors import Refusal
from app.kernel.money import fen_of_yuan

COLUMNS = ("order_no", "tracking_number", "date", "weight_g", "fee")
WEIGHT_TOLERANCE_G = 100
"""Scales differ by less than a step of the carriers' tariffs."""

_MOST_FEN, _MOST_GRAMS = 10_000_000, 1_000_000


@dataclass(frozen=True)
class Billed:
    """One line of a carrier's statement; `order_no` is empty for what was ordered elsewhere."""

    order_no: str
    number: str
    day: date
    weight_g: int
    fee_fen: int


@dataclass(frozen=True)
class Known:
    """What we know of a parcel; None is not known."""

    weight_g: int | None
    fee_fen: int | None
    payer: Payer = Payer.CITY


def _day(text: str) -> date:
    """Spreadsheets write slashes and leave zeros out when they save a table."""
    return datetime.strptime(text.replace("/", "-"), "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone


_READ: Sequence[tuple[Callable[[str], object], str, str]] = (
    (
        check_tracking_number,
        "运单号应为6至32位字母和数字,并符合校验位",
        "the tracking number or its check digit is wrong",
    ),
    (_day, "日期应写作2026-11-26", "a date is written 2026-11-26"),
    (int, "重量应为整数(克)", "a weight is a whole number of grams"),
    (fen_of_yuan, "费用应为金额(元),最多两位小数", "a fee is in yuan, with two decimals at most"),
)


def read_statement(text: str) -> list[Billed]:
    """Raises `CarrierStatementInvalid` naming the first line that is wrong; nothing is taken of a faulty statement."""
    reader = csv.reader(text.removeprefix("\ufeff").splitlines())
    rows = [(reader.line_num, row) for row in reader if any(row)]
    if not rows or tuple(cell.strip().lower() for cell in rows[0][1]) != COLUMNS:
        raise _wrong(1, f"表头应为{','.join(COLUMNS)}", f"the heading has to be {','.join(COLUMNS)}")
    return [_read(place, row) for place, row in rows[1:]]


def _read(place: int, row: Sequence[str]) -> Billed:
    if len(row) != len(COLUMNS):
        raise _wrong(place, f"应有{len(COLUMNS)}列", f"there have to be {len(COLUMNS)} columns")
    order_no, *cells = (cell.strip().lstrip("'") for cell in row)
    values: list[Any] = []
    for cell, (read, reason_zh, reason_en) in zip(cells, _READ, strict=True):
        try:
            values.append(read(cell))
        except (ValueError, Refusal):
            raise _wrong(place, reason_zh, reason_en) from None
    billed = Billed(order_no[:32], *values)
    if not 0 <= billed.weight_g <= _MOST_GRAMS or not 0 <= billed.fee_fen <= _MOST_FEN:
        raise _wrong(place, "重量或金额超出范围", "the weight or the fee is out of range")
    return billed


def _wrong(line: int, reason_zh: str, reason_en: str) -> CarrierStatementInvalid:
    return CarrierStatementInvalid(line=line, reason_zh=reason_zh, reason_en=reason_en, field="csv")


def differences(billed: Billed, known: Known) -> list[TaskKind]:
    """What a carrier bills otherwise than we know it; what we never learnt is no difference.

    Of what somebody pays at the door the city owes nothing, whatever it weighs.
    """
    if known.payer is not Payer.CITY:
        return [TaskKind.SETTLEMENT_PAID_ALREADY] if billed.fee_fen else []
    found = []
    if known.weight_g is not None and billed.weight_g > known.weight_g + WEIGHT_TOLERANCE_G:
        found.append(TaskKind.SETTLEMENT_WEIGHT)
    if known.fee_fen is not None and billed.fee_fen != known.fee_fen:
        found.append(TaskKind.SETTLEMENT_FEE)
    return found
