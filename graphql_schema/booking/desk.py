"""Without this module who has no phone could not be booked a place."""

from __future__ import annotations

import strawberry

from app.booking import desk
from app.identity.rules import Role
from graphql_schema.booking.types import Booking, BookingResult, VisitItem
from graphql_schema.context import Info
from graphql_schema.guards import mutation, query, staff
from graphql_schema.representation.types import PersonInput
from graphql_schema.scalars import as_uuid

_WINDOW_STAFF = staff(Role.WINDOW_ACCEPTOR)


@strawberry.type
class DeskQuery:
    @query(_WINDOW_STAFF, "窗口查预约 · What the holder of a card has booked here, newest first; the look is audited.")
    async def bookings_at_desk(self, info: Info, person: PersonInput) -> list[Booking]:
        rows = await desk.bookings_at_desk(info.context.actor, person.id_number, person.name)
        return [Booking.of(row) for row in rows]


@strawberry.type
class DeskMutation:
    @mutation(
        _WINDOW_STAFF,
        "窗口代预约 · Take places of the desk's share for somebody who stands here with their card;"
        " missed visits do not keep them from it.",
    )
    async def book_at_desk(
        self,
        info: Info,
        person: PersonInput,
        slot_id: strawberry.ID,
        items: list[VisitItem],
        idempotency_key: strawberry.ID,
        party: int = 1,
    ) -> BookingResult:
        booking = await desk.book_at_desk(
            info.context.actor,
            person.id_number,
            person.name,
            as_uuid(slot_id),
            [item.asked() for item in items],
            party=party,
            idempotency_key=idempotency_key,
        )
        return Booking.of(booking)

    @mutation(_WINDOW_STAFF, "窗口改期 · Move a booking at its resident's wish, until it begins.")
    async def move_at_desk(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
        slot_id: strawberry.ID,
    ) -> BookingResult:
        return Booking.of(await desk.move_at_desk(info.context.actor, as_uuid(id), as_uuid(slot_id)))

    @mutation(_WINDOW_STAFF, "窗口取消预约 · Give the places back at their resident's wish; late, it counts.")
    async def cancel_at_desk(self, info: Info, id: strawberry.ID) -> BookingResult:  # noqa: A002 - the schema's word
        return Booking.of(await desk.cancel_at_desk(info.context.actor, as_uuid(id)))
