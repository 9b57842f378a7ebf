from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.payments.receipts.capitals import in_capitals

DIGITS = {letter: value for value, letter in enumerate("零壹贰叁肆伍陆柒捌玖")}
PLACES = {"拾": 10, "佰": 100, "仟": 1000}


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (0, "零元整"),
        (1, "壹分"),
        (10, "壹角整"),
        (11, "壹角壹分"),
        (1_000, "壹拾元整"),
        (4_000, "肆拾元整"),
        (32_504, "叁佰贰拾伍元零肆分"),
        (140_950, "壹仟肆佰零玖元伍角整"),
        (600_714, "陆仟零柒元壹角肆分"),
        (1_000_000, "壹万元整"),
        (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
        (10_000_005, "壹拾万元零伍分"),
        (10_000_500, "壹拾万零伍元整"),
        (10_700_053, "壹拾万柒仟元伍角叁分"),
        (10_005_000, "壹拾万零伍拾元整"),
        (100_000_000, "壹佰万元整"),
        (100_100_100, "壹佰万壹仟零壹元整"),
        (1_000_000_000_100, "壹佰亿零壹元整"),
        (12_345_678_912, "壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元壹角贰分"),
    ],
)
def test_an_amount_is_written_in_capital_figures(fen: int, words: str) -> None:
    assert in_capitals(fen) == words


@pytest.mark.parametrize("fen", [-1, 10**18])
def test_what_is_no_amount_for_a_receipt_is_refused(fen: int) -> None:
    with pytest.raises(ValueError, match="not an amount for a receipt"):
        in_capitals(fen)


def read(words: str) -> int:
    """The way back, as a person reads it."""
    total = group = digit = 0
    for letter in words.removesuffix("整"):
        match letter:
            case "零":
                digit = 0
            case "拾" | "佰" | "仟":
                group, digit = group + digit * PLACES[letter], 0
            case "万" | "亿":
                total, group, digit = total + (group + digit) * (10**4 if letter == "万" else 10**8), 0, 0
            case "元":
                total, group, digit = (total + group + digit) * 100, 0, 0
            case "角":
                total, digit = total + digit * 10, 0
            case "分":
                total, digit = total + digit, 0
            case _:
                digit = DIGITS[letter]
    return total


@given(st.integers(min_value=0, max_value=10**14 - 1))
def test_a_person_reads_the_same_amount_back(fen: int) -> None:
    words = in_capitals(fen)
    assert read(words) == fen
    assert "零零" not in words
