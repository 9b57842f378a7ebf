"""Without this module every resolver would decide for itself who may read an identity number.

One table says for each role what it sees of a resident. A field without an entry is hidden: a new role or field
shows nothing until somebody has decided. (个人信息保护法 6 and 28: only what the task needs; GB/T 35273 for masks.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from app.identity.rules import Role
from app.kernel.errors import NotAllowed


class PersonalField(StrEnum):
    """What of a resident a member of staff may come across."""

    NAME = "NAME"
    ID_NUMBER = "ID_NUMBER"
    PHONE = "PHONE"
    ADDRESS = "ADDRESS"
    """Who and where a result is posted to: receiver, phone and house."""

    REASON = "REASON"
    """Why something was denied; free text about a person."""


class View(StrEnum):
    """How much of a field is shown."""

    HIDDEN = "HIDDEN"
    MASKED = "MASKED"
    FULL = "FULL"
    """Masked at a glance; in full when asked for with a purpose, and that look is audited."""


class Purpose(StrEnum):
    """Why somebody needs to read a field in full; kept with the look."""

    VERIFY_IDENTITY = "VERIFY_IDENTITY"
    REVIEW_CASE = "REVIEW_CASE"
    CONTACT_APPLICANT = "CONTACT_APPLICANT"
    ISSUE_RESULT = "ISSUE_RESULT"


_WIDTH = {View.HIDDEN: 0, View.MASKED: 1, View.FULL: 2}
_N, _I, _P, _A, _R = PersonalField
_F, _M = View.FULL, View.MASKED

VIEWS: Mapping[Role, Mapping[PersonalField, View]] = {
    Role.WINDOW_ACCEPTOR: {_N: _F, _I: _F, _P: _M, _R: _F},
    Role.PRE_REVIEWER: {_N: _F, _I: _F, _P: _M, _R: _F},
    Role.HANDLER: {_N: _F, _I: _F, _P: _M, _R: _F},
    Role.APPROVER: {_N: _F, _I: _F, _R: _F},
    Role.ISSUER: {_N: _F, _P: _M, _A: _F},
    Role.CASHIER: {_N: _M},
    Role.HOTLINE_AGENT: {_N: _M, _P: _M},
    Role.ITEM_EDITOR: {},
    Role.DEPARTMENT_MANAGER: {_N: _M},
    Role.SUPERVISOR: {_N: _M, _I: _M, _P: _M, _R: _F},
    Role.STATISTICS_VIEWER: {},
    Role.SECURITY_ADMINISTRATOR: {},
    Role.AUDITOR: {},
    Role.SYSTEM_ADMINISTRATOR: {},
}


def view_of(roles: Iterable[str], field: PersonalField) -> View:
    """The widest view that any of the roles has of a field."""
    views = [VIEWS.get(Role(role), {}).get(field, View.HIDDEN) for role in roles]
    return max(views, key=_WIDTH.__getitem__, default=View.HIDDEN)


def full_fields(roles: Iterable[str], fields: Iterable[PersonalField]) -> list[PersonalField]:
    """Of these fields the ones that may be read in full. Raises `NotAllowed` when there is none."""
    held = tuple(roles)
    readable = [field for field in fields if view_of(held, field) is View.FULL]
    if not readable:
        raise NotAllowed
    return readable
