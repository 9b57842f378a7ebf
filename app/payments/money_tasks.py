"""Without this module a difference about money would be a line in a log. Each is a task until somebody settles it."""

from __future__ import annotations

from datetime import date

from app.kernel import clock, db
from app.kernel.facts.publishing import publish
from app.payments.events import MoneyTaskOpened
from app.payments.models import MoneyTask
from app.payments.words import TaskKind, TaskState

_OPEN = """
    INSERT INTO money_task (id, kind, subject, channel, day, unit, ours_fen, theirs_fen, detail, opened_at,
                            state, resolution)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::jsonb, $10, 'OPEN', '')
    ON CONFLICT (kind, subject) DO NOTHING RETURNING id
"""


async def open_task(
    kind: TaskKind,
    subject: str,
    channel: str = "",
    *,
    day: date | None = None,
    unit: str = "",
    ours_fen: int | None = None,
    theirs_fen: int | None = None,
    **detail: object,
) -> bool:
    """Ask for a person, once for each kind and subject; gives whether it is new. In the caller's transaction."""
    values = (kind.value, subject, channel, day, unit, ours_fen, theirs_fen, db.json_text(detail), clock.now())
    made = await db.row(_OPEN, db.new_id(), *values)
    if made is None:
        return False
    await publish(MoneyTaskOpened(made["id"]))
    return True


async def settle_by_itself(subject: str, *kinds: TaskKind) -> int:
    """Close the open tasks about something that the provider's word has made good; gives how many."""
    about = MoneyTask.filter(subject=subject, state=TaskState.OPEN)
    about = about.filter(kind__in=kinds) if kinds else about
    return await about.update(state=TaskState.SETTLED, closed_at=clock.now())
