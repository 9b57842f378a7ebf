"""Without this module nobody would find what they need."""

from __future__ import annotations

import strawberry

from app.catalogue import queries
from graphql_schema.catalogue.types import ServiceItem, ServiceItemResult, ServicePoint
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, lookup, query
from graphql_schema.paging import Connection, connection_of, offset_after, page_size
from graphql_schema.scalars import as_key


@strawberry.type
class CatalogueQuery:
    @query(EVERYONE, "找事项 · Service items by the words people use (身份证丢了), or all of them.")
    async def items(
        self,
        search: str | None = None,
        department: str | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Connection[ServiceItem]:
        limit, offset = page_size(first), offset_after(after)
        if search is not None and search.strip():
            page = await queries.search_items(search, limit=limit, offset=offset)
        else:
            page = await queries.browse_items(
                department=as_key(department) if department else None, limit=limit, offset=offset
            )
        nodes = [(ServiceItem.of(row), str(offset + place)) for place, row in enumerate(page.items)]
        return connection_of(nodes, has_more=page.has_more)

    @lookup(EVERYONE, "办事指南 · One item in the version in force.")
    async def item(self, key: str) -> ServiceItemResult:
        return ServiceItem.of(await queries.item_in_force(as_key(key)))

    @query(EVERYONE, "服务点 · All halls and stations.")
    async def service_points(self, info: Info) -> list[ServicePoint]:
        return [ServicePoint.of(row, info) for row in await queries.every_service_point()]
