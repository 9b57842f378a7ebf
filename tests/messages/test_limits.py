"""Every kind of value of a typed template, at the border of what the platform takes (protocols/wechat.md 3.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.messages.limits import FieldKind, fault_in, fitted, kind_of
from app.messages.ports import FieldStyle

TAKEN: list[tuple[FieldKind, str]] = [
    (FieldKind.THING, "居" * 20),
    (FieldKind.THING, "身份证 No.1,尽快!"),
    (FieldKind.NUMBER, "1" * 32),
    (FieldKind.NUMBER, "3.14"),
    (FieldKind.LETTER, "a" * 32),
    (FieldKind.SYMBOL, "!?+、。"),
    (FieldKind.CHARACTER_STRING, "D-017/" + "a" * 26),
    (FieldKind.TIME, "09:00"),
    (FieldKind.TIME, "2026年11月27日 09:00"),
    (FieldKind.TIME, "2026-11-27 09:00~2026-11-27 09:30"),
    (FieldKind.DATE, "2026年11月27日"),
    (FieldKind.DATE, "2026/11/27"),
    (FieldKind.DATE, "2026.11.27"),
    (FieldKind.DATE, "2026-11-27 09:00~2026-11-28"),
    (FieldKind.AMOUNT, "¥1234567890"),
    (FieldKind.AMOUNT, "40.00元"),
    (FieldKind.AMOUNT, "12345678.90"),
    (FieldKind.PHONE_NUMBER, "+86-0571-87654321"),
    (FieldKind.CAR_NUMBER, "粤A12345学"),
    (FieldKind.NAME, "测" * 10),
    (FieldKind.NAME, "Jo Ann O'Neill-Smith"),
    (FieldKind.PHRASE, "已经到账了"),
    (FieldKind.KEYWORD, "字" * 60),
    (FieldKind.PARAMETER, "字" * 35),
]
REFUSED: list[tuple[FieldKind, str]] = [
    (FieldKind.THING, "居" * 21),
    (FieldKind.THING, ""),
    (FieldKind.THING, "  "),
    (FieldKind.THING, "一\n二"),
    (FieldKind.THING, "一\u2028二"),
    (FieldKind.THING, "一\x00二"),
    (FieldKind.NUMBER, "1" * 33),
    (FieldKind.NUMBER, "12元"),
    (FieldKind.NUMBER, "١٢"),
    (FieldKind.LETTER, "a" * 33),
    (FieldKind.LETTER, "a1"),
    (FieldKind.SYMBOL, "!!!!!!"),
    (FieldKind.SYMBOL, "a"),
    (FieldKind.CHARACTER_STRING, "a" * 33),
    (FieldKind.CHARACTER_STRING, "号码17"),
    (FieldKind.TIME, "25:00"),
    (FieldKind.TIME, "2026年11月27日"),
    (FieldKind.TIME, "明天九点"),
    (FieldKind.DATE, "2026/11-27"),
    (FieldKind.DATE, "09:00"),
    (FieldKind.DATE, "2026-11-27~2026-11-28~2026-11-29"),
    (FieldKind.AMOUNT, "¥12345678901"),
    (FieldKind.AMOUNT, "¥¥40"),
    (FieldKind.AMOUNT, "四十元"),
    (FieldKind.PHONE_NUMBER, "1" * 18),
    (FieldKind.CAR_NUMBER, "粤A123456学"),
    (FieldKind.NAME, "测" * 11),
    (FieldKind.NAME, "a" * 21),
    (FieldKind.NAME, "测试1"),
    (FieldKind.PHRASE, "已经到账了吗"),
    (FieldKind.PHRASE, "ok"),
    (FieldKind.KEYWORD, "字" * 61),
    (FieldKind.PARAMETER, "字" * 36),
]


@pytest.mark.parametrize(("kind", "text"), TAKEN)
def test_what_the_platform_takes_is_taken(kind: FieldKind, text: str) -> None:
    assert fault_in(kind, text) is None


@pytest.mark.parametrize(("kind", "text"), REFUSED)
def test_what_the_platform_refuses_is_refused_before(kind: FieldKind, text: str) -> None:
    assert fault_in(kind, text) is not None


def test_an_enum_is_one_of_its_values() -> None:
    assert fault_in(FieldKind.ENUM, "已通过", ("已通过", "未通过")) is None
    assert fault_in(FieldKind.ENUM, "通过", ("已通过", "未通过")) is not None


def test_every_kind_stands_on_both_sides_of_its_border() -> None:
    others = set(FieldKind) - {FieldKind.ENUM}
    assert {kind for kind, _ in TAKEN} == {kind for kind, _ in REFUSED} == others


@pytest.mark.parametrize(
    ("name", "style", "kind"),
    [
        ("thing1", FieldStyle.TYPED, FieldKind.THING),
        ("character_string12", FieldStyle.TYPED, FieldKind.CHARACTER_STRING),
        ("phone_number3", FieldStyle.TYPED, FieldKind.PHONE_NUMBER),
        ("thing", FieldStyle.TYPED, None),
        ("thing0", FieldStyle.TYPED, None),
        ("keyword1", FieldStyle.TYPED, None),
        ("keyword1", FieldStyle.KEYWORDS, FieldKind.KEYWORD),
        ("thing1", FieldStyle.KEYWORDS, None),
        ("item", FieldStyle.PARAMETERS, FieldKind.PARAMETER),
        ("1item", FieldStyle.PARAMETERS, None),
    ],
)
def test_the_name_of_a_field_tells_its_kind(name: str, style: FieldStyle, kind: FieldKind | None) -> None:
    assert kind_of(name, style) is kind


@pytest.mark.parametrize(
    ("kind", "text", "cut"),
    [
        (FieldKind.THING, "居" * 20, "居" * 20),
        (FieldKind.THING, "居" * 21, "居" * 19 + "…"),
        (FieldKind.THING, "一\n二", "一 二"),
        (FieldKind.NAME, "测" * 11, "测" * 9 + "…"),
        (FieldKind.NAME, "a" * 21, "a" * 19 + "…"),
        (FieldKind.PHRASE, "已经到账了吗", "已经到账了"),
        (FieldKind.CHARACTER_STRING, "a" * 33, "a" * 32),
        (FieldKind.AMOUNT, "12345678901元", "12345678901元"),
        (FieldKind.TIME, "2026年11月27日 09:00", "2026年11月27日 09:00"),
    ],
)
def test_long_words_are_cut_inside_the_limit_and_amounts_never(kind: FieldKind, text: str, cut: str) -> None:
    assert fitted(kind, text) == cut


@given(st.sampled_from([FieldKind.THING, FieldKind.KEYWORD, FieldKind.PARAMETER]), st.text(min_size=1, max_size=80))
def test_whatever_a_resident_wrote_fits_once_it_is_cut(kind: FieldKind, text: str) -> None:
    """Except what has no words at all, or characters that no line has."""
    cut = fitted(kind, text)
    printable = all(character.isprintable() for character in cut)
    assert fault_in(kind, cut) is None or not cut.strip() or not printable
