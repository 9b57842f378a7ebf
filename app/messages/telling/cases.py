"""Without this module an applicant would have to look every day whether something was decided."""

from __future__ import annotations

from uuid import UUID

from app.cases.events import CaseAccepted, CaseApproved, CaseClosed
from app.cases.models import Case
from app.cases.rules import Decision
from app.links.things import LinkKind, Thing
from app.messages.telling.told import Told, alike


async def accepted(fact: CaseAccepted) -> list[Told]:
    return await _of(fact.case_id)


async def approved(fact: CaseApproved) -> list[Told]:
    return await _of(fact.case_id)


async def denied(fact: CaseClosed) -> list[Told]:
    return await _of(fact.case_id, denied=True)


async def closed(fact: CaseClosed) -> list[Told]:
    return await _of(fact.case_id, denied=False)


async def _of(case_id: UUID, *, denied: bool | None = None) -> list[Told]:
    case = await Case.get_or_none(id=case_id).prefetch_related("item")
    if case is None or (denied is not None and (case.decision is Decision.DENIED) is not denied):
        return []
    item = (case.item.name_zh, case.item.name_en or case.item.name_zh)
    values = {"item": item, "number": alike(case.number)}
    return [Told(case.resident_id, Thing(LinkKind.CASE, case.id), str(case.id), values)]
