"""Without this module nobody could see which machines speak for a hall."""

from __future__ import annotations

import strawberry

from app.catalogue import equipment
from app.identity.rules import Role
from graphql_schema.context import Info
from graphql_schema.devices.types import Device
from graphql_schema.guards import query, staff
from graphql_schema.paging import Connection, connection_of, key_after, page_size


@strawberry.type
class DevicesQuery:
    @query(staff(Role.SYSTEM_ADMINISTRATOR), "设备 · The machines of one's part of the city, oldest first.")
    async def devices(self, info: Info, first: int | None = None, after: str | None = None) -> Connection[Device]:
        page = await equipment.devices_for(info.context.actor, limit=page_size(first), after=key_after(after))
        return connection_of([(Device.of(row), str(row.id)) for row in page.devices], has_more=page.has_more)
