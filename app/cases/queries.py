"""Without this module a resident could not look back, and a clerk would have no desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from tortoise.queryset import QuerySet

from app.cases.models import Case, CaseEvent
from app.cases.rules import CASE_ROLES, OPEN_STATES, CaseState
from app.catalogue.models import ServiceItem
from app.identity.disclosure import PersonalField, full_fields
from app.kernel import audit
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import NotFound
from app.kernel.privacy import unseal
from app.profiles.rules import Address


def case_missing() -> NotFound:
    return NotFound(what_zh="这个办件", what_en="case")


def visible_cases(actor: Actor) -> QuerySet[Case]:
    """The cases an actor may see at all: their own, those of a mandate, or those of their part of the city.

    Every other query begins here, so that no way through the schema leads around it. Raises `NotSignedIn` or
    `NotAllowed`.
    """
    if actor.kind is not ActorKind.STAFF:
        return Case.filter(**actor.matters())
    actor.staff_id(*CASE_ROLES)
    seen = Case.filter(item__department__division_code__startswith=actor.scope.division)
    return seen.filter(item__department_id=actor.scope.department) if actor.scope.department else seen


async def case_of(case_id: UUID, actor: Actor) -> Case:
    """A case the actor may see. Raises `NotFound` alike for none and for somebody else's."""
    case = await visible_cases(actor).get_or_none(id=case_id)
    if case is None:
        raise case_missing()
    return case


async def cases_of_each(asked: Sequence[tuple[Actor, UUID]]) -> list[Case | None]:
    """For each resident and id the case, when it is one that `case_of` would give; in one statement."""
    cases = await Case.in_bulk([case_id for _, case_id in asked], "id") if asked else {}
    found = [(actor, cases.get(case_id)) for actor, case_id in asked]
    return [case if case is not None and _is_of(case, actor) else None for actor, case in found]


def _is_of(case: Case, actor: Actor) -> bool:
    """`Actor.matters` for a row that is already there."""
    items = actor.principal.items if actor.principal is not None else None
    return case.resident_id == actor.resident_id() and (items is None or case.item_key in items)


async def any_open(case_ids: Sequence[UUID]) -> bool:
    """Whether any of these cases is neither closed nor withdrawn."""
    return await Case.filter(id__in=case_ids, state__in=OPEN_STATES).exists()


async def case_for(actor: Actor, case_id: UUID) -> Case:
    """A case its applicant or the staff of cases may see; a staff look is audited.

    Raises `NotSignedIn`, `NotAllowed` or `NotFound`.
    """
    case = await case_of(case_id, actor)
    if actor.kind is ActorKind.STAFF:
        await audit.record(actor, "case.seen", f"case:{case.id}", person=case.resident_id)
    return case


async def locked_case(case_id: UUID, actor: Actor | None = None) -> Case:
    """The row, locked for this transaction; only one the actor may see when one is given. Raises `NotFound`."""
    if actor is not None:
        await case_of(case_id, actor)
    case = await Case.filter(id=case_id).select_for_update().first()
    if case is None:
        raise case_missing()
    return case


async def item_of(case: Case) -> ServiceItem:
    """The version of the item under which the case was filed."""
    return await ServiceItem.get(id=case.item_id)


@dataclass(frozen=True)
class CasePage:
    cases: list[Case]
    has_more: bool


async def cases_of(actor: Actor, *, limit: int, before: UUID | None) -> CasePage:
    """A resident's cases, newest first; `before` is the id after which the page goes on."""
    query = visible_cases(actor)
    if before is not None:
        query = query.filter(id__lt=before)
    found = await query.order_by("-id").limit(limit + 1)
    return CasePage(found[:limit], has_more=len(found) > limit)


async def cases_waiting(actor: Actor, states: Sequence[CaseState], *, limit: int, after: UUID | None) -> CasePage:
    """The desk of a member of staff: cases of their part of the city in these states, oldest first.

    A desk shows names, so each case on it is audited.
    """
    query = visible_cases(actor).filter(state__in=list(states))
    if after is not None:
        query = query.filter(id__gt=after)
    found = await query.order_by("id").limit(limit + 1)
    await audit.record_each(actor, "case.listed", [(f"case:{case.id}", case.resident_id) for case in found[:limit]])
    return CasePage(found[:limit], has_more=len(found) > limit)


async def case_numbers(case_ids: Sequence[UUID]) -> list[str | None]:
    """In key order; a number names nobody."""
    found = await Case.in_bulk(case_ids, "id")
    return [found[key].number if key in found else None for key in case_ids]


async def events_of(case_ids: Sequence[UUID]) -> list[list[CaseEvent]]:
    """The history of each case, oldest first, in key order."""
    found = await CaseEvent.filter(case_id__in=list(case_ids)).order_by("at", "id")
    return [[event for event in found if event.case_id == key] for key in case_ids]


async def address_for_posting(actor: Actor, case_id: UUID) -> Address | None:
    """The full address for the label; each look is audited. Raises `NotAllowed` or `NotFound`."""
    actor.staff_id()
    full_fields(actor.roles, [PersonalField.ADDRESS])
    case = await case_of(case_id, actor)
    await audit.record(
        actor, "case.address_seen", f"case:{case.id}", detail={"purpose": "label"}, person=case.resident_id
    )
    return address_of(case)


def address_of(case: Case) -> Address | None:
    """Where the result is posted to, opened."""
    if case.delivery_address_sealed is None:
        return None
    return Address(**orjson.loads(unseal(case.delivery_address_sealed)))
