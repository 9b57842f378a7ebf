"""Without this module a difference about money could not be shown."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import strawberry

from app.payments import models
from app.payments.reconciling.closing import bill_numbers_of
from app.payments.words import TASK_WORDS, TaskKind, TaskState
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem
from graphql_schema.scalars import FenSum

strawberry.enum(TaskKind, name="MoneyTaskKind")
strawberry.enum(TaskState, name="MoneyTaskState")


@strawberry.type(description="待处理差异 · Something about money that needs a person, or needed one. Amounts in fen.")
class MoneyTask:
    id: strawberry.ID
    kind: TaskKind
    state: TaskState
    about: str = strawberry.field(description="The payment, refund or line of an account it is about.")
    channel: str
    day: date | None
    unit: str = strawberry.field(description="Key of the collecting unit; empty when it is nobody's.")
    ours_fen: FenSum | None
    theirs_fen: FenSum | None
    code: str = strawberry.field(description="What the platform answered, where that is the matter; empty otherwise.")
    opened_at: datetime
    closed_at: datetime | None
    resolution: str = strawberry.field(description="How a person closed it.")
    row: strawberry.Private[models.MoneyTask]

    @classmethod
    def of(cls, row: models.MoneyTask) -> MoneyTask:
        return cls(
            id=strawberry.ID(str(row.id)),
            kind=row.kind,
            state=row.state,
            about=row.subject,
            channel=row.channel,
            day=row.day,
            unit=row.unit,
            ours_fen=_sum(row.ours_fen),
            theirs_fen=_sum(row.theirs_fen),
            code=str(row.detail.get("code", "")),
            opened_at=row.opened_at,
            closed_at=row.closed_at,
            resolution=row.resolution,
            row=row,
        )

    @computed("What the matter is, in plain words.")
    def kind_text(self, info: Info) -> str:
        return info.context.say(*TASK_WORDS[self.kind])

    @computed("缴款码 · Of the bill it is about; null where we know of none.", batch=bill_numbers_of)
    async def bill_number(self, info: Info) -> str | None:
        return await info.context.load(bill_numbers_of, (self.about, str(self.row.detail.get("order_no", ""))))


def _sum(fen: int | None) -> FenSum | None:
    return None if fen is None else FenSum(fen)


MoneyTaskResult = Annotated[MoneyTask | Problem, strawberry.union("MoneyTaskResult")]
