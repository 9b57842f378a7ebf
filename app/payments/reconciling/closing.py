"""Without this module nobody would see to a difference, and it would stay one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from tortoise.queryset import QuerySet

from app.catalogue.models import Department
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor, Scope
from app.kernel.errors import InvalidInput, NotFound
from app.payments.models import MoneyTask
from app.payments.reconciling.errors import DaySignedOff, TaskClosed
from app.payments.reconciling.statements import locked_statement, tell_state
from app.payments.words import StatementState, TaskKind, TaskState

LONGEST_RESOLUTION = 200
_BILL_NUMBERS = """
    SELECT place, number FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (subject, order_no, place),
    LATERAL (
        SELECT bill_id FROM payment_attempt AS attempt WHERE attempt.order_no = wanted.order_no
        UNION ALL SELECT bill_id FROM payment_attempt WHERE id = substring(subject FROM '^payment:(.{36})$')::uuid
        UNION ALL SELECT bill_id FROM refund WHERE id = substring(subject FROM '^refund:(.{36})$')::uuid
        UNION ALL SELECT substring(subject FROM '^bill:(.{36})$')::uuid
    ) AS found JOIN bill ON bill.id = found.bill_id
"""


@dataclass(frozen=True)
class Sought:
    """Which tasks; what is None does not matter."""

    state: TaskState | None = None
    kind: TaskKind | None = None
    channel: str | None = None
    day: date | None = None
    unit: str | None = None


async def tasks_at_work(actor: Actor, sought: Sought, *, limit: int, before: UUID | None) -> list[MoneyTask]:
    """Tasks about money of the units a cashier works for, newest first; of no unit, for who works for all of the city.

    Raises `NotAllowed`.
    """
    found = await _at_work(actor)
    wanted = {name: value for name, value in vars(sought).items() if value is not None}
    found = found.filter(**wanted)
    if before is not None:
        found = found.filter(id__lt=before)
    return await found.order_by("-id").limit(limit)


async def bill_numbers_of(abouts: Sequence[tuple[str, str]]) -> list[str | None]:
    """The payment code of the bill each task is about, by its subject and the order of a line of an account.

    In key order; None where there is no bill of ours.
    """
    rows = await db.rows(_BILL_NUMBERS, [subject for subject, _ in abouts], [order for _, order in abouts])
    found = {row["place"]: row["number"] for row in rows}
    return [found.get(place) for place in range(1, len(abouts) + 1)]


async def _at_work(actor: Actor) -> QuerySet[MoneyTask]:
    actor.staff_id(Role.CASHIER)
    scope = actor.scope
    if scope == Scope():
        return MoneyTask.all()
    units = Department.filter(division_code__startswith=scope.division)
    units = units.filter(key=scope.department) if scope.department else units
    return MoneyTask.filter(unit__in=await units.values_list("key", flat=True))


async def task_at_work(actor: Actor, task_id: UUID) -> MoneyTask:
    """Raises `NotAllowed`, or `NotFound` alike for none and for another unit's."""
    task = await (await _at_work(actor)).get_or_none(id=task_id)
    if task is None:
        raise NotFound(what_zh="这项待处理事项", what_en="task")
    return task


async def close_task(actor: Actor, task_id: UUID, resolution: str) -> MoneyTask:
    """A cashier has seen to a task and says how; the same words again by the same one are harmless.

    Raises `NotAllowed`, `NotFound` (also of another unit), `InvalidInput` without words, `TaskClosed` or
    `DaySignedOff`.
    """
    said = _checked(resolution)
    seen = await task_at_work(actor, task_id)
    async with db.transaction():
        statement = await locked_statement(seen.channel, seen.day) if seen.day else None
        task = await MoneyTask.select_for_update().get(id=task_id)
        if (task.state, task.closed_by_id, task.resolution) == (TaskState.DONE, actor.staff_id(), said):
            return task
        if statement is not None and statement.state is StatementState.SIGNED_OFF:
            raise DaySignedOff
        await finish(task, actor, said)
        if statement is not None:
            await tell_state(statement)
    return task


def _checked(resolution: str) -> str:
    said = resolution.strip()
    if not 2 <= len(said) <= LONGEST_RESOLUTION:
        raise InvalidInput(
            field="resolution",
            reason_zh=f"请用2至{LONGEST_RESOLUTION}个字说明处理结果",
            reason_en=f"say in 2 to {LONGEST_RESOLUTION} characters what was done",
        )
    return said


async def finish(task: MoneyTask, actor: Actor, resolution: str) -> None:
    """Close a locked task by a person. Raises `TaskClosed`."""
    if task.state is not TaskState.OPEN:
        raise TaskClosed
    task.state, task.resolution = TaskState.DONE, resolution
    task.closed_at, task.closed_by_id = clock.now(), actor.staff_id()
    await task.save(update_fields=["state", "resolution", "closed_at", "closed_by_id"])
    detail = {"kind": task.kind.value, "about": task.subject}
    await audit.record(actor, "money_task.closed", f"money_task:{task.id}", detail=detail)
