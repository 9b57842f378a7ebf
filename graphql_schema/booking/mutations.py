"""Without this module nobody could take a place."""

from __future__ import annotations

from datetime import datetime

import strawberry

from app.booking import commands, layout
from app.identity.rules import Role
from graphql_schema.booking.types import Booking, BookingResult, ExtraSession, ExtraSessionResult, Slot
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, mutation, staff
from graphql_schema.scalars import as_key, as_uuid


@strawberry.type
class BookingMutation:
    @mutation(RESIDENTS, "预约 · Take a place in a slot; a full one is refused naming the next free one.")
    async def book(
        self,
        info: Info,
        slot_id: strawberry.ID,
        item_key: str,
        idempotency_key: strawberry.ID,
        case_id: strawberry.ID | None = None,
    ) -> BookingResult:
        booking = await commands.book(
            info.context.actor,
            as_uuid(slot_id),
            as_key(item_key),
            case_id=as_uuid(case_id) if case_id else None,
            idempotency_key=idempotency_key,
        )
        return Booking.of(booking)

    @mutation(RESIDENTS, "取消预约 · Give a place back, until two hours before.")
    async def cancel_booking(self, info: Info, id: strawberry.ID) -> BookingResult:  # noqa: A002 - the schema's word
        return Booking.of(await commands.cancel(info.context.actor, as_uuid(id)))

    @mutation(staff(Role.DEPARTMENT_MANAGER), "加开时段 · Open hours beyond the ordinary ones.")
    async def open_extra_session(
        self,
        info: Info,
        service_point: str,
        category: str,
        opens_at: datetime,
        closes_at: datetime,
        capacity: int,
    ) -> ExtraSessionResult:
        rows = await layout.open_extra_session(
            info.context.actor, as_key(service_point), category, opens_at, closes_at, capacity
        )
        return ExtraSession(slots=[Slot.of(row) for row in rows])
