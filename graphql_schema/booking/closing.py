"""Without this module nobody could close a session, follow what becomes of its visitors, or ring at a home."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import strawberry

from app.booking import models
from app.booking.halls import closing, home_visits
from app.identity.rules import Role
from graphql_schema.context import Info
from graphql_schema.guards import lookup, mutation, query, staff
from graphql_schema.paging import Connection, connection_of, key_after, offset_after, page_size
from graphql_schema.problems import Problem
from graphql_schema.scalars import as_key, as_uuid

_MANAGERS = staff(Role.DEPARTMENT_MANAGER)


@strawberry.type(description="关闭预览 · Whom closing a stretch of time would hit.")
class ClosurePreview:
    slots: int
    bookings: int
    movable: int = strawberry.field(description="How many of them can be moved within the day, as it is now.")


@strawberry.type(description="关闭时段 · A stretch of time the hall closed, and how far its visitors are seen to.")
class SessionClosure:
    id: strawberry.ID
    category: str = strawberry.field(description="Empty for all businesses.")
    closes_from: datetime
    closes_until: datetime
    reason: str
    asked_at: datetime
    bookings: int
    moved: int = strawberry.field(description="To another time the same day.")
    offered: int = strawberry.field(description="Cancelled by the hall, with a place held elsewhere for a day.")
    cancelled: int = strawberry.field(description="Cancelled by the hall, as nothing near was free.")
    finished_at: datetime | None

    @classmethod
    def of(cls, row: models.SessionClosure) -> SessionClosure:
        return cls(
            id=strawberry.ID(str(row.id)),
            category=row.category,
            closes_from=row.closes_from,
            closes_until=row.closes_until,
            reason=row.reason,
            asked_at=row.asked_at,
            bookings=row.bookings,
            moved=row.moved,
            offered=row.offered,
            cancelled=row.cancelled,
            finished_at=row.finished_at,
        )


@strawberry.type(description="上门服务 · A visit to somebody's home, with what one needs to go there.")
class HomeVisit:
    booking_id: strawberry.ID
    starts_at: datetime
    until: datetime
    party: int
    item_keys: list[str]
    receiver: str
    phone: str
    division_code: str
    detail: str

    @classmethod
    def of(cls, visit: home_visits.HomeVisit) -> HomeVisit:
        address = visit.address
        return cls(
            booking_id=strawberry.ID(str(visit.booking_id)),
            starts_at=visit.starts_at,
            until=visit.until,
            party=visit.party,
            item_keys=list(visit.item_keys),
            receiver=address.receiver,
            phone=address.phone,
            division_code=address.division_code,
            detail=address.detail,
        )


ClosurePreviewResult = Annotated[ClosurePreview | Problem, strawberry.union("ClosurePreviewResult")]
SessionClosureResult = Annotated[SessionClosure | Problem, strawberry.union("SessionClosureResult")]


@strawberry.type
class ClosingQuery:
    @lookup(_MANAGERS, "预览关闭 · How many bookings closing would hit, and how many can be moved within the day.")
    async def preview_closure(
        self,
        info: Info,
        service_point: str,
        closes_from: datetime,
        closes_until: datetime,
        category: str = "",
    ) -> ClosurePreviewResult:
        preview = await closing.preview_closure(
            info.context.actor, as_key(service_point), category, closes_from, closes_until
        )
        return ClosurePreview(slots=preview.slots, bookings=preview.bookings, movable=preview.movable)

    @query(_MANAGERS, "关闭记录 · What a hall closed, newest first.")
    async def session_closures(
        self, info: Info, service_point: str, first: int | None = None, after: str | None = None
    ) -> Connection[SessionClosure]:
        limit = page_size(first)
        rows = await closing.closures_of(
            info.context.actor, as_key(service_point), limit=limit + 1, before=key_after(after)
        )
        nodes = [(SessionClosure.of(row), str(row.id)) for row in rows[:limit]]
        return connection_of(nodes, has_more=len(rows) > limit)

    @lookup(_MANAGERS, "关闭进度 · How far one closure is.")
    async def session_closure(self, info: Info, id: strawberry.ID) -> SessionClosureResult:  # noqa: A002 - the schema's word
        return SessionClosure.of(await closing.closure_of(info.context.actor, as_uuid(id)))

    @query(
        staff(Role.WINDOW_ACCEPTOR), "上门服务 · The visits of a day with addresses in full; each look is written down."
    )
    async def home_visits(
        self, info: Info, service_point: str, day: date, first: int | None = None, after: str | None = None
    ) -> Connection[HomeVisit]:
        limit, offset = page_size(first), offset_after(after)
        found = await home_visits.home_visits(
            info.context.actor, as_key(service_point), day, limit=limit, offset=offset
        )
        nodes = [(HomeVisit.of(visit), str(offset + place)) for place, visit in enumerate(found[:limit])]
        return connection_of(nodes, has_more=len(found) > limit)


@strawberry.type
class ClosingMutation:
    @mutation(
        _MANAGERS,
        "关闭时段 · Close a stretch of time at once. Everybody booked in it is moved within the day, or offered another"
        " place; it is not held against them.",
    )
    async def close_session(
        self,
        info: Info,
        service_point: str,
        closes_from: datetime,
        closes_until: datetime,
        reason: str,
        category: str = "",
    ) -> SessionClosureResult:
        closure = await closing.close_session(
            info.context.actor, as_key(service_point), category, closes_from, closes_until, reason
        )
        return SessionClosure.of(closure)
