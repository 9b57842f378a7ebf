"""Without this module staff would not see pushes that nobody could place."""

from __future__ import annotations

import strawberry

from app.delivery.ports import SNAPSHOT_TOPIC
from app.identity.rules import Role
from app.kernel.inbox.notices import unmatched
from graphql_schema.delivery.types import Carrier, UnknownPush
from graphql_schema.guards import EVERYONE, query, staff
from graphql_schema.paging import Connection, connection_of, key_after, page_size


@strawberry.type
class DeliveryQuery:
    @query(EVERYONE, "承运商 · Carriers whose parcels can be followed.")
    async def carriers(self) -> list[Carrier]:
        return Carrier.every()

    @query(staff(Role.ISSUER, Role.SUPERVISOR), "无主推送 · Pushes for parcels nobody registered, newest first.")
    async def unknown_pushes(self, first: int | None = None, after: str | None = None) -> Connection[UnknownPush]:
        limit = page_size(first)
        rows = await unmatched(SNAPSHOT_TOPIC, limit=limit + 1, before=key_after(after))
        return connection_of([(UnknownPush.of(row), str(row.id)) for row in rows[:limit]], has_more=len(rows) > limit)
