"""Without this module nobody could look through what is wrong about money, or say that it is seen to."""

from __future__ import annotations

from datetime import date

import strawberry

from app.identity.rules import Role
from app.payments.reconciling import closing
from app.payments.words import TaskKind, TaskState
from graphql_schema.context import Info
from graphql_schema.guards import mutation, query, staff
from graphql_schema.paging import Connection, connection_of, key_after, page_size
from graphql_schema.payments.task_types import MoneyTask, MoneyTaskResult
from graphql_schema.scalars import as_uuid

_CASHIERS = staff(Role.CASHIER)


@strawberry.type
class MoneyTasksQuery:
    @query(_CASHIERS, "待处理差异 · What needs a person about the money of my units, newest first.")
    async def money_tasks(
        self,
        info: Info,
        state: TaskState | None = None,
        kind: TaskKind | None = None,
        channel: str | None = None,
        day: date | None = None,
        unit: str | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Connection[MoneyTask]:
        size, sought = page_size(first), closing.Sought(state, kind, channel, day, unit)
        rows = await closing.tasks_at_work(info.context.actor, sought, limit=size + 1, before=key_after(after))
        return connection_of([(MoneyTask.of(row), str(row.id)) for row in rows[:size]], has_more=len(rows) > size)


@strawberry.type
class MoneyTasksMutation:
    @mutation(_CASHIERS, "处理差异 · Close a task, saying how it was seen to.")
    async def close_money_task(self, info: Info, id: strawberry.ID, resolution: str) -> MoneyTaskResult:  # noqa: A002 - the schema's word
        return MoneyTask.of(await closing.close_task(info.context.actor, as_uuid(id), resolution))
