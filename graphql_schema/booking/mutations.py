"""Without this module nobody could take a place."""

from __future__ import annotations

from datetime import datetime

import strawberry

from app.booking import commands, holds
from app.booking.halls.extra_sessions import open_extra_session
from app.booking.rules import Layer
from app.identity.rules import Role
from graphql_schema.booking.types import Booking, BookingResult, ExtraSession, ExtraSessionResult, Slot, VisitItem
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, mutation, staff
from graphql_schema.scalars import as_key, as_uuid


@strawberry.type
class BookingMutation:
    @mutation(
        RESIDENTS,
        "预约 · Take the places of a visit: one slot, or as many in a row as its items need, for `party` people."
        " A full one is refused naming the nearest free ones. In the rush of a release a `turn` of the waiting room is"
        " needed.",
    )
    async def book(
        self,
        info: Info,
        slot_id: strawberry.ID,
        items: list[VisitItem],
        idempotency_key: strawberry.ID,
        party: int = 1,
        address_id: strawberry.ID | None = None,
        turn: str | None = None,
    ) -> BookingResult:
        booking = await commands.book(
            info.context.actor,
            as_uuid(slot_id),
            [item.asked() for item in items],
            party=party,
            address_id=as_uuid(address_id) if address_id else None,
            turn=turn,
            idempotency_key=idempotency_key,
        )
        return Booking.of(booking)

    @mutation(RESIDENTS, "占位 · Keep the places of a visit for some minutes while the rest is filled in.")
    async def hold_places(
        self,
        info: Info,
        slot_id: strawberry.ID,
        items: list[VisitItem],
        idempotency_key: strawberry.ID,
        party: int = 1,
        address_id: strawberry.ID | None = None,
        turn: str | None = None,
    ) -> BookingResult:
        booking = await holds.hold(
            info.context.actor,
            as_uuid(slot_id),
            [item.asked() for item in items],
            party=party,
            address_id=as_uuid(address_id) if address_id else None,
            turn=turn,
            idempotency_key=idempotency_key,
        )
        return Booking.of(booking)

    @mutation(RESIDENTS, "确认预约 · Make held places a booking.")
    async def confirm_booking(self, info: Info, id: strawberry.ID) -> BookingResult:  # noqa: A002 - the schema's word
        return Booking.of(await holds.confirm(info.context.actor, as_uuid(id)))

    @mutation(RESIDENTS, "改期 · Move a booking to another slot; the old place is kept until the new one is sure.")
    async def move_booking(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
        slot_id: strawberry.ID,
        idempotency_key: strawberry.ID,
        turn: str | None = None,
    ) -> BookingResult:
        booking = await commands.move(
            info.context.actor, as_uuid(id), as_uuid(slot_id), turn=turn, idempotency_key=idempotency_key
        )
        return Booking.of(booking)

    @mutation(RESIDENTS, "取消预约 · Give the places back, until the slot begins; late, it counts.")
    async def cancel_booking(self, info: Info, id: strawberry.ID) -> BookingResult:  # noqa: A002 - the schema's word
        return Booking.of(await commands.cancel(info.context.actor, as_uuid(id)))

    @mutation(
        staff(Role.DEPARTMENT_MANAGER),
        "加开时段 · Open hours beyond the ordinary ones, or for visits to people's homes.",
    )
    async def open_extra_session(
        self,
        info: Info,
        service_point: str,
        category: str,
        opens_at: datetime,
        closes_at: datetime,
        capacity: int,
        layer: Layer = Layer.EXTRA,
    ) -> ExtraSessionResult:
        rows = await open_extra_session(
            info.context.actor, as_key(service_point), category, opens_at, closes_at, capacity, layer
        )
        return ExtraSession(slots=[Slot.of(row) for row in rows])
