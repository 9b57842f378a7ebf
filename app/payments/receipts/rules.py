"""Without this module two workers could each have an idea of their own of which receipt a bill should have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from app.payments.rules import BillKind
from app.payments.states import RefundState
from app.payments.words import ReceiptKind, ReceiptState

AGREED = frozenset({RefundState.APPROVED, RefundState.PROCESSING, RefundState.ABNORMAL, RefundState.SUCCEEDED})
"""Refunds whose money is no longer the unit's: a receipt over it must be taken back before it goes out."""

WAITS = tuple(timedelta(seconds=each) for each in (10, 60, 300, 900, 3600))
"""Between tries to reach the platform; the last one again and again, for a platform comes back some day."""

TASK_AFTER = 3
"""Tries in vain before somebody is told."""

_CHECK_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without those that are read as others."""

CHECK_CODE_LENGTH = 6


GOES_BACK, GOES_BACK_IN_PART = "全额退付", "部分退付,换开余额票据"
"""Why a receipt is taken back when nobody has said more."""


class Step(StrEnum):
    """What a bill's receipt needs next."""

    NOTHING = "NOTHING"
    ISSUE = "ISSUE"
    TAKE_BACK = "TAKE_BACK"
    DRAW = "DRAW"
    LOOK = "LOOK"
    """None is due: make sure that an answer that got lost left none at the platform."""


@dataclass(frozen=True)
class Standing:
    """What came in for a bill and is the unit's to keep, and the receipt in force, in fen (None: there is none)."""

    worth_fen: int
    receipt_fen: int | None = None
    leaving: bool = False
    """Somebody has said that it is to be taken back."""

    drawn: bool = True


def next_step(standing: Standing) -> Step:
    """A bill has one receipt over what the unit keeps, or none when it keeps nothing.

    A part that goes back takes the whole receipt back, and another one over the rest follows: a fiscal receipt cannot
    be taken back in part.
    """
    if standing.receipt_fen is None:
        return Step.ISSUE if standing.worth_fen else Step.LOOK
    if standing.leaving or standing.receipt_fen != standing.worth_fen:
        return Step.TAKE_BACK
    return Step.NOTHING if standing.drawn else Step.DRAW


def kind_due(kind: BillKind, *, platform: bool) -> ReceiptKind:
    """A fiscal one where a platform is live, but never for a deposit: it is not income of the treasury."""
    return ReceiptKind.FISCAL if platform and kind is not BillKind.DEPOSIT else ReceiptKind.PLAIN


def wait_after(tried: int) -> timedelta:
    """How long to leave the platform alone after so many tries."""
    return WAITS[min(tried, len(WAITS) - 1)]


@dataclass(frozen=True)
class ReceiptLine:
    """One line of a receipt: the non-tax item's code and name, how often, at what standard, what it came to."""

    code: str
    name: str
    quantity: int
    standard_fen: int
    amount_fen: int


def lines_left(
    lines: Sequence[Mapping[str, Any]], given_back: Sequence[Mapping[str, Any]], worth_fen: int
) -> list[ReceiptLine]:
    """A bill's lines without what was exempted and what goes back, adding up to `worth_fen`; lines of nothing are left
    out.

    `given_back`: `{line, amount_fen}` by the place of the line. What names no line comes off the last ones.
    """
    amounts = [line["amount_fen"] * line["quantity"] - line.get("exempt_fen", 0) for line in lines]
    for part in given_back:
        amounts[part["line"]] -= part["amount_fen"]
    unnamed = sum(amounts) - worth_fen
    for place in range(len(amounts) - 1, -1, -1):
        taken = min(max(unnamed, 0), max(amounts[place], 0))
        amounts[place] -= taken
        unnamed -= taken
    return [
        ReceiptLine(item_code(line), line["name"], line["quantity"], line["amount_fen"], amount)
        for line, amount in zip(lines, amounts, strict=True)
        if amount > 0
    ]


def item_code(line: Mapping[str, Any]) -> str:
    """The non-tax item's code is the key of the fee; a place in an item's list (`#1`) is none."""
    key = str(line["fee_key"])
    return "" if key.startswith("#") else key


def plain_code(division_code: str, year: int) -> str:
    """Under which a division's plain receipts are numbered; its letter says that it is no fiscal code."""
    return f"P{division_code[:6]:0<6}{year % 100:02d}"


def check_letters(secret: bytes) -> str:
    """Six letters and digits of a keyed hash, which nobody without the key finds from the rest of a receipt."""
    number, letters = int.from_bytes(secret[:8], "big"), ""
    for _ in range(CHECK_CODE_LENGTH):
        number, place = divmod(number, len(_CHECK_LETTERS))
        letters += _CHECK_LETTERS[place]
    return letters


class ReceiptStanding(StrEnum):
    """How a receipt stands, as people are told."""

    IN_FORCE = "IN_FORCE"
    LEAVING = "LEAVING"
    VOIDED = "VOIDED"


STANDING_WORDS: dict[ReceiptStanding, tuple[str, str]] = {
    ReceiptStanding.IN_FORCE: ("有效", "In force"),
    ReceiptStanding.LEAVING: ("作废办理中", "Being taken back"),
    ReceiptStanding.VOIDED: ("已作废(冲红)", "Taken back"),
}
KIND_WORDS: dict[ReceiptKind, tuple[str, str]] = {
    ReceiptKind.FISCAL: ("财政电子票据", "Fiscal e-receipt"),
    ReceiptKind.PLAIN: ("缴费凭据(非财政票据)", "Plain receipt (not a fiscal one)"),
}


def standing_of(state: ReceiptState, void_reason: str) -> ReceiptStanding:
    if state is ReceiptState.VOIDED:
        return ReceiptStanding.VOIDED
    return ReceiptStanding.LEAVING if void_reason else ReceiptStanding.IN_FORCE
