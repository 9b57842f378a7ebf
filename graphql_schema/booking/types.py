"""Without this module nobody could choose a time."""

from __future__ import annotations

from asyncio import gather
from datetime import date, datetime
from typing import Annotated

import strawberry

from app.booking import models, queries, visits
from app.booking.calendar_entry import CalendarEntry, calendar_text
from app.booking.rules import BookingState, Layer
from app.catalogue.queries import businesses_by_letter, items_in_force, service_points_by_key
from app.kernel import clock
from app.kernel.settings import get_settings
from app.links.things import LinkKind, Thing
from app.payments.queries import bills_of_bookings
from app.queueing.queries import tickets_of_bookings
from graphql_schema.catalogue.types import ServicePoint
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.links.types import Link
from graphql_schema.payments.types import Bill
from graphql_schema.problems import Problem
from graphql_schema.queueing.types import Ticket
from graphql_schema.scalars import as_key, as_uuid

strawberry.enum(BookingState)
strawberry.enum(Layer)


@strawberry.type(description="预约时段 · A stretch of time with places. `free` may be old; booking decides.")
class Slot:
    id: strawberry.ID
    category: str
    layer: Layer
    day: date
    starts_at: datetime
    ends_at: datetime
    capacity: int
    free: int = strawberry.field(description="Places a phone could take now.")
    opens_at: datetime | None = strawberry.field(description="From when it can be booked; null for now.")
    row: strawberry.Private[models.Slot]

    @classmethod
    def of(cls, row: models.Slot) -> Slot:
        return cls(
            id=strawberry.ID(str(row.id)),
            category=row.category,
            layer=row.layer,
            day=row.day,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            capacity=row.capacity,
            free=0 if row.closed_at else max(0, min(row.capacity - row.taken, row.phone_capacity - row.phone_taken)),
            opens_at=row.opens_at,
            row=row,
        )

    @computed(batch=businesses_by_letter)
    async def category_name(self, info: Info) -> str:
        business = await info.context.load(businesses_by_letter, self.category)
        return info.context.say(business.name_zh, business.name_en)

    @computed(batch=service_points_by_key)
    async def service_point(self, info: Info) -> ServicePoint:
        row = await info.context.load(service_points_by_key, self.row.service_point_id)
        assert row is not None
        return ServicePoint.of(row, info)


@strawberry.input(description="到场要办的一件事 · One thing a visit is for, perhaps for an open case of it.")
class VisitItem:
    item_key: str
    case_id: strawberry.ID | None = None

    def asked(self) -> visits.VisitItem:
        return visits.VisitItem(as_key(self.item_key), as_uuid(self.case_id) if self.case_id else None)


@strawberry.type(description="预约 · Places in a slot, or in several in a row, for one visit.")
class Booking:
    id: strawberry.ID
    state: BookingState
    item_key: str = strawberry.field(description="The first of its items.")
    party: int = strawberry.field(description="How many people come.")
    until: datetime = strawberry.field(description="When the last of its slots ends.")
    booked_at: datetime
    held_until: datetime | None = strawberry.field(description="While it is only held: confirm it before this moment.")
    late: bool = strawberry.field(description="Cancelled after the deadline; counts in the booking credit.")
    row: strawberry.Private[models.Booking]

    @classmethod
    def of(cls, row: models.Booking) -> Booking:
        return cls(
            id=strawberry.ID(str(row.id)),
            state=row.state,
            item_key=row.item_key,
            party=row.party,
            until=row.until,
            booked_at=row.booked_at,
            held_until=row.held_until,
            late=row.late,
            row=row,
        )

    @computed("Everything the visit is for.", batch=queries.items_of_bookings)
    async def item_keys(self, info: Info) -> list[str]:
        return [item.item_key for item in await info.context.load(queries.items_of_bookings, self.row.id)]

    @computed(batch=queries.slots_by_id)
    async def slot(self, info: Info) -> Slot:
        row = await info.context.load(queries.slots_by_id, self.row.slot_id)
        assert row is not None
        return Slot.of(row)

    @computed("For the host app's calendar: iCalendar (RFC 5545); null while it is only held.", batch=items_in_force)
    async def calendar(self, info: Info) -> str | None:
        slot = await info.context.load(queries.slots_by_id, self.row.slot_id)
        assert slot is not None
        place = await info.context.load(service_points_by_key, slot.service_point_id)
        assert place is not None
        name = info.context.say(place.name_zh, place.name_en)
        items = await gather(*(info.context.load(items_in_force, key) for key in await self.item_keys(info)))
        names = [info.context.say(item.name_zh, item.name_en) for item in items if item]
        entry = CalendarEntry(
            booking_id=self.row.id,
            state=self.state,
            moves=self.row.moves,
            starts_at=slot.starts_at,
            ends_at=self.until,
            summary=info.context.say("、".join(names), ", ".join(names)),
            place=f"{name} {place.address_zh}",
            organizer=name,
            url=get_settings().public_url,
        )
        return calendar_text(entry, clock.now())

    @computed("From outside the app to this booking.")
    def link(self) -> Link:
        return Link.to(Thing(LinkKind.BOOKING, self.row.id))

    @computed("押金 · The bill of its deposit, once it has been asked for.", batch=bills_of_bookings)
    async def deposit(self, info: Info) -> Bill | None:
        row = await info.context.load(bills_of_bookings, self.row.id)
        return Bill.of(row) if row else None

    @computed("The number in the queue, once checked in.", batch=tickets_of_bookings)
    async def ticket(self, info: Info) -> Ticket | None:
        row = await info.context.load(tickets_of_bookings, self.row.id)
        return Ticket.of(row) if row else None


@strawberry.type(description="加开的时段 · Slots of an extra session.")
class ExtraSession:
    slots: list[Slot]


BookingResult = Annotated[Booking | Problem, strawberry.union("BookingResult")]
ExtraSessionResult = Annotated[ExtraSession | Problem, strawberry.union("ExtraSessionResult")]
