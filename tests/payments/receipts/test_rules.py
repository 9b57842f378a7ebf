from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.payments.receipts.rules import (
    ReceiptLine,
    ReceiptStanding,
    Standing,
    Step,
    check_letters,
    kind_due,
    lines_left,
    next_step,
    plain_code,
    standing_of,
)
from app.payments.rules import BillKind
from app.payments.words import ReceiptKind, ReceiptState

LINES: list[dict[str, Any]] = [
    {"fee_key": "ID40", "name": "工本费", "amount_fen": 4000, "quantity": 1, "exempt_fen": 0},
    {"fee_key": "#2", "name": "资料费", "amount_fen": 500, "quantity": 3, "exempt_fen": 300},
]


@pytest.mark.parametrize(
    ("standing", "step"),
    [
        (Standing(0), Step.LOOK),
        (Standing(4000), Step.ISSUE),
        (Standing(4000, 4000), Step.NOTHING),
        (Standing(4000, 4000, drawn=False), Step.DRAW),
        (Standing(4000, 4000, leaving=True), Step.TAKE_BACK),
        (Standing(3000, 4000), Step.TAKE_BACK),
        (Standing(0, 4000), Step.TAKE_BACK),
        (Standing(0, 4000, drawn=False), Step.TAKE_BACK),
        (Standing(4000, 3000), Step.TAKE_BACK),
    ],
)
def test_a_bill_has_one_receipt_over_what_the_unit_keeps(standing: Standing, step: Step) -> None:
    assert next_step(standing) is step


@pytest.mark.parametrize(
    ("kind", "platform", "due"),
    [
        (BillKind.CASE_FEE, True, ReceiptKind.FISCAL),
        (BillKind.NOTICE, True, ReceiptKind.FISCAL),
        (BillKind.DEPOSIT, True, ReceiptKind.PLAIN),
        (BillKind.CASE_FEE, False, ReceiptKind.PLAIN),
    ],
)
def test_a_deposit_is_no_income_of_the_treasury(kind: BillKind, due: ReceiptKind, *, platform: bool) -> None:
    assert kind_due(kind, platform=platform) is due


def test_a_receipt_has_the_bills_lines_without_what_was_exempted() -> None:
    assert lines_left(LINES, [], 5200) == [
        ReceiptLine("ID40", "工本费", 1, 4000, 4000),
        ReceiptLine("", "资料费", 3, 500, 1200),
    ]


def test_what_goes_back_comes_off_its_line_and_a_line_of_nothing_is_left_out() -> None:
    left = lines_left(LINES, [{"line": 1, "amount_fen": 1200}, {"line": 0, "amount_fen": 1000}], 3000)
    assert left == [ReceiptLine("ID40", "工本费", 1, 4000, 3000)]


@given(st.lists(st.integers(min_value=0, max_value=5200), max_size=3))
def test_lines_always_add_up_to_what_the_receipt_is_over(parts: list[int]) -> None:
    """Also when a refund names no lines."""
    worth = max(0, 5200 - sum(parts))
    assert sum(line.amount_fen for line in lines_left(LINES, [], worth)) == worth


def test_check_codes_differ_and_have_no_letters_read_as_others() -> None:
    codes = {check_letters(bytes([number]) * 32) for number in range(200)}
    assert len(codes) == 200
    assert {len(code) for code in codes} == {6}
    assert not set("".join(codes)) & set("01IO")


def test_a_plain_code_is_no_fiscal_one() -> None:
    assert plain_code("990102001", 2026) == "P99010226"
    assert plain_code("99", 2031) == "P99000031"


def test_a_receipt_that_somebody_wants_back_is_leaving() -> None:
    assert standing_of(ReceiptState.ISSUED, "") is ReceiptStanding.IN_FORCE
    assert standing_of(ReceiptState.ISSUED, "误开") is ReceiptStanding.LEAVING
    assert standing_of(ReceiptState.VOIDED, "误开") is ReceiptStanding.VOIDED
