"""Without this module a resident could not ask who looked at their data, or how long it is kept."""

from __future__ import annotations

import strawberry

from app.identity import looks, retention
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, RESIDENTS, query
from graphql_schema.paging import Connection, connection_of, number_after, page_size
from graphql_schema.personal.types import Look, RetentionPeriod


@strawberry.type
class PersonalQuery:
    @query(RESIDENTS, "谁看过我的信息 · Which members of staff looked at my data, newest first.")
    async def looked_at_my_data(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[Look]:
        limit = page_size(first)
        found = await looks.looks_at(info.context.actor, limit=limit + 1, before=number_after(after))
        return connection_of([(Look.of(look), str(look.id)) for look in found[:limit]], has_more=len(found) > limit)

    @query(EVERYONE, "个人信息保存期限 · How long each kind of personal data is kept, and by which rule.")
    async def retention_periods(self, info: Info) -> list[RetentionPeriod]:
        return [RetentionPeriod.of(period, info) for period in retention.retention_periods()]
