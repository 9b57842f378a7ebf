"""Without this module a clerk who comes back to the desk would not know whom they were serving."""

from __future__ import annotations

import strawberry

from app.identity.rules import Role
from app.queueing import queries
from graphql_schema.context import Info
from graphql_schema.guards import query, staff
from graphql_schema.queueing.types import Ticket, Window


@strawberry.type
class WindowDesk:
    window: Window
    ticket: Ticket | None = strawberry.field(description="Who is being called or served.")


@strawberry.type
class QueueingQuery:
    @query(staff(Role.WINDOW_ACCEPTOR), "我的窗口 · The window I sit at and who is there.")
    async def my_window(self, info: Info) -> WindowDesk:
        window = await queries.window_of(info.context.actor)
        ticket = await queries.ticket_at(window.id)
        return WindowDesk(window=Window.of(window), ticket=Ticket.of(ticket) if ticket else None)
