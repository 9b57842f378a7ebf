"""Without this module there would be nobody in the sandbox: test persons, who may hold several phones and accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from integrations.sandbox.records import Records, Shelf

STEMS = "甲乙丙丁戊己庚辛壬癸"
DIVISION = "110101"
SEQUENCE = "000"  # never given to a person, so no number made here is anybody's
OLDEST = date(1945, 1, 1)
DAYS_OF_BIRTH = 22013  # a prime: stepping by another number meets every day before one repeats
STEP = 7919
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643
CHECK_DIGITS = "10X98765432"
ONLY = "only"


@dataclass(frozen=True)
class Person:
    name: str
    id_number: str
    mobile: str


@dataclass(frozen=True)
class Census:
    born: int = 0


def make_person(records: Records, name: str, id_number: str, mobile: str) -> Person:
    """A person with these values; what is left empty is made up: a label for a name, an impossible identity
    number. The same values given for two host apps make the same person in both.
    """
    census = Shelf(records, "census", Census, keep=8)
    number = (census.get(ONLY) or Census()).born
    census.put(ONLY, Census(number + 1))
    return Person(
        name=name or label(number),
        id_number=id_number or identity_number(number),
        mobile=mobile or f"130{number % 10**8:08d}",
    )


def label(number: int) -> str:
    """Digits written as stems, because a person's name has no digits."""
    return "测试居民" + "".join(STEMS[int(digit)] for digit in str(number))


def identity_number(number: int) -> str:
    born = OLDEST + timedelta(days=number * STEP % DAYS_OF_BIRTH)
    first = f"{DIVISION}{born:%Y%m%d}{SEQUENCE}"
    return first + check_digit(first)


def check_digit(first: str) -> str:
    """GB 11643: the eighteenth character of an identity number, from the seventeen before it."""
    return CHECK_DIGITS[sum(w * int(d) for w, d in zip(WEIGHTS, first, strict=True)) % 11]


def is_identity_number(number: str) -> bool:
    if len(number) != 18 or not (number[:17].isascii() and number[:17].isdigit()):
        return False
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return check_digit(number[:17]) == number[17].upper()
