"""Without this module nobody could choose a time."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import strawberry

from app.booking import models, queries
from app.booking.rules import BookingState
from app.catalogue.queries import service_points_by_key
from app.queueing.queries import tickets_of_bookings
from graphql_schema.catalogue.types import ServicePoint
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem
from graphql_schema.queueing.types import Ticket

strawberry.enum(BookingState)


@strawberry.type(description="预约时段 · A stretch of time with places. `free` may be old; booking decides.")
class Slot:
    id: strawberry.ID
    category: str
    day: date
    starts_at: datetime
    ends_at: datetime
    capacity: int
    free: int
    row: strawberry.Private[models.Slot]

    @classmethod
    def of(cls, row: models.Slot) -> Slot:
        return cls(
            id=strawberry.ID(str(row.id)),
            category=row.category,
            day=row.day,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            capacity=row.capacity,
            free=row.capacity - row.taken,
            row=row,
        )

    @computed(batch=service_points_by_key)
    async def service_point(self, info: Info) -> ServicePoint:
        row = await info.context.load(service_points_by_key, self.row.service_point_id)
        assert row is not None
        return ServicePoint.of(row, info)


@strawberry.type(description="预约 · A place in a slot.")
class Booking:
    id: strawberry.ID
    state: BookingState
    item_key: str
    booked_at: datetime
    row: strawberry.Private[models.Booking]

    @classmethod
    def of(cls, row: models.Booking) -> Booking:
        return cls(
            id=strawberry.ID(str(row.id)), state=row.state, item_key=row.item_key, booked_at=row.booked_at, row=row
        )

    @computed(batch=queries.slots_by_id)
    async def slot(self, info: Info) -> Slot:
        row = await info.context.load(queries.slots_by_id, self.row.slot_id)
        assert row is not None
        return Slot.of(row)

    @computed("The number in the queue, once checked in.", batch=tickets_of_bookings)
    async def ticket(self, info: Info) -> Ticket | None:
        row = await info.context.load(tickets_of_bookings, self.row.id)
        return Ticket.of(row) if row else None


@strawberry.type(description="加开的时段 · Slots of an extra session.")
class ExtraSession:
    slots: list[Slot]


BookingResult = Annotated[Booking | Problem, strawberry.union("BookingResult")]
ExtraSessionResult = Annotated[ExtraSession | Problem, strawberry.union("ExtraSessionResult")]
