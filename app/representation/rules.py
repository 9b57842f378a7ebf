"""Without this module nobody could say who may act for whom, in what, and until when."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from stdnum.cn import uscc

from app.identity.errors import IdentityNumberInvalid, PersonNameInvalid
from app.identity.rules import check_id_number, check_person_name
from app.kernel.actor import Principal
from app.kernel.errors import ActingForAnother, InvalidInput
from app.kernel.transitions import Graph, edge
from app.representation.errors import (
    CompanyNameInvalid,
    CreditCodeInvalid,
    NotAChild,
    NotOfAge,
    OutsideMandate,
    ProxyNotAllowed,
)

OF_AGE = 18
DEFAULT_DAYS = 365
LONGEST_DAYS = 730
LIVE_PER_PRINCIPAL = 20
PENDING_PER_CLAIMANT = 5
LONGEST_REASON = 200
MOST_ITEMS = 50


class Basis(StrEnum):
    """Why somebody may act for another (民法典 23, 27, 61, 162, 170)."""

    GUARDIAN = "GUARDIAN"
    PROXY = "PROXY"
    LEGAL_REPRESENTATIVE = "LEGAL_REPRESENTATIVE"
    AUTHORISED_AGENT = "AUTHORISED_AGENT"


BY_LAW = frozenset({Basis.GUARDIAN, Basis.LEGAL_REPRESENTATIVE})
"""What the law makes and a window has seen papers of; the others are granted, and taken back, by the principal."""

BASIS_WORDS: dict[Basis, tuple[str, str]] = {
    Basis.GUARDIAN: ("监护人", "guardian"),
    Basis.PROXY: ("帮办代办人", "proxy"),
    Basis.LEGAL_REPRESENTATIVE: ("法定代表人", "legal representative"),
    Basis.AUTHORISED_AGENT: ("经办人", "authorised agent"),
}


class MandateState(StrEnum):
    """Only `IN_FORCE` lets anybody act, and only until the mandate's end."""

    IN_FORCE = "IN_FORCE"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    RESIGNED = "RESIGNED"
    REPLACED = "REPLACED"


MANDATE_WORDS: dict[MandateState, tuple[str, str]] = {
    MandateState.IN_FORCE: ("有效", "in force"),
    MandateState.EXPIRED: ("已到期", "expired"),
    MandateState.REVOKED: ("已撤销", "revoked"),
    MandateState.RESIGNED: ("代办人已放弃", "given up by the agent"),
    MandateState.REPLACED: ("已被新的授权取代", "replaced by another"),
}

LIFE: Graph[MandateState] = Graph(
    [
        edge("expire", MandateState.IN_FORCE, MandateState.EXPIRED),
        edge("revoke", MandateState.IN_FORCE, MandateState.REVOKED),
        edge("resign", MandateState.IN_FORCE, MandateState.RESIGNED),
        edge("replace", MandateState.IN_FORCE, MandateState.REPLACED),
    ],
    MANDATE_WORDS,
)


class ClaimState(StrEnum):
    """`PENDING` waits for a window to see the papers."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"


CLAIM_WORDS: dict[ClaimState, tuple[str, str]] = {
    ClaimState.PENDING: ("待窗口核验", "waits for a window to see the papers"),
    ClaimState.CONFIRMED: ("已核验", "confirmed"),
    ClaimState.REFUSED: ("未通过核验", "refused"),
    ClaimState.WITHDRAWN: ("已撤回", "withdrawn"),
}

CLAIM_LIFE: Graph[ClaimState] = Graph(
    [
        edge("confirm", ClaimState.PENDING, ClaimState.CONFIRMED),
        edge("refuse", ClaimState.PENDING, ClaimState.REFUSED),
        edge("withdraw", ClaimState.PENDING, ClaimState.WITHDRAWN),
    ],
    CLAIM_WORDS,
)


@dataclass(frozen=True)
class Person:
    """A natural person as their identity card names them."""

    name: str
    id_number: str

    @property
    def born(self) -> date:
        return born_on(self.id_number)


@dataclass(frozen=True)
class Company:
    """A legal person as its licence names it."""

    credit_code: str
    name: str


# GB 32100 section 4: managing body (A, N and Y besides the digits), kind, division, organisation code, check.
_CREDIT_CODE = re.compile(r"[1-9ANY][1-9][0-9]{6}[0-9A-HJ-NPQRTUWXY]{9}[0-9A-HJ-NPQRTUWXY]")


def check_credit_code(text: str) -> str:
    """The unified social credit code in upper case when it is one by GB 32100; raises `CreditCodeInvalid`.

    python-stdnum's own check wants eight digits in front and so refuses what N and Y register, such as the
    economic collectives of villages; only its MOD 31 is used.
    """
    code = unicodedata.normalize("NFKC", text).strip().upper()
    if not _CREDIT_CODE.fullmatch(code) or uscc.calc_check_digit(code) != code[-1]:
        raise CreditCodeInvalid(field="creditCode")
    return code


def check_company_name(text: str) -> str:
    """The name in composed form: 2 to 120 printable characters, two letters at least; raises `CompanyNameInvalid`."""
    name = unicodedata.normalize("NFC", text).strip()
    letters = sum(unicodedata.category(char)[0] == "L" for char in name)
    if not 2 <= len(name) <= 120 or not name.isprintable() or letters < 2:
        raise CompanyNameInvalid(field="name")
    return name


def check_person(name: str, id_number: str, today: date, who: str) -> Person:
    """Raises `PersonNameInvalid` or `IdentityNumberInvalid` with the field of the person `who`."""
    try:
        return Person(check_person_name(name), check_id_number(id_number, today))
    except (PersonNameInvalid, IdentityNumberInvalid) as refused:
        raise type(refused)(field=f"{who}.{refused.field}") from None


def born_on(id_number: str) -> date:
    """The birth date in a checked identity number (GB 11643)."""
    return date(int(id_number[6:10]), int(id_number[10:12]), int(id_number[12:14]))


def age_on(born: date, day: date) -> int:
    """Full years; who was born on 29 February is a year older on 1 March."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def comes_of_age_on(born: date) -> date:
    """The first day on which somebody is 18 (民法典 17)."""
    try:
        return born.replace(year=born.year + OF_AGE)
    except ValueError:
        return date(born.year + OF_AGE, 3, 1)


def check_child(born: date, today: date) -> None:
    """Raise `NotAChild` from the 18th birthday on."""
    if age_on(born, today) >= OF_AGE:
        raise NotAChild(field="child.idNumber")


def check_of_age(born: date, today: date) -> None:
    """Raise `NotOfAge` before the 18th birthday: who needs a guardian can neither be one nor appoint a proxy."""
    if age_on(born, today) < OF_AGE:
        raise NotOfAge


def check_mandate_end(until: datetime | None, now: datetime) -> datetime:
    """When a granted mandate ends: after a year when nothing else is said, after two at the latest.

    Raises `InvalidInput`.
    """
    end = until or now + timedelta(days=DEFAULT_DAYS)
    if not now < end <= now + timedelta(days=LONGEST_DAYS):
        raise InvalidInput(
            field="until",
            reason_zh="授权截止时间应晚于现在且不超过两年",
            reason_en="a mandate ends after now and within two years",
        )
    return end


def check_item_choice(items: Sequence[str] | None) -> list[str] | None:
    """The chosen item keys, each once and in order; None means all. Raises `InvalidInput`."""
    if items is None:
        return None
    if not 1 <= len(items) <= MOST_ITEMS:
        raise InvalidInput(
            field="items",
            reason_zh=f"请选择1至{MOST_ITEMS}个事项",
            reason_en=f"choose 1 to {MOST_ITEMS} service items",
        )
    return sorted(set(items))


def check_reason(text: str, field: str = "reason") -> str:
    """Why a window says no, in at most 200 characters; `field` is the argument. Raises `InvalidInput`."""
    reason = text.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise InvalidInput(
            field=field,
            reason_zh=f"请填写理由,不超过{LONGEST_REASON}字",
            reason_en=f"give a reason of at most {LONGEST_REASON} characters",
        )
    return reason


def may_manage_mandates(principal: Principal | None) -> bool:
    """One's own, or those of the legal person one represents; an agent does not appoint agents (民法典 169)."""
    return principal is None or principal.basis == Basis.LEGAL_REPRESENTATIVE


def next_basis(principal: Principal | None) -> Basis:
    """What a grant makes of the agent. Raises `ActingForAnother` for who acts under another's mandate."""
    if not may_manage_mandates(principal):
        raise ActingForAnother
    return Basis.PROXY if principal is None else Basis.AUTHORISED_AGENT


def standing_of(state: MandateState, valid_to: datetime | None, now: datetime) -> MandateState:
    """What a mandate is at a moment: one in force whose time is over has expired, whether or not it says so."""
    over = valid_to is not None and valid_to <= now
    return MandateState.EXPIRED if state is MandateState.IN_FORCE and over else state


def check_may_apply(principal: Principal | None, item_key: str, item_name: str, *, proxy_allowed: bool) -> None:
    """Raise `ProxyNotAllowed` where the item forbids it, `OutsideMandate` for an item the mandate does not name.

    A guardian and those who speak for a legal person are not proxies: without them there is nobody to ask.
    """
    if principal is None:
        return
    if principal.basis == Basis.PROXY and not proxy_allowed:
        raise ProxyNotAllowed(item=item_name, field="itemKey")
    if principal.items is not None and item_key not in principal.items:
        raise OutsideMandate(field="itemKey")
