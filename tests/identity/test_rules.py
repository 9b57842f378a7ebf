from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.errors import AssuranceTooLow, IdentityNumberInvalid, PersonNameInvalid
from app.identity.rules import (
    Level,
    Role,
    Way,
    check_id_number,
    check_level,
    check_person_name,
    is_mainland_mobile,
)
from app.seeding import dev_login
from integrations.sandbox.people import check_digit, identity_number

TODAY = date(2026, 11, 25)


def numbered(first_seventeen: str) -> str:
    return first_seventeen + check_digit(first_seventeen)


@given(st.integers(min_value=0, max_value=20_000))
def test_every_well_formed_number_is_one(person: int) -> None:
    number = identity_number(person)
    assert check_id_number(number, TODAY) == number


@given(
    st.integers(min_value=0, max_value=20_000),
    st.integers(min_value=0, max_value=17),
    st.sampled_from("0123456789X"),
)
def test_one_wrong_character_is_always_noticed(person: int, place: int, character: str) -> None:
    """GB 11643 (ISO 7064 MOD 11-2) finds every single wrong character."""
    number = identity_number(person)
    wrong = number[:place] + character + number[place + 1 :]
    if wrong != number:
        with pytest.raises(IdentityNumberInvalid):
            check_id_number(wrong, TODAY)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("11010119491227000x", "11010119491227000X"),
        (" 11010119491227000X ", "11010119491227000X"),
        ("１１０１０１１９４９１２２７０００Ｘ", "11010119491227000X"),
    ],
)
def test_a_number_is_folded_before_it_is_checked(typed: str, number: str) -> None:
    assert number == numbered("11010119491227000")
    assert check_id_number(typed, TODAY) == number


@pytest.mark.parametrize(
    "number",
    [
        "",
        "110101491231000",  # fifteen digits are void
        "11010119491227000",
        "11010119491227000XX",
        numbered("11010119490230000"),  # no such day
        numbered("11010118891231000"),  # nobody is that old
        numbered("11010120261126000"),  # born tomorrow
        "1101011949122700٠X",  # a nought, but of another script
        "身份证号码",
    ],
)
def test_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(IdentityNumberInvalid) as refused:
        check_id_number(number, TODAY)
    assert refused.value.field == "idNumber"


def test_somebody_born_today_has_a_number() -> None:
    assert check_id_number(numbered("11010120261125000"), TODAY)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("测试", "测试"),
        (" 测试居民 ", "测试居民"),
        ("测试•居民", "测试·居民"),
        ("测试・居民", "测试·居民"),
        ("𠮷𠮷", "𠮷𠮷"),  # rare characters outside the basic plane
        ("测" * 30, "测" * 30),
        ("Ceshi", "Ceshi"),
    ],
)
def test_names_as_people_have_them(typed: str, name: str) -> None:
    assert check_person_name(typed) == name


@pytest.mark.parametrize("typed", ["", "测", "测" * 31, "测试1", "测 试", "<b>测试</b>", "测试\n居民", "测试😀"])
def test_what_is_no_name_is_refused(typed: str) -> None:
    with pytest.raises(PersonNameInvalid) as refused:
        check_person_name(typed)
    assert refused.value.field == "name"


@pytest.mark.parametrize("required", Level)
@pytest.mark.parametrize("actual", Level)
def test_a_level_serves_everything_that_needs_less(actual: Level, required: Level) -> None:
    if actual >= required:
        check_level(actual, required, [])
    else:
        with pytest.raises(AssuranceTooLow):
            check_level(actual, required, [])


FACE = Way("some-face", "人脸核验", "face verification", Level.L4)
MATCH = Way("some-match", "姓名与号码核对", "name and number check", Level.L2)


def test_the_refusal_names_only_the_ways_that_lead_high_enough() -> None:
    with pytest.raises(AssuranceTooLow) as refused:
        check_level(Level.L1, Level.L3, [FACE, MATCH])
    assert refused.value.ways == ("some-face",)
    assert refused.value.sentence("zh") == "办理此事需要中级实名(L3),您目前是账号级(L1);请先完成人脸核验"
    assert refused.value.sentence("en").endswith("Next step: face verification.")


def test_several_ways_are_all_named() -> None:
    with pytest.raises(AssuranceTooLow) as refused:
        check_level(Level.L1, Level.L2, [FACE, MATCH])
    assert refused.value.ways == ("some-face", "some-match")
    assert "人脸核验或姓名与号码核对" in refused.value.sentence("zh")


def test_without_any_way_of_the_phone_the_window_is_left() -> None:
    with pytest.raises(AssuranceTooLow) as refused:
        check_level(Level.L1, Level.L4, [MATCH])
    assert refused.value.ways == ("window",)
    assert "窗口" in refused.value.sentence("zh")


@pytest.mark.parametrize(
    ("number", "is_mobile"),
    [("13800138000", True), ("12800138000", False), ("1380013800", False), ("+8613800138000", False)],
)
def test_mainland_mobiles(number: str, *, is_mobile: bool) -> None:
    assert is_mainland_mobile(number) is is_mobile


def test_each_role_has_a_development_login_of_its_own() -> None:
    assert len({dev_login(role) for role in Role}) == len(Role) == 14
