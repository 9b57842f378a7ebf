"""Without this module a clerk would look up by eye whose number is on a label, and a slip of the pen would travel.

Patterns are data (`carrier_numbers.json`) and only hints: carriers' ranges overlap and change.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import orjson

_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_S10 = re.compile(r"[A-Z]{2}(\d{8})(\d)[A-Z]{2}")


@dataclass(frozen=True)
class _Look:
    """`sure`: a prefix of this carrier alone, which chooses by itself."""

    carrier: str
    pattern: re.Pattern[str]
    sure: bool
    check: str


def s10_check_digit(serial: str) -> int:
    """The check digit of eight digits (UPU S10: weights 8 6 4 2 3 5 9 7, modulo 11)."""
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(serial, _WEIGHTS, strict=True)) % 11
    return {10: 0, 11: 5}.get(rest, rest)


def is_s10(number: str) -> bool:
    """Whether a number (folded, upper case) is one of a post office, with the right check digit."""
    found = _S10.fullmatch(number)
    return found is not None and s10_check_digit(found[1]) == int(found[2])


def has_wrong_check_digit(number: str) -> bool:
    """Whether a number has a post office's form and was not copied rightly."""
    return _S10.fullmatch(number) is not None and not is_s10(number)


def candidates(number: str, known: Sequence[str]) -> list[str]:
    """The carriers among `known` a number (folded, upper case) may belong to, most likely first.

    One alone when its form is no other carrier's; none for a form nobody has.
    """
    found = [look for look in _looks() if look.carrier in known and look.pattern.fullmatch(number)]
    found = [look for look in found if look.check != "s10" or is_s10(number)]
    sure = [look.carrier for look in found if look.sure]
    return sure[:1] or list(dict.fromkeys(look.carrier for look in found))


@lru_cache(maxsize=1)
def _looks() -> tuple[_Look, ...]:
    table = orjson.loads(files("app.delivery").joinpath("carrier_numbers.json").read_bytes())
    return tuple(
        _Look(row["carrier"], re.compile(row["pattern"], re.ASCII), row.get("sure", False), row.get("check", ""))
        for row in table
    )
