"""Without this module neither residents nor clerks could see their cases."""

from __future__ import annotations

import strawberry

from app.cases import queries
from app.cases.applicants import READERS, applicant_in_full
from app.cases.rules import CASE_ROLES, CaseState
from app.identity.disclosure import Purpose
from graphql_schema.cases.types import Applicant, ApplicantResult, Case, CaseResult
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, lookup, query, residents_and_staff, staff
from graphql_schema.paging import Connection, connection_of, key_after, page_size
from graphql_schema.scalars import as_uuid


@strawberry.type
class CasesQuery:
    @query(RESIDENTS, "我的办件 · My cases, newest first.")
    async def my_cases(self, info: Info, first: int | None = None, after: str | None = None) -> Connection[Case]:
        page = await queries.cases_of(info.context.actor, limit=page_size(first), before=key_after(after))
        return connection_of([(Case.of(row), str(row.id)) for row in page.cases], has_more=page.has_more)

    @lookup(residents_and_staff(*CASE_ROLES), "办件详情 · One of my cases; the look of staff is audited.")
    async def case(self, info: Info, id: strawberry.ID) -> CaseResult:  # noqa: A002 - the schema's word
        return Case.of(await queries.case_for(info.context.actor, as_uuid(id)))

    @lookup(staff(*READERS), "申请人 · The applicant of a case, in full where the role allows; the look is audited.")
    async def applicant(self, info: Info, case_id: strawberry.ID, purpose: Purpose) -> ApplicantResult:
        return Applicant.of(await applicant_in_full(info.context.actor, as_uuid(case_id), purpose))

    @query(staff(*CASE_ROLES), "待办 · Cases in these states, oldest first.")
    async def desk(
        self, info: Info, states: list[CaseState], first: int | None = None, after: str | None = None
    ) -> Connection[Case]:
        page = await queries.cases_waiting(info.context.actor, states, limit=page_size(first), after=key_after(after))
        return connection_of([(Case.of(row), str(row.id)) for row in page.cases], has_more=page.has_more)
