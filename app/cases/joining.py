"""Without this module two accounts of one person could ask the city for the same thing twice."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from app.cases.models import Case
from app.cases.rules import OPEN_STATES, OpenCase, cases_giving_way


async def giving_way(absorbed: UUID, survivor: UUID) -> dict[UUID, UUID]:
    """The open cases that are withdrawn when two accounts become one, each with the case that stays instead.

    Locks the open cases of both, so that the answer holds until the caller's transaction ends.
    """
    open_cases = Case.filter(resident_id__in=[absorbed, survivor], state__in=OPEN_STATES)
    by_item: defaultdict[str, list[OpenCase]] = defaultdict(list)
    for case in await open_cases.order_by("id").select_for_update():
        by_item[case.item_key].append(OpenCase(case.id, case.state, case.submitted_at))
    found: dict[UUID, UUID] = {}
    for same_item in by_item.values():
        leaving = {case.id for case in cases_giving_way(same_item)}
        staying = next(case.id for case in same_item if case.id not in leaving)
        found.update(dict.fromkeys(leaving, staying))
    return found
