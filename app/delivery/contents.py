"""Without this module two papers for one door would need two parcels, and their cases could be locked crosswise."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from app.cases.models import Case
from app.cases.queries import locked_case
from app.cases.rules import CaseState
from app.delivery.errors import CasesNotTogether, TooManyCases
from app.delivery.models import Parcel, ParcelCase
from app.delivery.queries import parcels_of_cases
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput

MOST_CASES = 20


async def locked_cases(case_ids: Sequence[UUID], actor: Actor | None = None) -> list[Case]:
    """Cases locked for this transaction in the order of their ids; only such as the actor may see.

    Raises `InvalidInput` for none, `NotFound`, `TooManyCases`, or `CasesNotTogether` when they are of different people.
    """
    if not case_ids:
        raise InvalidInput(field="caseIds", reason_zh="请至少选择一件办件", reason_en="choose a case at least")
    if len(case_ids) > MOST_CASES:
        raise TooManyCases(most=MOST_CASES, field="caseIds")
    cases = [await locked_case(case_id, actor) for case_id in sorted(set(case_ids))]
    if len({case.resident_id for case in cases}) > 1:
        raise CasesNotTogether(field="caseIds")
    return cases


async def locked_with_cases(parcel_id: UUID) -> tuple[Parcel, list[Case]]:
    """A parcel after its cases, all locked for this transaction."""
    ids = [content.case_id for content in await ParcelCase.filter(parcel_id=parcel_id)]
    cases = [await locked_case(case_id) for case_id in sorted(ids)]
    return await Parcel.select_for_update().get(id=parcel_id), cases


async def carried(
    parcel: Parcel, cases: Sequence[Case], states: Collection[CaseState] = (CaseState.DELIVERING,)
) -> list[Case]:
    """Those of a parcel's locked cases that wait for it: their newest result is in it, not in one sent since."""
    newest = await parcels_of_cases([case.id for case in cases])
    return [
        case
        for case, last in zip(cases, newest, strict=True)
        if case.state in states and last is not None and last.id == parcel.id
    ]


async def fill(parcel: Parcel, cases: Sequence[Case]) -> None:
    await ParcelCase.bulk_create([ParcelCase(parcel_id=parcel.id, case_id=case.id, found=[]) for case in cases])
