"""Without this module there would be nobody in the sandbox: it makes test persons and their phones."""

from __future__ import annotations

import secrets
import string
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
OPENID_ALPHABET = string.ascii_letters + string.digits + "-_"
ONLY = "only"


@dataclass(frozen=True)
class Phone:
    """A resident's phone with WeChat on it. `session_key` is the newest one, empty before the first login;
    `high_risk` makes the platform refuse every login.
    """

    openid: str
    unionid: str
    name: str
    id_number: str
    mobile: str
    session_key: str = ""
    high_risk: bool = False


@dataclass(frozen=True)
class Census:
    born: int = 0


class People:
    def __init__(self, records: Records) -> None:
        self._phones = Shelf(records, "phones", Phone, keep=20000)
        self._census = Shelf(records, "census", Census, keep=8)

    def make(self, name: str, id_number: str, mobile: str, *, high_risk: bool) -> Phone:
        """A new phone; what is left empty is made up: a label for a name, an impossible identity number."""
        number = (self._census.get(ONLY) or Census()).born
        self._census.put(ONLY, Census(number + 1))
        phone = Phone(
            openid="o" + _random(27),
            unionid="o" + _random(27),
            name=name or label(number),
            id_number=id_number or identity_number(number),
            mobile=mobile or f"130{number % 10**8:08d}",
            high_risk=high_risk,
        )
        self.keep(phone)
        return phone

    def keep(self, phone: Phone) -> None:
        self._phones.put(phone.openid, phone)

    def find(self, openid: str) -> Phone | None:
        return self._phones.get(openid)

    def every(self) -> list[Phone]:
        return self._phones.every()


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


def _random(length: int) -> str:
    return "".join(secrets.choice(OPENID_ALPHABET) for _ in range(length))
