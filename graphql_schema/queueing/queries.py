"""Without this module a clerk who comes back to the desk would not know whom they were serving."""

from __future__ import annotations

from asyncio import gather

import strawberry

from app.booking.queries import items_of_bookings
from app.cases.queries import case_numbers
from app.identity.rules import Role
from app.queueing import models, queries
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.guards import RESIDENTS, query, staff
from graphql_schema.queueing.types import Ticket, Window


@strawberry.type(description="到场要办的一件事 · One thing the person at the window comes for.")
class VisitFor:
    item_key: str
    case_id: strawberry.ID | None
    case_number: str | None


@strawberry.type(description="等候人数 · How many wait for a business.")
class WaitingFor:
    category: str
    count: int


@strawberry.type(description="窗口屏 · All that the screen of a window shows.")
class WindowDesk:
    window: Window
    ticket: Ticket | None = strawberry.field(description="Who is being called or served.")
    waiting: list[WaitingFor]
    upcoming: list[str] = strawberry.field(description="The codes it would call next.")
    hung: list[Ticket] = strawberry.field(description="Visits put aside that this window may go on with.")
    row: strawberry.Private[models.Ticket | None]

    @computed("What the visit was booked for; empty for who came without a booking.", batch=items_of_bookings)
    async def visit_for(self, info: Info) -> list[VisitFor]:
        if self.row is None or self.row.booking_id is None:
            return []
        items = await info.context.load(items_of_bookings, self.row.booking_id)
        cases = [item.case_id for item in items if item.case_id]
        found = await gather(*(info.context.load(case_numbers, case) for case in cases))
        numbers = dict(zip(cases, found, strict=True))
        return [
            VisitFor(
                item_key=item.item_key,
                case_id=strawberry.ID(str(item.case_id)) if item.case_id else None,
                case_number=numbers.get(item.case_id) if item.case_id else None,
            )
            for item in items
        ]


@strawberry.type
class QueueingQuery:
    @query(staff(Role.WINDOW_ACCEPTOR), "我的窗口 · The window I sit at, who is there and who waits.")
    async def my_window(self, info: Info) -> WindowDesk:
        desk = await queries.desk_of(info.context.actor)
        return WindowDesk(
            window=Window.of(desk.window),
            ticket=Ticket.of(desk.ticket) if desk.ticket else None,
            waiting=[WaitingFor(category=category, count=count) for category, count in desk.waiting.items()],
            upcoming=list(desk.upcoming),
            hung=[Ticket.of(row) for row in desk.hung],
            row=desk.ticket,
        )

    @query(RESIDENTS, "我的排队号 · My numbers of today, with how many are ahead.")
    async def my_tickets(self, info: Info) -> list[Ticket]:
        return [Ticket.of(row) for row in await queries.my_tickets(info.context.actor)]
