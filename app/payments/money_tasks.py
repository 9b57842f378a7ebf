"""Without this module a difference about money would be a line in a log. Each is a task until somebody settles it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from app.kernel import clock, db
from app.kernel.facts.publishing import publish, publish_each
from app.payments.events import MoneyTaskOpened
from app.payments.models import MoneyTask
from app.payments.words import TaskKind, TaskState

_OPEN = """
    INSERT INTO money_task (id, kind, subject, channel, day, unit, ours_fen, theirs_fen, detail, opened_at,
                            state, resolution)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::jsonb, $10, 'OPEN', '')
    ON CONFLICT (kind, subject) DO NOTHING RETURNING id
"""
_OPEN_EACH = """
    INSERT INTO money_task (id, kind, subject, channel, day, unit, ours_fen, theirs_fen, detail, opened_at,
                            state, resolution)
    SELECT wanted.id, kind, subject, $1, $2::date, unit, ours, theirs, detail::jsonb, $3::timestamptz, 'OPEN', ''
    FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::text[])
        AS wanted (id, kind, subject, unit, ours, theirs, detail)
    ON CONFLICT (kind, subject) DO UPDATE
    SET state = 'OPEN', opened_at = EXCLUDED.opened_at, closed_at = NULL, closed_by_id = NULL, resolution = '',
        ours_fen = EXCLUDED.ours_fen, theirs_fen = EXCLUDED.theirs_fen, detail = EXCLUDED.detail
    WHERE (money_task.ours_fen, money_task.theirs_fen) IS DISTINCT FROM (EXCLUDED.ours_fen, EXCLUDED.theirs_fen)
    RETURNING id
"""
_AT_ONCE = 1_000
_REOPEN = _OPEN.replace(
    "DO NOTHING",
    """DO UPDATE SET state = 'OPEN', opened_at = EXCLUDED.opened_at, closed_at = NULL, closed_by_id = NULL,
        resolution = '', ours_fen = EXCLUDED.ours_fen, theirs_fen = EXCLUDED.theirs_fen, detail = EXCLUDED.detail
    WHERE money_task.state <> 'OPEN'""",
)


@dataclass(frozen=True)
class Wanted:
    """A task of a channel's day that is to be opened."""

    kind: TaskKind
    subject: str
    ours_fen: int | None = None
    theirs_fen: int | None = None
    unit: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)


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
    return await _open(_OPEN, kind, subject, channel, day, unit, ours_fen, theirs_fen, detail)


async def open_anew(
    kind: TaskKind,
    subject: str,
    channel: str = "",
    *,
    unit: str = "",
    ours_fen: int | None = None,
    theirs_fen: int | None = None,
    **detail: object,
) -> bool:
    """The same for what can happen again to the same subject: a task that was closed is open again."""
    return await _open(_REOPEN, kind, subject, channel, None, unit, ours_fen, theirs_fen, detail)


async def _open(
    sql: str,
    kind: TaskKind,
    subject: str,
    channel: str,
    day: date | None,
    unit: str,
    ours_fen: int | None,
    theirs_fen: int | None,
    detail: Mapping[str, object],
) -> bool:
    values = (kind.value, subject, channel, day, unit, ours_fen, theirs_fen, db.json_text(detail), clock.now())
    made = await db.row(sql, db.new_id(), *values)
    if made is None:
        return False
    await publish(MoneyTaskOpened(made["id"]))
    return True


async def open_each(channel: str, day: date, wanted: Sequence[Wanted]) -> int:
    """Ask for a person about several things of a day, in a statement for each thousand; gives how many are new.

    What was closed stays closed, unless it is about other amounts now. In the caller's transaction.
    """
    opened = 0
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        made = await db.rows(
            _OPEN_EACH,
            channel,
            day,
            clock.now(),
            [db.new_id() for _ in some],
            [each.kind.value for each in some],
            [each.subject for each in some],
            [each.unit for each in some],
            [each.ours_fen for each in some],
            [each.theirs_fen for each in some],
            [db.json_text(each.detail) for each in some],
        )
        await publish_each([(MoneyTaskOpened(row["id"]), None) for row in made])
        opened += len(made)
    return opened


async def settle_by_itself(subject: str, *kinds: TaskKind) -> int:
    """Close the open tasks about something that the provider's word has made good; gives how many."""
    about = MoneyTask.filter(subject=subject, state=TaskState.OPEN)
    about = about.filter(kind__in=kinds) if kinds else about
    return await about.update(state=TaskState.SETTLED, closed_at=clock.now())
