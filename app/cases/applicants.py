"""Without this module staff would see of an applicant all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.cases.models import Case
from app.cases.queries import case_of
from app.cases.rules import CASE_ROLES
from app.identity.disclosure import PersonalField, Purpose, View, full_fields, view_of
from app.identity.models import Resident
from app.identity.queries import residents
from app.kernel import audit
from app.kernel.actor import Actor, ActorKind
from app.kernel.logging import get_logger
from app.kernel.privacy import Unreadable, mask_id_number, mask_name, mask_phone, unseal

_log = get_logger(__name__)
_FIELDS = (PersonalField.NAME, PersonalField.ID_NUMBER, PersonalField.PHONE)
READERS = frozenset(role for role in CASE_ROLES if any(view_of([role], field) is View.FULL for field in _FIELDS))
"""Who may read something of an applicant in full."""


@dataclass(frozen=True)
class Applicant:
    """As much of an applicant as somebody may see; None for what is hidden, unknown, or at a glance unreadable."""

    name: str | None
    id_number: str | None
    phone: str | None


_NOBODY = Applicant(None, None, None)


async def applicants_seen(keys: Sequence[tuple[Actor, UUID]]) -> list[Applicant]:
    """For each actor and resident what the actor sees at a glance, nothing in full; in key order."""
    rows = await residents([resident_id for _, resident_id in keys])
    pairs = zip(keys, rows, strict=True)
    return [_shown(actor, row, in_full=False) if row else _NOBODY for (actor, _), row in pairs]


async def applicant_in_full(actor: Actor, case_id: UUID, purpose: Purpose) -> Applicant:
    """The applicant of a case with whatever the actor's roles may read in full; the look is audited.

    Raises `NotSignedIn`, `NotAllowed` or `NotFound`.
    """
    actor.staff_id(*READERS)
    readable = full_fields(actor.roles, _FIELDS)
    case = await case_of(case_id, actor)
    [row] = await residents([case.resident_id])
    assert row is not None
    detail = {"purpose": purpose.value, "fields": [field.value for field in readable]}
    await audit.record(actor, "case.applicant_seen", f"case:{case.id}", detail=detail, person=case.resident_id)
    return _shown(actor, row, in_full=True)


def reason_seen(actor: Actor, case: Case) -> str:
    """Why a case was denied, to whom that is shown."""
    return case.reason if _view(actor, PersonalField.REASON, in_full=True) is not View.HIDDEN else ""


def _view(actor: Actor, field: PersonalField, *, in_full: bool) -> View:
    """Residents reach their own matters only, and see them masked: phones are lent and looked at."""
    view = view_of(actor.roles, field) if actor.kind is ActorKind.STAFF else View.MASKED
    return View.MASKED if view is View.FULL and not in_full else view


def _shown(actor: Actor, row: Resident, *, in_full: bool) -> Applicant:
    def shown(field: PersonalField, sealed: str | None, mask: Callable[[str], str]) -> str | None:
        view = _view(actor, field, in_full=in_full)
        if sealed is None or view is View.HIDDEN:
            return None
        try:
            text = unseal(sealed)
        except Unreadable:
            if in_full:
                raise
            # One row that no key of the ring opens must not take the names from a whole desk.
            _log.error("personal field unreadable", resident=str(row.id), field=field.value)
            return None
        return text if view is View.FULL else mask(text)

    return Applicant(
        name=shown(PersonalField.NAME, row.name_sealed, mask_name),
        id_number=shown(PersonalField.ID_NUMBER, row.id_number_sealed, mask_id_number),
        phone=shown(PersonalField.PHONE, row.phone_sealed, mask_phone),
    )
