"""Without this module nobody would see their number."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.queueing import models, queries
from app.queueing.rules import TicketState
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem

strawberry.enum(TicketState)


@strawberry.type(description="窗口 · A counter of a service point.")
class Window:
    id: strawberry.ID
    number: int
    service_point: str
    categories: list[str]
    open: bool

    @classmethod
    def of(cls, row: models.Window) -> Window:
        return cls(
            id=strawberry.ID(str(row.id)),
            number=row.number,
            service_point=row.service_point_id,
            categories=row.categories,
            open=row.staff_id is not None,
        )


@strawberry.type(description="排队号 · A number in today's queue.")
class Ticket:
    id: strawberry.ID
    code: str
    state: TicketState
    taken_at: datetime
    called_at: datetime | None
    row: strawberry.Private[models.Ticket]

    @classmethod
    def of(cls, row: models.Ticket) -> Ticket:
        return cls(
            id=strawberry.ID(str(row.id)),
            code=row.code,
            state=row.state,
            taken_at=row.taken_at,
            called_at=row.called_at,
            row=row,
        )

    @computed("How many wait before this number.", batch=queries.people_ahead)
    async def ahead(self, info: Info) -> int:
        return await info.context.load(queries.people_ahead, self.row.id)

    @computed("The window it was called to.", batch=queries.windows_by_id)
    async def window(self, info: Info) -> Window | None:
        if self.row.window_id is None:
            return None
        row = await info.context.load(queries.windows_by_id, self.row.window_id)
        return Window.of(row) if row else None


TicketResult = Annotated[Ticket | Problem, strawberry.union("TicketResult")]
WindowResult = Annotated[Window | Problem, strawberry.union("WindowResult")]
