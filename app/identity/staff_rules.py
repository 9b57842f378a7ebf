"""Without this module what the hall asks of its own people would be scattered over sign-in and administration.

Sources: GB/T 22239—2019 section 8.1.4 (等保三级) and the city's choices for what it leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from app.identity.errors import (
    NeverOnePerson,
    NotOnOneself,
    PasswordTooObvious,
    PasswordTooShort,
    ScopeTooWide,
)
from app.identity.rules import APART, SHORTEST_PASSWORD, Role
from app.kernel.actor import Scope
from app.kernel.errors import InvalidInput

STAFF_HOURS = 12
IDLE_MINUTES = 15
FAILURES_WITHIN_MINUTES = 15
LONGEST_PASSWORD = 128
LONGEST_TITLE = 60

ADMINISTRATORS = (Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR)
"""Without an active one of each nobody could ever administer again."""

_OBVIOUS = frozenset(
    {
        "123456789012",
        "1234567890123",
        "administrator",
        "adminadminadmin",
        "changeme1234",
        "letmeinletmein",
        "passw0rd1234",
        "password1234",
        "password12345",
        "passwordpassword",
        "qwertyuiop12",
        "qwertyuiopasdf",
        "welcome12345",
        "zhangting123",
        "zhangting-dev",
        "zhangting1234",
        "zhengwu12345",
    }
)
_DIVISION = re.compile(r"|[0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12}")
_LOGIN = re.compile(r"[a-z0-9][a-z0-9.-]{2,59}")
_DEPARTMENT = re.compile(r"[a-z0-9][a-z0-9-]{0,58}")


class NextDuty(StrEnum):
    """What a member of staff has to do before anything else is open to them."""

    CHANGE_PASSWORD = "CHANGE_PASSWORD"  # noqa: S105 - a step, not a password
    SET_UP_SECOND_FACTOR = "SET_UP_SECOND_FACTOR"


def next_duty(*, password_is_own: bool, enrolled: bool, second_factor_required: bool) -> NextDuty | None:
    """A password somebody else has chosen comes first, then the second factor where the city asks for one."""
    if not password_is_own:
        return NextDuty.CHANGE_PASSWORD
    if second_factor_required and not enrolled:
        return NextDuty.SET_UP_SECOND_FACTOR
    return None


def is_idle(seen_at: datetime | None, now: datetime) -> bool:
    """Whether a staff session has been left alone for 15 minutes."""
    return seen_at is None or seen_at <= now - timedelta(minutes=IDLE_MINUTES)


def check_password(password: str, login: str) -> None:
    """Raise `PasswordTooShort` or `PasswordTooObvious` for what must not become a password."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise PasswordTooShort(shortest=SHORTEST_PASSWORD, longest=LONGEST_PASSWORD, field="password")
    plain = password.casefold()
    if login.casefold() in plain or plain in _OBVIOUS or len(set(plain)) < 4:
        raise PasswordTooObvious(field="password")


def check_login(login: str) -> str:
    """The login as it was given. Raises `InvalidInput`."""
    if not _LOGIN.fullmatch(login):
        raise InvalidInput(
            field="login",
            reason_zh="账号为3至60个字符,只用小写字母、数字、点和连字符",
            reason_en="a login has 3 to 60 characters of a-z, 0-9, dot and hyphen",
        )
    return login


def check_title(title: str) -> str:
    """How colleagues and residents know somebody, without space around. Raises `InvalidInput`."""
    known_as = title.strip()
    if not 1 <= len(known_as) <= LONGEST_TITLE or not known_as.isprintable():
        raise InvalidInput(field="title", reason_zh="称呼为1至60个字", reason_en="a title has 1 to 60 characters")
    return known_as


def check_scope(department: str | None, division: str) -> Scope:
    """The part of the city two words from outside stand for. Raises `InvalidInput`.

    Trailing zeros of a division say "and all below" (GB/T 2260): `990100` becomes the prefix `9901`.
    """
    if department is not None and not _DEPARTMENT.fullmatch(department):
        raise InvalidInput(field="department", reason_zh="部门代码有误", reason_en="no department has such a key")
    if not _DIVISION.fullmatch(division):
        raise InvalidInput(
            field="division",
            reason_zh="行政区划代码为2、4、6、9或12位数字",
            reason_en="a division has 2, 4, 6, 9 or 12 digits",
        )
    return Scope(department, _prefix(division))


def _prefix(division: str) -> str:
    for longer, shorter in ((12, 9), (9, 6), (6, 4), (4, 2)):
        if len(division) == longer and set(division[shorter:]) == {"0"}:
            division = division[:shorter]
    return division


def check_within(own: Scope, given: Scope) -> None:
    """Raise `ScopeTooWide` when an administrator gives more of the city than they have."""
    if not contains(own, given):
        raise ScopeTooWide(field="division")


def contains(own: Scope, other: Scope) -> bool:
    """Whether all of `other` lies within `own`."""
    return own.department in {None, other.department} and other.division.startswith(own.division)


def check_roles(roles: Iterable[str]) -> tuple[Role, ...]:
    """The roles in the order of `Role`, each once. Raises `NeverOnePerson` or `InvalidInput`.

    Security, audit and system administration are never one person, and who holds one of them does nothing else:
    otherwise the auditor would audit themself.
    """
    held = set(roles)
    if unknown := held - set(Role):
        raise InvalidInput(
            field="roles",
            reason_zh=f"没有这些岗位:{'、'.join(sorted(unknown))}",
            reason_en=f"a role is one of {', '.join(Role)}",
        )
    if held & APART and len(held) > 1:
        raise NeverOnePerson(field="roles")
    return tuple(role for role in Role if role in held)


def check_another(own: object, other: object) -> None:
    """Raise `NotOnOneself`: nobody administers themself."""
    if own == other:
        raise NotOnOneself


def lost_roles(before: Collection[str], after: Collection[str]) -> tuple[Role, ...]:
    """Of the administrators' roles those that a change takes away."""
    return tuple(role for role in ADMINISTRATORS if role in before and role not in after)
