"""Without this module nobody would get a number, and no window could call one."""

from __future__ import annotations

import strawberry

from app.identity.rules import Role
from app.queueing import commands, windows
from graphql_schema.context import Info
from graphql_schema.guards import mutation, staff
from graphql_schema.queueing.types import Ticket, TicketResult, Window, WindowResult
from graphql_schema.scalars import as_key, as_uuid

_WINDOW_STAFF = staff(Role.WINDOW_ACCEPTOR)


@strawberry.type
class QueueingMutation:
    @mutation(_WINDOW_STAFF, "开窗 · Sit down at a window, for all of the hall's businesses or for some.")
    async def open_window(
        self, info: Info, service_point: str, number: int, categories: list[str] | None = None
    ) -> WindowResult:
        window = await windows.open_window(info.context.actor, as_key(service_point), number, tuple(categories or ()))
        return Window.of(window)

    @mutation(_WINDOW_STAFF, "关窗 · Leave the window one sits at.")
    async def close_window(self, info: Info) -> WindowResult:
        return Window.of(await windows.close_window(info.context.actor))

    @mutation(_WINDOW_STAFF, "叫号 · Call the next number to one's window.")
    async def call_next(self, info: Info) -> TicketResult:
        return Ticket.of(await commands.call_next(info.context.actor))

    @mutation(_WINDOW_STAFF, "开始办理 · The called person is at the window.")
    async def start_serving(self, info: Info, ticket_id: strawberry.ID) -> TicketResult:
        return Ticket.of(await commands.start_serving(info.context.actor, as_uuid(ticket_id)))

    @mutation(_WINDOW_STAFF, "办结 · The visit is over.")
    async def finish_serving(self, info: Info, ticket_id: strawberry.ID) -> TicketResult:
        return Ticket.of(await commands.finish_serving(info.context.actor, as_uuid(ticket_id)))

    @mutation(_WINDOW_STAFF, "过号 · Nobody came to the window.")
    async def pass_ticket(self, info: Info, ticket_id: strawberry.ID) -> TicketResult:
        return Ticket.of(await commands.pass_ticket(info.context.actor, as_uuid(ticket_id)))
