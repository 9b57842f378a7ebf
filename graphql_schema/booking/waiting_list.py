"""Without this module a phone could neither wait in line for a place nor take the one that is offered."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Annotated

import strawberry

from app.booking import models, visits
from app.booking.line import entries as line
from app.booking.line import joining as waiting_list
from app.booking.line import rules as line_rules
from app.booking.rules import WaitingState
from app.catalogue.queries import service_points_by_key
from graphql_schema.booking.types import Booking, BookingResult, VisitItem
from graphql_schema.catalogue.types import ServicePoint
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.guards import RESIDENTS, mutation, query
from graphql_schema.problems import Problem
from graphql_schema.scalars import as_key, as_uuid

strawberry.enum(WaitingState)


@strawberry.input(description="附近 · All service points within so many kilometres of a point (degrees, GCJ-02).")
class Near:
    latitude: float
    longitude: float
    radius_km: float


@strawberry.type(description="候补登记 · A place in line for a visit where there is no free place.")
class WaitingEntry:
    id: strawberry.ID
    state: WaitingState
    item_keys: list[str]
    party: int
    days_from: date
    days_until: date
    time_from: str
    time_until: str
    offers: int = strawberry.field(description="How many offers were let pass; the third ends the waiting.")
    joined_at: datetime
    row: strawberry.Private[models.WaitingEntry]

    @classmethod
    def of(cls, row: models.WaitingEntry) -> WaitingEntry:
        return cls(
            id=strawberry.ID(str(row.id)),
            state=row.state,
            item_keys=[visits.VisitItem.from_json(said).item_key for said in row.items],
            party=row.party,
            days_from=row.days_from,
            days_until=row.days_until,
            time_from=row.time_from,
            time_until=row.time_until,
            offers=row.offers,
            joined_at=row.joined_at,
            row=row,
        )

    @computed(batch=service_points_by_key)
    async def service_points(self, info: Info) -> list[ServicePoint]:
        rows = await asyncio.gather(*(info.context.load(service_points_by_key, key) for key in self.row.service_points))
        return [ServicePoint.of(row, info) for row in rows if row is not None]

    @computed("How many who want what this wants were there before.", batch=line.places_in_line)
    async def before(self, info: Info) -> int:
        return await info.context.load(line.places_in_line, self.row.id)

    @computed("The place that is held for it now; accept it or pass it on.", batch=line.live_offers)
    async def offer(self, info: Info) -> Booking | None:
        row = await info.context.load(line.live_offers, self.row.id)
        return Booking.of(row) if row else None


WaitingEntryResult = Annotated[WaitingEntry | Problem, strawberry.union("WaitingEntryResult")]


@strawberry.type
class WaitingListQuery:
    @query(RESIDENTS, "我的候补 · My places in line, the newest first; for a week also those that ended.")
    async def my_waiting_list(self, info: Info) -> list[WaitingEntry]:
        return [WaitingEntry.of(row) for row in await line.entries_of(info.context.actor)]


@strawberry.type
class WaitingListMutation:
    @mutation(
        RESIDENTS,
        "登记候补 · Wait for places in some halls, days and hours; what is freed is offered in the order of joining."
        " While there is a free place it is refused, naming that one.",
    )
    async def join_waiting_list(
        self,
        info: Info,
        items: list[VisitItem],
        days_from: date,
        days_until: date,
        idempotency_key: strawberry.ID,
        party: int = 1,
        service_points: list[str] | None = None,
        near: Near | None = None,
        time_from: str = "00:00",
        time_until: str = "23:59",
    ) -> WaitingEntryResult:
        wish = line_rules.Wish(
            party=party,
            service_points=tuple(as_key(key) for key in service_points or ()),
            near=line_rules.Near(near.latitude, near.longitude, near.radius_km) if near else None,
            days_from=days_from,
            days_until=days_until,
            time_from=time_from,
            time_until=time_until,
        )
        row = await waiting_list.join(
            info.context.actor, [item.asked() for item in items], wish, idempotency_key=idempotency_key
        )
        return WaitingEntry.of(row)

    @mutation(RESIDENTS, "退出候补 · Wait no longer; a place that is offered goes to who is next.")
    async def leave_waiting_list(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
    ) -> WaitingEntryResult:
        return WaitingEntry.of(await waiting_list.leave(info.context.actor, as_uuid(id)))

    @mutation(RESIDENTS, "接受名额 · Take the place that is offered.")
    async def accept_offer(self, info: Info, booking_id: strawberry.ID) -> BookingResult:
        return Booking.of(await waiting_list.accept(info.context.actor, as_uuid(booking_id)))

    @mutation(RESIDENTS, "放弃名额 · Let the place that is offered go to who is next.")
    async def pass_offer(self, info: Info, booking_id: strawberry.ID) -> BookingResult:
        return Booking.of(await waiting_list.pass_on(info.context.actor, as_uuid(booking_id)))
