from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.identity.errors import IdentityNumberInvalid
from app.identity.rules import check_id_number, is_mainland_mobile
from integrations.sandbox.people import check_digit, identity_number
from tests.identity.slips import made_up, spoiled
from tests.identity.traces import nothing_moves
from tests.portal import Portal

TODAY = date(2026, 11, 25)
PEOPLE = st.integers(min_value=0, max_value=20_000)
SEEDS = st.integers(min_value=0, max_value=2**32)


def accepted(typed: str) -> str | None:
    """The number that is understood; None when it is refused in the one way there is."""
    try:
        return check_id_number(typed, TODAY)
    except IdentityNumberInvalid:
        return None


def assert_sound(number: str) -> None:
    """GB 11643, worked out by the sandbox's own hand."""
    assert len(number) == 18
    assert number[:17].isascii()
    assert number[:17].isdigit()
    assert number[17] == check_digit(number[:17])
    born = datetime.strptime(number[6:14], "%Y%m%d").replace(tzinfo=UTC).date()
    assert date(1890, 1, 1) <= born <= TODAY


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_ten_thousand_made_up_numbers_are_numbers_or_refused(seed: int) -> None:
    for typed in made_up("0123456789X", 20, seed):
        number = accepted(typed)
        if number is not None:
            assert_sound(number)


@settings(max_examples=100, deadline=None)
@given(PEOPLE, SEEDS)
def test_ten_thousand_numbers_with_slips_are_numbers_or_refused(person: int, seed: int) -> None:
    for typed in spoiled(identity_number(person), seed):
        number = accepted(typed)
        if number is not None:
            assert_sound(number)


@settings(max_examples=100, deadline=None)
@given(PEOPLE)
def test_every_single_wrong_character_and_every_swap_is_noticed(person: int) -> None:
    """GB 11643 (ISO 7064 MOD 11-2) finds all of them."""
    right = identity_number(person)
    for place in range(18):
        for character in "0123456789X":
            typed = right[:place] + character + right[place + 1 :]
            assert accepted(typed) == (right if typed == right else None)
    for place in range(17):
        typed = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
        assert accepted(typed) == (right if typed == right else None)


@given(st.text(max_size=60))
def test_any_text_at_all_is_a_number_or_refused(typed: str) -> None:
    number = accepted(typed)
    if number is not None:
        assert_sound(number)


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_ten_thousand_mobiles_with_slips_are_mobiles_or_not(seed: int) -> None:
    for typed in spoiled("13800138000", seed):
        if is_mainland_mobile(typed):
            assert re.fullmatch("1[3-9][0-9]{9}", typed, re.ASCII)


@pytest.mark.parametrize("typed", ["", "0" * 100_000, "🆔" * 18, "11010119491227000X\n11010119491227000X"])
def test_absurd_input_is_refused_like_any_other(typed: str) -> None:
    assert accepted(typed) is None


@pytest.mark.parametrize(
    "number", ["", "110101194912270001", "٣" * 18, "1" * 5000], ids=["empty", "check", "script", "long"]
)
async def test_over_http_a_bad_number_is_a_sentence_and_nothing_moves(portal: Portal, number: str) -> None:
    phone = await portal.phone(proven=False)
    await phone.agree("FACE_CHECK")
    async with nothing_moves():
        refused = await phone.do("BeginProof", name="测试居民", idNumber=number)
    assert (refused["code"], refused["__typename"]) == ("ID_NUMBER_INVALID", "Problem")
