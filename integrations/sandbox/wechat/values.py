"""Without this module any text would pass for a value: what the platform takes for each kind of keyword (3.2)."""

from __future__ import annotations

import re
from collections.abc import Callable

CJK = r"\u3400-\u9fff"
CLOCK = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
DATE = r"\d{4}(年\d{1,2}月\d{1,2}日|-\d{1,2}-\d{1,2}|/\d{1,2}/\d{1,2}|\.\d{1,2}\.\d{1,2})"
BROKEN = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


def _is(shape: str) -> Callable[[str], bool]:
    pattern = re.compile(shape, re.ASCII)
    return lambda value: pattern.fullmatch(value) is not None


def _span(shape: str) -> Callable[[str], bool]:
    return _is(rf"{shape}(\s?~\s?{shape})?")


def _digits(most: int, shape: str) -> Callable[[str], bool]:
    fits = _is(shape)
    return lambda value: fits(value) and sum(map(str.isdigit, value)) <= most


def _is_name(value: str) -> bool:
    return len(value) <= (10 if re.search(f"[{CJK}]", value) else 20)


def _is_symbols(value: str) -> bool:
    return len(value) <= 5 and not any(map(str.isalnum, value))


TAKES: dict[str, Callable[[str], bool]] = {
    "thing": lambda value: len(value) <= 20,
    "number": _digits(32, r"\d+(\.\d+)?"),
    "letter": _is(r"[A-Za-z]{1,32}"),
    "symbol": _is_symbols,
    "character_string": _is(r"[\x20-\x7e]{1,32}"),
    "time": _span(rf"({DATE}\s?)?{CLOCK}"),
    "date": _span(rf"{DATE}(\s?{CLOCK})?"),
    "amount": _digits(10, r"[¥￥$€£]?\d+(\.\d+)?元?"),
    "phone_number": _is(r"[-\d+() ]{1,17}"),
    "car_number": lambda value: len(value) <= 8,
    "name": _is_name,
    "phrase": _is(rf"[{CJK}]{{1,5}}"),
}


def is_taken(name: str, value: object) -> bool:
    """Whether the platform shows this value for a keyword of this name."""
    if not isinstance(value, str) or not value.strip() or BROKEN.search(value):
        return False
    takes = TAKES.get(name.rstrip("0123456789"))
    return takes is not None and takes(value)
