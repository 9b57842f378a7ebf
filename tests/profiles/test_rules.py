from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.identity.rules import is_mainland_mobile
from app.profiles.errors import AddressInvalid, NoticeNotMutable
from app.profiles.rules import (
    INVENTED,
    NOTICE_WORDS,
    PROVINCES,
    Address,
    NoticeKind,
    check_address,
    check_muted,
    check_phone,
    mask_detail,
)
from tests.identity.slips import made_up, spoiled

HERE = {*PROVINCES, INVENTED}
GOOD = Address("测试收件人", "13000009876", "990102", "云澜市澄江区人民路1号(虚构)")


@pytest.mark.parametrize(
    "address",
    [
        GOOD,
        Address("测" * 30, "+85212345678", "110101001", "路" * 120),
        Address("收", "+447700900000", "650102001002", "1"),
        Address("Test Receiver", "13000009876", "820000", "Rua 1"),
    ],
)
def test_an_address_that_a_courier_can_find(address: Address) -> None:
    assert check_address(address, HERE) == address


def test_blanks_are_dropped_and_full_width_digits_folded() -> None:
    """The last four digits of the phone go to the carrier: a blank must not be one of them."""
    typed = Address(" 测试收件人 ", " １３０-0000 9876 ", " ９９0102", " 云澜市澄江区人民路1号(虚构)\n")
    assert check_address(typed, HERE) == GOOD


@pytest.mark.parametrize(
    ("address", "part"),
    [
        (Address("", "13000009876", "990102", "路1号"), "receiver"),
        (Address("  ", "13000009876", "990102", "路1号"), "receiver"),
        (Address("测" * 31, "13000009876", "990102", "路1号"), "receiver"),
        (Address("测\u202e试", "13000009876", "990102", "路1号"), "receiver"),
        (Address("测试", "", "990102", "路1号"), "phone"),
        (Address("测试", "phone", "990102", "路1号"), "phone"),
        (Address("测试", "13000009876", "", "路1号"), "divisionCode"),
        (Address("测试", "13000009876", "澄江区", "路1号"), "divisionCode"),
        (Address("测试", "13000009876", "99010", "路1号"), "divisionCode"),
        (Address("测试", "13000009876", "9901021", "路1号"), "divisionCode"),
        (Address("测试", "13000009876", "1301020010010", "路1号"), "divisionCode"),
        (Address("测试", "13000009876", "160101", "路1号"), "divisionCode"),
        (Address("测试", "13000009876", "13010٢", "路1号"), "divisionCode"),
        (Address("测试", "13000009876", "990102", ""), "detail"),
        (Address("测试", "13000009876", "990102", "路" * 121), "detail"),
        (Address("测试", "13000009876", "990102", "路\x001号"), "detail"),
    ],
)
def test_the_part_that_is_wrong_is_named(address: Address, part: str) -> None:
    with pytest.raises(AddressInvalid) as refused:
        check_address(address, HERE)
    assert refused.value.field == part


def test_in_production_the_invented_province_is_nowhere() -> None:
    with pytest.raises(AddressInvalid) as refused:
        check_address(GOOD)
    assert refused.value.field == "divisionCode"
    assert INVENTED not in PROVINCES


def test_there_are_thirty_four_provinces() -> None:
    """GB/T 2260: 23 provinces, 5 autonomous regions, 4 municipalities, 2 special administrative regions."""
    names = list(PROVINCES.values())
    assert len(names) == len(set(names)) == 34
    assert sum(name.endswith("省") for name in names) == 23
    assert sum(name.endswith("自治区") for name in names) == 5
    assert sum(name.endswith("特别行政区") for name in names) == 2


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("13800138000", "13800138000"),
        ("138 0013 8000", "13800138000"),
        ("138-0013-8000", "13800138000"),
        ("+86 138 0013 8000", "13800138000"),
        ("１３８００１３８０００", "13800138000"),
        ("+852 9123 4567", "+85291234567"),
        ("+853 6612 3456", "+85366123456"),
        ("+886 912 345 678", "+886912345678"),
        ("+1 (202) 555-0100", "+12025550100"),
    ],
)
def test_phones_as_people_write_them(typed: str, number: str) -> None:
    assert check_phone(typed) == number


@pytest.mark.parametrize(
    "typed",
    [
        "12800138000",
        "1380013800",
        "138001380001",
        "91234567",
        "85291234567",
        "++13000009876",
        "+0852912345",
        "+8612345678901",
        "+861012345678",
        "+123456",
        "+1234567890123456",
        "1300000987٦",
        "+٨٥٢91234567",
        "十三亿",
    ],
)
def test_what_is_no_phone_is_refused(typed: str) -> None:
    with pytest.raises(AddressInvalid) as refused:
        check_phone(typed)
    assert refused.value.field == "phone"


def assert_sound(number: str) -> None:
    assert number.isascii()
    assert is_mainland_mobile(number) or (number[0] == "+" and len(number) in range(8, 17) and number[1] in "123456789")
    assert check_phone(number) == number


def accepted(typed: str) -> str | None:
    """The phone that is understood; None when it is refused in the one way there is."""
    try:
        return check_phone(typed)
    except AddressInvalid:
        return None


SEEDS = st.integers(min_value=0, max_value=2**32)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["13800138000", "+85291234567", "+86 138 0013 8000"]), SEEDS)
def test_ten_thousand_phones_with_slips_are_phones_or_refused(right: str, seed: int) -> None:
    for typed in spoiled(right, seed):
        number = accepted(typed)
        if number is not None:
            assert_sound(number)


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_ten_thousand_made_up_phones_are_phones_or_refused(seed: int) -> None:
    for typed in made_up("+0123456789 -()", 20, seed):
        number = accepted(typed)
        if number is not None:
            assert_sound(number)


@given(st.text(max_size=40))
def test_any_text_at_all_is_a_phone_or_refused(typed: str) -> None:
    number = accepted(typed)
    if number is not None:
        assert_sound(number)


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("云澜市澄江区人民路1号", "云澜市澄江区****"),
        ("云澜市澄江区人民路１号花园小区2栋", "云澜市澄江区****"),
        ("新民镇大桥村", "新民镇****"),
        ("人民路1号", "人民****"),
        ("1号", "1号****"),
    ],
)
def test_an_address_is_shown_to_the_town(detail: str, shown: str) -> None:
    assert mask_detail(detail) == shown


def test_everything_but_security_can_be_muted() -> None:
    assert check_muted([NoticeKind.PAYMENT, NoticeKind.BOOKING, NoticeKind.PAYMENT]) == ["BOOKING", "PAYMENT"]
    assert set(NOTICE_WORDS) == set(NoticeKind)
    with pytest.raises(NoticeNotMutable) as refused:
        check_muted([NoticeKind.CASE, NoticeKind.SECURITY])
    assert refused.value.field == "muted"
