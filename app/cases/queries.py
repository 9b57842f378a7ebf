"""Without this module a resident could not look back, and a clerk would have no desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from app.cases.models import Case, CaseEvent
from app.cases.rules import CASE_ROLES, Address, CaseState
from app.catalogue.models import ServiceItem
from app.identity.rules import Role
from app.kernel import audit
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import NotFound
from app.kernel.privacy import unseal


def _not_found() -> NotFound:
    return NotFound(what_zh="这个办件", what_en="case")


async def case_of(case_id: UUID, resident_id: UUID) -> Case:
    """A resident's own case. Raises `NotFound` alike for none and for somebody else's."""
    case = await Case.get_or_none(id=case_id, resident_id=resident_id)
    if case is None:
        raise _not_found()
    return case


async def case_for(actor: Actor, case_id: UUID) -> Case:
    """A case its applicant or the staff of cases may see; a staff look is audited.

    Raises `NotSignedIn`, `NotAllowed` or `NotFound`.
    """
    if actor.kind is ActorKind.RESIDENT:
        return await case_of(case_id, actor.resident_id())
    actor.staff_id(*CASE_ROLES)
    case = await Case.get_or_none(id=case_id)
    if case is None:
        raise _not_found()
    await audit.record(actor, "case.seen", f"case:{case.id}")
    return case


async def locked_case(case_id: UUID, resident_id: UUID | None = None) -> Case:
    """The row, locked for this transaction; only the resident's own when one is given. Raises `NotFound`."""
    query = Case.filter(id=case_id) if resident_id is None else Case.filter(id=case_id, resident_id=resident_id)
    case = await query.select_for_update().first()
    if case is None:
        raise _not_found()
    return case


async def item_of(case: Case) -> ServiceItem:
    """The version of the item under which the case was filed."""
    return await ServiceItem.get(id=case.item_id)


@dataclass(frozen=True)
class CasePage:
    cases: list[Case]
    has_more: bool


async def cases_of(resident_id: UUID, *, limit: int, before: UUID | None) -> CasePage:
    """A resident's cases, newest first; `before` is the id after which the page goes on."""
    query = Case.filter(resident_id=resident_id)
    if before is not None:
        query = query.filter(id__lt=before)
    found = await query.order_by("-id").limit(limit + 1)
    return CasePage(found[:limit], has_more=len(found) > limit)


async def cases_waiting(states: Sequence[CaseState], *, limit: int, after: UUID | None) -> CasePage:
    """The staff's desk: cases in these states, oldest first."""
    query = Case.filter(state__in=list(states))
    if after is not None:
        query = query.filter(id__gt=after)
    found = await query.order_by("id").limit(limit + 1)
    return CasePage(found[:limit], has_more=len(found) > limit)


async def events_of(case_ids: Sequence[UUID]) -> list[list[CaseEvent]]:
    """The history of each case, oldest first, in key order."""
    found = await CaseEvent.filter(case_id__in=list(case_ids)).order_by("at", "id")
    return [[event for event in found if event.case_id == key] for key in case_ids]


async def address_for_posting(actor: Actor, case_id: UUID) -> Address | None:
    """The full address for the label; each look is audited. Raises `NotAllowed` or `NotFound`."""
    actor.staff_id(Role.ISSUER)
    case = await Case.get_or_none(id=case_id)
    if case is None:
        raise _not_found()
    await audit.record(actor, "case.address_seen", f"case:{case.id}", detail={"purpose": "label"})
    return address_of(case)


def address_of(case: Case) -> Address | None:
    """Where the result is posted to, opened."""
    if case.delivery_address_sealed is None:
        return None
    return Address(**orjson.loads(unseal(case.delivery_address_sealed)))
