"""Without this module a message would be refused by the platform for one character too many.

The kinds of values a typed template has (protocols/wechat.md 3.2), and what the other styles of fields take. A value
is judged as it will go out; long ones of some kinds are cut, with the ellipsis inside the limit.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum

from app.messages.ports import FieldStyle

THING_LONGEST = 20
KEYWORD_LONGEST = 60
PARAMETER_LONGEST = 35
_ELLIPSIS = "…"


class FieldKind(StrEnum):
    THING = "thing"
    NUMBER = "number"
    LETTER = "letter"
    SYMBOL = "symbol"
    CHARACTER_STRING = "character_string"
    TIME = "time"
    DATE = "date"
    AMOUNT = "amount"
    PHONE_NUMBER = "phone_number"
    CAR_NUMBER = "car_number"
    NAME = "name"
    PHRASE = "phrase"
    ENUM = "enum"
    KEYWORD = "keyword"
    PARAMETER = "parameter"


Fault = tuple[str, str]
"""What is wrong with a value, in Chinese and English."""

_HAN = "\u3400-\u9fff\U00020000-\U0003134f"
_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
_DAY = r"[0-9]{4}(?:年[0-9]{1,2}月[0-9]{1,2}日|([-/.])[0-9]{1,2}\1[0-9]{1,2})"
_TYPED = re.compile(rf"({'|'.join(FieldKind)})[1-9][0-9]{{0,2}}")
_KEYWORD = re.compile(r"keyword[1-9][0-9]?")
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,19}")

_MOMENT = {FieldKind.TIME: re.compile(rf"(?:{_DAY} ?)?{_CLOCK}"), FieldKind.DATE: re.compile(rf"{_DAY}(?: ?{_CLOCK})?")}
_LONGEST = {
    FieldKind.THING: THING_LONGEST,
    FieldKind.KEYWORD: KEYWORD_LONGEST,
    FieldKind.PARAMETER: PARAMETER_LONGEST,
}
_CLIPPED = {FieldKind.PHRASE: 5, FieldKind.CHARACTER_STRING: 32}
"""Where an ellipsis would be a character that is not allowed."""

_MOST_DIGITS = {FieldKind.NUMBER: 32, FieldKind.AMOUNT: 10}
_SHAPES = {
    FieldKind.SYMBOL: re.compile(r"[^\w\s]{1,5}"),
    FieldKind.NUMBER: re.compile(r"[0-9]+(?:\.[0-9]+)?"),
    FieldKind.LETTER: re.compile(r"[A-Za-z]{1,32}"),
    FieldKind.CHARACTER_STRING: re.compile(r"[!-~]{1,32}"),
    FieldKind.AMOUNT: re.compile(r"[¥￥$€£]?[0-9]+(?:\.[0-9]{1,2})?元?"),
    FieldKind.PHONE_NUMBER: re.compile(r"[0-9+() -]{1,17}"),
    FieldKind.CAR_NUMBER: re.compile(rf"(?=.{{1,8}}$)[{_HAN}]?[A-Za-z0-9]{{1,8}}[{_HAN}]?"),
    FieldKind.PHRASE: re.compile(rf"[{_HAN}]{{1,5}}"),
}
_WORDS: dict[FieldKind, Fault] = {
    FieldKind.THING: ("最多20个字", "at most 20 characters"),
    FieldKind.NUMBER: ("最多32位数字,可带小数", "at most 32 digits, with a decimal point"),
    FieldKind.LETTER: ("最多32个字母", "at most 32 letters"),
    FieldKind.SYMBOL: ("最多5个符号", "at most 5 symbols"),
    FieldKind.CHARACTER_STRING: ("最多32个数字、字母或符号", "at most 32 digits, letters or symbols"),
    FieldKind.TIME: ("24小时制时间,可带日期,如 2026年11月27日 09:00", "a time as 2026-11-27 09:00"),
    FieldKind.DATE: ("年月日,可带时间,如 2026年11月27日", "a date as 2026-11-27"),
    FieldKind.AMOUNT: ("1个币种符号加10位以内数字,可以“元”结尾", "a currency sign and at most 10 digits"),
    FieldKind.PHONE_NUMBER: ("最多17位号码", "at most 17 digits and signs"),
    FieldKind.CAR_NUMBER: ("最多8位车牌号", "a plate of at most 8 characters"),
    FieldKind.NAME: ("最多10个汉字或20个字母", "at most 10 Chinese characters or 20 letters"),
    FieldKind.PHRASE: ("最多5个汉字", "at most 5 Chinese characters"),
    FieldKind.ENUM: ("只能是关键词配置的枚举值", "one of the values of the keyword"),
    FieldKind.KEYWORD: (f"最多{KEYWORD_LONGEST}个字", f"at most {KEYWORD_LONGEST} characters"),
    FieldKind.PARAMETER: (f"最多{PARAMETER_LONGEST}个字", f"at most {PARAMETER_LONGEST} characters"),
}


def kind_of(name: str, style: FieldStyle) -> FieldKind | None:
    """What a field of this name holds; None when no field of the style is called so."""
    if style is FieldStyle.KEYWORDS:
        return FieldKind.KEYWORD if _KEYWORD.fullmatch(name) else None
    if style is FieldStyle.PARAMETERS:
        return FieldKind.PARAMETER if _PARAMETER.fullmatch(name) else None
    found = _TYPED.fullmatch(name)
    kind = FieldKind(found[1]) if found else None
    return None if kind in {FieldKind.KEYWORD, FieldKind.PARAMETER} else kind


def fault_in(kind: FieldKind, text: str, options: Sequence[str] = ()) -> Fault | None:
    """Why the platform would refuse a value; None when it takes it."""
    if not text.strip():
        return ("不能为空", "it must not be empty")
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in text):
        return ("不能含换行或控制字符", "no line breaks or control characters")
    return None if _fits(kind, text, options) else _WORDS[kind]


def _fits(kind: FieldKind, text: str, options: Sequence[str]) -> bool:
    if kind in _LONGEST:
        return len(text) <= _LONGEST[kind]
    if kind in _MOMENT:
        parts = text.split("~")
        return len(parts) <= 2 and all(_MOMENT[kind].fullmatch(part.strip()) for part in parts)
    if kind in _SHAPES:
        digits = sum(character.isdigit() for character in text)
        return _SHAPES[kind].fullmatch(text) is not None and digits <= _MOST_DIGITS.get(kind, len(text))
    return text in options if kind is FieldKind.ENUM else _is_name(text)


def _is_name(text: str) -> bool:
    return len(text) <= _longest_name(text) and not any(character.isdigit() for character in text)


def fitted(kind: FieldKind, text: str) -> str:
    """A value on one line, cut to its kind where something of it is still worth reading.

    A time or an amount is never cut: half of one would be another.
    """
    line = " ".join(text.split())
    if kind in _CLIPPED:
        return line[: _CLIPPED[kind]]
    longest = _longest_name(line) if kind is FieldKind.NAME else _LONGEST.get(kind, len(line))
    return cut(line, longest)


def cut(text: str, longest: int) -> str:
    """At most so many characters, the ellipsis inside."""
    return text if len(text) <= longest else text[: longest - 1] + _ELLIPSIS


def _longest_name(text: str) -> int:
    return 10 if re.search(f"[{_HAN}]", text) else 20
