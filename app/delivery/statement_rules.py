"""Without this module a carrier's statement would be added up by eye. Reading it and comparing it; pure.

Columns, in this order, with a heading line: order_no, tracking_number, date (2026-11-26), weight_g, fee (yuan).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

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


def read_statement(text: str) -> list[Billed]:
    """Raises `CarrierStatementInvalid` naming the first line that is wrong; nothing is taken of a faulty statement."""
    reader = csv.reader(text.removeprefix("\ufeff").splitlines())
    rows = [(reader.line_num, row) for row in reader if any(row)]
    if not rows or tuple(cell.strip().lower() for cell in rows[0][1]) != COLUMNS:
        raise _wrong(1, f"表头应为{','.join(COLUMNS)}", f"the heading has to be {','.join(COLUMNS)}")
    lines: dict[str, Billed] = {}
    for place, row in rows[1:]:
        line = _read(place, row)
        if line.number in lines:
            raise _wrong(place, "运单号重复", "the tracking number is there twice")
        lines[line.number] = line
    return list(lines.values())


def _read(place: int, row: Sequence[str]) -> Billed:
    if len(row) != len(COLUMNS):
        raise _wrong(place, f"应有{len(COLUMNS)}列", f"there have to be {len(COLUMNS)} columns")
    order_no, number, day, weight, fee = (cell.strip().lstrip("'") for cell in row)
    try:
        known, on = check_tracking_number(number), date.fromisoformat(day)
        billed = Billed(order_no[:32], known, on, int(weight), fen_of_yuan(fee))
    except (ValueError, Refusal):
        raise _wrong(place, "单号、日期、重量或金额有误", "a number, date, weight or fee is none") from None
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
