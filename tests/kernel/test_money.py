from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.money import Fen, fen_of_yuan, yuan


@pytest.mark.parametrize(
    ("fen", "text"),
    [(4000, "40.00"), (1, "0.01"), (0, "0.00"), (-5, "-0.05"), (-4050, "-40.50"), (10**14, "1000000000000.00")],
)
def test_fen_as_yuan(fen: int, text: str) -> None:
    assert yuan(Fen(fen)) == text


@given(st.integers(-(10**15), 10**15))
def test_what_is_said_is_what_is_heard(fen: int) -> None:
    assert fen_of_yuan(yuan(Fen(fen))) == fen


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_sums_do_not_drift(one: int, other: int) -> None:
    """0.10 and 0.20 are 0.30."""
    assert fen_of_yuan(yuan(Fen(one))) + fen_of_yuan(yuan(Fen(other))) == fen_of_yuan(yuan(Fen(one + other)))


@pytest.mark.parametrize(("text", "fen"), [("40", 4000), ("40.0", 4000), ("40.000", 4000), ("4E1", 4000)])
def test_yuan_in_other_spellings(text: str, fen: int) -> None:
    assert fen_of_yuan(text) == fen


@pytest.mark.parametrize("text", ["0.001", "40.005", "", "forty", "NaN", "Infinity", "-Infinity", "4,000.00", "40元"])
def test_what_is_not_a_whole_number_of_fen_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        fen_of_yuan(text)
