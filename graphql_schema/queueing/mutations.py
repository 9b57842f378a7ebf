"""Without this module no window could call a number."""

from __future__ import annotations

import strawberry

from app.identity.rules import Role
from app.queueing import commands, leaving, rejoining, transfers, windows
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, mutation, staff
from graphql_schema.queueing.types import (
    DayEnded,
    DayEndedResult,
    Ticket,
    TicketResult,
    Window,
    WindowResult,
    WindowSkillSet,
)
from graphql_schema.scalars import as_key, as_uuid

_WINDOW_STAFF = staff(Role.WINDOW_ACCEPTOR)
_MANAGER = staff(Role.DEPARTMENT_MANAGER)


@strawberry.type
class QueueingMutation:
    @mutation(_WINDOW_STAFF, "开窗 · Sit down at a window, for all of its businesses or for some.")
    async def open_window(
        self, info: Info, service_point: str, number: int, categories: list[str] | None = None
    ) -> WindowResult:
        window = await windows.open_window(info.context.actor, as_key(service_point), number, tuple(categories or ()))
        return Window.of(window)

    @mutation(_WINDOW_STAFF, "关窗 · Leave the window one sits at.")
    async def close_window(self, info: Info) -> WindowResult:
        return Window.of(await windows.close_window(info.context.actor))

    @mutation(_WINDOW_STAFF, "暂停 · Call nobody for a while, and say why.")
    async def pause_window(self, info: Info, reason: str) -> WindowResult:
        return Window.of(await windows.pause_window(info.context.actor, reason))

    @mutation(_WINDOW_STAFF, "恢复 · End the pause of one's window.")
    async def unpause_window(self, info: Info) -> WindowResult:
        return Window.of(await windows.unpause_window(info.context.actor))

    @mutation(_MANAGER, "窗口业务 · Say which businesses a window takes, and in which order; none for all alike.")
    async def set_window_skills(
        self, info: Info, service_point: str, number: int, skills: list[WindowSkillSet]
    ) -> WindowResult:
        wanted = {skill.category: skill.priority for skill in skills}
        window = await windows.set_window_skills(info.context.actor, as_key(service_point), number, wanted)
        return Window.of(window)

    @mutation(_WINDOW_STAFF, "叫号 · Call the next number to one's window.")
    async def call_next(self, info: Info) -> TicketResult:
        return Ticket.of(await commands.call_next(info.context.actor))

    @mutation(_WINDOW_STAFF, "重呼 · Call a number once more that nobody answered.")
    async def recall_ticket(self, info: Info, ticket_id: strawberry.ID) -> TicketResult:
        return Ticket.of(await commands.recall(info.context.actor, as_uuid(ticket_id)))

    @mutation(_WINDOW_STAFF, "开始办理 · The called person is at the window.")
    async def start_serving(self, info: Info, ticket_id: strawberry.ID) -> TicketResult:
        return Ticket.of(await commands.start_serving(info.context.actor, as_uuid(ticket_id)))

    @mutation(_WINDOW_STAFF, "办结 · The visit is over.")
    async def finish_serving(self, info: Info, ticket_id: strawberry.ID) -> TicketResult:
        return Ticket.of(await commands.finish_serving(info.context.actor, as_uuid(ticket_id)))

    @mutation(_WINDOW_STAFF, "过号 · Nobody came to the window; the number may rejoin.")
    async def pass_ticket(self, info: Info, ticket_id: strawberry.ID) -> TicketResult:
        return Ticket.of(await commands.pass_ticket(info.context.actor, as_uuid(ticket_id)))

    @mutation(_WINDOW_STAFF, "挂起 · Put the visit aside; the window is free for the next.")
    async def hang_ticket(self, info: Info, ticket_id: strawberry.ID) -> TicketResult:
        return Ticket.of(await transfers.hang(info.context.actor, as_uuid(ticket_id)))

    @mutation(_WINDOW_STAFF, "回呼 · Go on at one's free window with a visit that was put aside.")
    async def resume_ticket(self, info: Info, ticket_id: strawberry.ID) -> TicketResult:
        return Ticket.of(await transfers.resume(info.context.actor, as_uuid(ticket_id)))

    @mutation(_WINDOW_STAFF, "转移 · Send a number to another business of the hall; it keeps its time.")
    async def transfer_ticket(self, info: Info, ticket_id: strawberry.ID, category: str) -> TicketResult:
        return Ticket.of(await transfers.transfer(info.context.actor, as_uuid(ticket_id), category))

    @mutation(_WINDOW_STAFF, "弃号 · End a number that will not be served; it is not held against its holder.")
    async def abandon_ticket(self, info: Info, ticket_id: strawberry.ID) -> TicketResult:
        return Ticket.of(await leaving.abandon_ticket(info.context.actor, as_uuid(ticket_id)))

    @mutation(RESIDENTS, "离开 · Give up one's number.")
    async def leave_queue(self, info: Info, ticket_id: strawberry.ID) -> TicketResult:
        return Ticket.of(await leaving.leave(info.context.actor, as_uuid(ticket_id)))

    @mutation(RESIDENTS, "重新排队 · Queue again with a passed number, some calls behind.")
    async def rejoin_queue(self, info: Info, ticket_id: strawberry.ID) -> TicketResult:
        return Ticket.of(await rejoining.rejoin(info.context.actor, as_uuid(ticket_id)))

    @mutation(_WINDOW_STAFF, "重新排队 · The same at the desk, for who holds a passed number of today in hand.")
    async def rejoin_at_desk(self, info: Info, service_point: str, code: str) -> TicketResult:
        return Ticket.of(await rejoining.rejoin_at_desk(info.context.actor, as_key(service_point), code))

    @mutation(_MANAGER, "结束当天 · End every number of a hall's day, once it has closed.")
    async def end_day(self, info: Info, service_point: str) -> DayEndedResult:
        return DayEnded(tickets=await leaving.end_day(info.context.actor, as_key(service_point)))
