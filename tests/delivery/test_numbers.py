from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.errors import CheckDigitWrong
from app.delivery.numbers import candidates, has_wrong_check_digit, is_s10, s10_check_digit
from app.delivery.rules import check_tracking_number

KNOWN = [
    "ems", "youzhengguonei", "youzhengbk", "emsguoji", "youzhengguoji", "shunfeng", "jd", "zhongtong", "yuantong",
    "shentong", "yunda", "jtexpress", "debangkuaidi", "danniao",
]  # fmt: skip


@pytest.mark.parametrize(
    ("serial", "digit"),
    [
        ("00071759", 5),
        ("00071758", 1),
        ("96633102", 0),
        ("76129403", 8),
        ("47312482", 9),
        ("12345678", 5),
        ("10203040", 5),
        ("00000001", 4),
        ("00000008", 0),
        ("00000015", 5),
    ],
)
def test_every_known_check_digit_is_reproduced(serial: str, digit: int) -> None:
    assert s10_check_digit(serial) == digit


@given(st.from_regex(r"\A[0-9]{8}\Z"), st.integers(0, 7), st.integers(1, 9))
def test_one_wrong_digit_in_eight_is_always_seen(serial: str, place: int, by: int) -> None:
    """But for the remainder that S10 writes as 5 although 5 is another's."""
    wrong = serial[:place] + str((int(serial[place]) + by) % 10) + serial[place + 1 :]
    digits = {s10_check_digit(serial), s10_check_digit(wrong)}
    assert len(digits) == 2 or digits == {5}


def test_a_number_of_a_post_office_carries_its_check() -> None:
    assert is_s10("RR473124829GB")
    assert is_s10("EA123456785CN")
    assert not is_s10("EA123456786CN")
    assert has_wrong_check_digit("EA123456786CN")
    assert not has_wrong_check_digit("1207119765021")
    with pytest.raises(CheckDigitWrong):
        check_tracking_number("EA 123456786 CN")
    assert check_tracking_number("EA 123456785 CN") == "EA123456785CN"


@pytest.mark.parametrize(
    ("number", "carriers"),
    [
        ("SF1385628716739", ["shunfeng"]),
        ("YT8962646785389", ["yuantong"]),
        ("JT5261988016578", ["jtexpress"]),
        ("DPK202252612836", ["debangkuaidi"]),
        ("JDX024407261700", ["jd"]),
        ("EA123456785CN", ["ems"]),
        ("RR473124829GB", ["youzhengguoji"]),
        ("73610555582883", ["zhongtong"]),
        ("773277027280336", ["shentong"]),
        ("463431409940372", ["yunda"]),
        ("431431409940372", ["shentong", "yunda"]),
        ("1207119765021", ["ems", "youzhengbk"]),
        ("9777119765021", ["youzhengguonei"]),
        ("621123456789012", ["danniao"]),
        ("EA123456786CN", []),
        ("HELLO123", []),
    ],
)
def test_a_form_of_one_carrier_chooses_alone_and_others_are_candidates(number: str, carriers: list[str]) -> None:
    assert candidates(number, KNOWN) == carriers


def test_only_carriers_that_can_be_followed_are_offered() -> None:
    assert candidates("431431409940372", ["yunda"]) == ["yunda"]
    assert candidates("SF1385628716739", ["yunda"]) == []
