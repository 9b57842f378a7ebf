"""Without this module nobody would see their number."""

from __future__ import annotations

from asyncio import gather
from datetime import datetime
from typing import Annotated

import strawberry

from app.catalogue.queries import businesses_by_letter
from app.kernel import clock
from app.links.things import LinkKind, Thing
from app.queueing import models, queries, waits, walk_ins
from app.queueing.rules import TicketChannel, TicketState
from app.queueing.wait_rules import LONGEST_WAIT, Band
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.links.types import Link
from graphql_schema.problems import Problem

strawberry.enum(TicketState)
strawberry.enum(TicketChannel)


@strawberry.type(description="窗口的一项业务 · A business a window takes; priority 1 comes before 2.")
class WindowSkill:
    category: str
    priority: int


@strawberry.input(description="窗口的一项业务 · A business a window is to take; priority 1 comes before 2.")
class WindowSkillSet:
    category: str
    priority: int = 1


@strawberry.type(description="窗口 · A counter of a service point.")
class Window:
    id: strawberry.ID
    number: int
    service_point: str
    categories: list[str]
    open: bool
    paused: bool
    pause_reason: str
    skills: list[WindowSkill] = strawberry.field(description="What it may take at all; none for every business alike.")

    @classmethod
    def of(cls, row: models.Window) -> Window:
        return cls(
            id=strawberry.ID(str(row.id)),
            number=row.number,
            service_point=row.service_point_id,
            categories=row.categories,
            open=row.staff_id is not None,
            paused=row.paused_at is not None,
            pause_reason=row.pause_reason,
            skills=[WindowSkill(category=key, priority=rank) for key, rank in sorted(row.skills.items())],
        )


@strawberry.type(description="预计等候 · How long somebody will wait, as far as can be said.")
class ExpectedWait:
    low: int | None = strawberry.field(description="Minutes; null while no window is open for the business.")
    high: int | None = strawberry.field(description="Minutes; never told more than 240.")
    text: str = strawberry.field(description="The same in words.")

    @classmethod
    def of(cls, band: Band | None, info: Info) -> ExpectedWait:
        if band is None:
            unknown = "目前没有窗口办理这项业务,暂时无法估计等候时间"
            return cls(
                low=None,
                high=None,
                text=info.context.say(unknown, "No window is open for this business now, so nobody can say how long."),
            )
        return cls(low=band.low, high=band.high, text=info.context.say(*_in_words(band)))


def _in_words(band: Band) -> tuple[str, str]:
    if band.high >= LONGEST_WAIT:
        return f"预计等候{band.low}分钟以上", f"Expect to wait {band.low} minutes or more."
    if band.low == 0:
        return f"预计{band.high}分钟以内轮到", f"Expect to be called within {band.high} minutes."
    return f"预计等候{band.low}至{band.high}分钟", f"Expect to wait {band.low} to {band.high} minutes."


@strawberry.type(description="排队号 · A number in today's queue.")
class Ticket:
    id: strawberry.ID
    code: str
    category: str
    channel: TicketChannel
    green: bool = strawberry.field(description="Of the green channel.")
    holder: str = strawberry.field(description="The masked name that screens show; empty when nobody was named.")
    state: TicketState
    calls: int = strawberry.field(description="How often it was called, first call and recalls.")
    transferred_from: str = strawberry.field(description="The code it had in another business; empty for none.")
    taken_at: datetime
    called_at: datetime | None
    row: strawberry.Private[models.Ticket]

    @classmethod
    def of(cls, row: models.Ticket) -> Ticket:
        return cls(
            id=strawberry.ID(str(row.id)),
            code=row.code,
            category=row.category,
            channel=row.channel,
            green=row.green,
            holder=row.holder,
            state=row.state,
            calls=row.calls,
            transferred_from=row.transferred_from,
            taken_at=row.taken_at,
            called_at=row.called_at,
            row=row,
        )

    @computed(batch=businesses_by_letter)
    async def category_name(self, info: Info) -> str:
        business = await info.context.load(businesses_by_letter, self.category)
        return info.context.say(business.name_zh, business.name_en)

    @computed("How many would be called before this number.", batch=queries.people_ahead)
    async def ahead(self, info: Info) -> int:
        return await info.context.load(queries.people_ahead, self.row.id)

    @computed("How long until it is called; null once it was, or when it does not wait.", batch=waits.paces)
    async def expected_wait(self, info: Info) -> ExpectedWait | None:
        if self.row.state is not TicketState.WAITING or self.row.day != clock.today():
            return None
        ahead, pace = await gather(
            info.context.load(queries.people_ahead, self.row.id),
            info.context.load(waits.paces, waits.Business(self.row.service_point_id, self.row.category)),
        )
        return ExpectedWait.of(pace.wait(ahead), info)

    @computed("From outside the app to this number.")
    def link(self) -> Link:
        return Link.to(Thing(LinkKind.TICKET, self.row.id))

    @computed("The window it was called to.", batch=queries.windows_by_id)
    async def window(self, info: Info) -> Window | None:
        if self.row.window_id is None:
            return None
        row = await info.context.load(queries.windows_by_id, self.row.window_id)
        return Window.of(row) if row else None


@strawberry.type(description="新取的号 · A number just taken, and how full it is.")
class TakenNumber:
    ticket: Ticket
    waiting: int = strawberry.field(description="How many wait for the business, with this one.")
    warning: str | None = strawberry.field(description="When more wait than the business can well serve today.")

    @classmethod
    def of(cls, taken: walk_ins.Taken, info: Info) -> TakenNumber:
        warning = info.context.say(
            f"目前等候人数较多({taken.waiting}人),可能需要等较长时间,也可以预约其他时间",
            f"Many people ({taken.waiting}) are waiting: it may take long, or book another time.",
        )
        return cls(ticket=Ticket.of(taken.ticket), waiting=taken.waiting, warning=warning if taken.crowded else None)


@strawberry.type(description="当天已结束 · The day of a hall is over; how many numbers were ended.")
class DayEnded:
    tickets: int


TicketResult = Annotated[Ticket | Problem, strawberry.union("TicketResult")]
WindowResult = Annotated[Window | Problem, strawberry.union("WindowResult")]
TakenNumberResult = Annotated[TakenNumber | Problem, strawberry.union("TakenNumberResult")]
DayEndedResult = Annotated[DayEnded | Problem, strawberry.union("DayEndedResult")]
