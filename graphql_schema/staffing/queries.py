"""Without this module nobody could look at the accounts of staff, or at what was done with them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from app.identity import administration, auditing, own_account
from app.identity.rules import Role
from graphql_schema.context import Info
from graphql_schema.guards import lookup, query, staff
from graphql_schema.paging import Connection, connection_of, key_after, number_after, page_size
from graphql_schema.scalars import as_uuid
from graphql_schema.staffing.types import AuditLine, OwnAccount, StaffAccount, StaffAccountResult

_KEEPERS = staff(*administration.KEEPERS)


@strawberry.type
class StaffingQuery:
    @query(staff(), "我的账号 · Who I am here, and what I have to do first.")
    async def my_account(self, info: Info) -> OwnAccount:
        return OwnAccount.of(await own_account.own_account(info.context.actor))

    @query(_KEEPERS, "工作人员账号 · The accounts of one's part of the city, oldest first.")
    async def staff_accounts(
        self, info: Info, role: Role | None = None, first: int | None = None, after: str | None = None
    ) -> Connection[StaffAccount]:
        page = await administration.staff_list(info.context.actor, role, limit=page_size(first), after=key_after(after))
        return connection_of([(StaffAccount.of(row), str(row.id)) for row in page.accounts], has_more=page.has_more)

    @lookup(_KEEPERS, "工作人员账号 · One account.")
    async def staff_account(self, info: Info, id: strawberry.ID) -> StaffAccountResult:  # noqa: A002 - the schema's word
        return StaffAccount.of(await administration.staff_of(info.context.actor, as_uuid(id)))

    @query(staff(Role.AUDITOR), "审计记录 · Who did what, newest first; the look itself is audited.")
    async def audit_lines(
        self,
        info: Info,
        person: strawberry.ID | None = None,
        actor: str | None = None,
        subject: str | None = None,
        act: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Connection[AuditLine]:
        sought = auditing.Sought(as_uuid(person) if person else None, actor, subject, act, since, until)
        page = await auditing.audit_lines(
            info.context.actor, sought, limit=page_size(first), before=number_after(after)
        )
        return connection_of([(AuditLine.of(row), str(row.id)) for row in page.lines], has_more=page.has_more)
