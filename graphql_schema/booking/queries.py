"""Without this module nobody could see which times are free."""

from __future__ import annotations

from datetime import date

import strawberry

from app.booking import queries
from graphql_schema.booking.types import Booking, Slot
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, RESIDENTS, query
from graphql_schema.paging import Connection, connection_of, key_after, page_size
from graphql_schema.scalars import as_key


@strawberry.type
class BookingQuery:
    @query(EVERYONE, "可约时段 · The slots of one day at a service point for an item, free and full.")
    async def slots(self, item_key: str, service_point: str, day: date) -> list[Slot]:
        return [Slot.of(row) for row in await queries.slots_of_day(as_key(item_key), as_key(service_point), day)]

    @query(RESIDENTS, "我的预约 · My bookings, newest first.")
    async def my_bookings(self, info: Info, first: int | None = None, after: str | None = None) -> Connection[Booking]:
        limit = page_size(first)
        rows = await queries.bookings_of(info.context.actor, limit=limit + 1, before=key_after(after))
        return connection_of([(Booking.of(row), str(row.id)) for row in rows[:limit]], has_more=len(rows) > limit)
