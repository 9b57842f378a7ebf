"""Without this module a lost parcel would be a row in a table. Each trouble is a task until somebody sees to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.cases.commands import record_returned
from app.cases.models import Case
from app.delivery.contents import carried, locked_with_cases
from app.delivery.errors import TaskAlreadyDone
from app.delivery.models import DeliveryTask, Parcel
from app.delivery.ports import ParcelState
from app.delivery.queries import parcels_in
from app.delivery.words import SETTLEMENT_KINDS, Direction, TaskKind, TaskState
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor, Scope
from app.kernel.errors import InvalidInput, NotFound

LONGEST_REMARK = 200
PICKED_UP_ALL_THE_SAME = "订单已取消或失败,但快递员仍揽收了包裹"
DESK = (Role.ISSUER,)
ACCOUNTS = (Role.CASHIER, Role.DEPARTMENT_MANAGER)

_OPEN = """
    INSERT INTO delivery_task (id, kind, subject, parcel_id, detail, state, opened_at, remark)
    VALUES ($1, $2, $3, $4, $5::text::jsonb, 'OPEN', $6, '')
    ON CONFLICT (kind, subject) DO UPDATE
    SET state = 'OPEN', opened_at = EXCLUDED.opened_at, closed_at = NULL, closed_by_id = NULL, remark = '',
        detail = EXCLUDED.detail
    WHERE delivery_task.detail IS DISTINCT FROM EXCLUDED.detail
    RETURNING id
"""


@dataclass(frozen=True)
class Sought:
    """Which tasks; what is None does not matter."""

    state: TaskState | None = None
    kind: TaskKind | None = None


async def open_task(kind: TaskKind, subject: str, parcel_id: UUID | None = None, **detail: object) -> bool:
    """Ask for a person; gives whether it is new. In the caller's transaction.

    Once for each kind and subject: what was closed stays closed, unless its detail is another now.
    """
    return (
        await db.row(_OPEN, db.new_id(), kind.value, subject, parcel_id, db.json_text(detail), clock.now()) is not None
    )


async def settle_by_itself(parcel_id: UUID, *kinds: TaskKind) -> int:
    """Close the open tasks about a parcel that its way has made good; gives how many."""
    about = DeliveryTask.filter(parcel_id=parcel_id, state=TaskState.OPEN, kind__in=kinds)
    return await about.update(state=TaskState.DONE, closed_at=clock.now())


def _kinds_for(actor: Actor) -> frozenset[TaskKind]:
    actor.staff_id(*DESK, *ACCOUNTS)
    seen: frozenset[TaskKind] = frozenset()
    if actor.roles & set(DESK):
        seen |= frozenset(TaskKind) - SETTLEMENT_KINDS
    if actor.roles & set(ACCOUNTS):
        seen |= SETTLEMENT_KINDS
    return seen


async def tasks_at_work(actor: Actor, sought: Sought, *, limit: int, before: UUID | None) -> list[DeliveryTask]:
    """Tasks about parcels of an actor's part of the city, newest first; about none, for who works for all of it.

    The desk sees what happened on the way, who keeps the accounts what carriers bill. Raises `NotAllowed`.
    """
    found = DeliveryTask.filter(kind__in=_kinds_for(actor))
    if actor.scope != Scope():
        found = found.filter(parcel_id__in=await parcels_in(actor.scope).values_list("id", flat=True))
    found = found.filter(**{name: value for name, value in vars(sought).items() if value is not None})
    if before is not None:
        found = found.filter(id__lt=before)
    return await found.order_by("-id").limit(limit)


async def close_task(actor: Actor, task_id: UUID, remark: str) -> DeliveryTask:
    """Somebody has seen to a task and says how. Of a lost result they have made it anew: its cases wait at the desk.

    Raises `NotAllowed`, `NotFound` (also elsewhere), `InvalidInput` without words, or `TaskAlreadyDone`.
    """
    kinds, said = _kinds_for(actor), remark.strip()
    if not 2 <= len(said) <= LONGEST_REMARK:
        raise InvalidInput(
            field="remark",
            reason_zh=f"请用2至{LONGEST_REMARK}个字说明处理结果",
            reason_en=f"say in 2 to {LONGEST_REMARK} characters what was done",
        )
    async with db.transaction():
        seen = await DeliveryTask.get_or_none(id=task_id, kind=TaskKind.LOST)
        lost = await locked_with_cases(seen.parcel_id) if seen is not None and seen.parcel_id is not None else None
        task = await DeliveryTask.filter(id=task_id, kind__in=kinds).select_for_update().first()
        if task is None or not await _is_here(actor, task):
            raise NotFound(what_zh="这项待处理事项", what_en="task")
        if task.state is not TaskState.OPEN:
            raise TaskAlreadyDone
        task.state, task.remark = TaskState.DONE, said
        task.closed_at, task.closed_by_id = clock.now(), actor.staff_id()
        await task.save(update_fields=["state", "remark", "closed_at", "closed_by_id"])
        if lost is not None:
            await _wait_again(actor, *lost)
        detail = {"kind": task.kind.value, "about": task.subject}
        await audit.record(actor, "delivery_task.closed", f"delivery_task:{task.id}", detail=detail)
    return task


async def _wait_again(actor: Actor, parcel: Parcel, cases: Sequence[Case]) -> None:
    if parcel.direction is Direction.RESULT_TO_APPLICANT and parcel.state is ParcelState.LOST:
        for case in await carried(parcel, cases):
            await record_returned(actor, case)


async def _is_here(actor: Actor, task: DeliveryTask) -> bool:
    if actor.scope == Scope():
        return True
    return task.parcel_id is not None and await parcels_in(actor.scope).filter(id=task.parcel_id).exists()
