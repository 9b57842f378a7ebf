"""Without this module a joined account could not see what became of what the other wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.identity.ports import Fate, Kind, Reason, Retention
from app.kernel import db
from app.texts.models import TextCheck
from app.texts.reviewing import written

_PURGE = """
    DELETE FROM text_check WHERE id IN (
        SELECT id FROM text_check WHERE standing <> 'WITHHELD' AND checked_at < $1 LIMIT 1000
    ) RETURNING id
"""


class Holdings:
    """What platforms and reviewers said of residents' words. The words are their matter's; a copy that waits goes.

    Withheld words stay withheld for as long as their matter is kept.
    """

    rank = 4
    kinds: Mapping[str, Kind] = {
        "checks": Kind(
            "文字内容检查记录", "checks of written words", Fate.KEPT, "《网络安全法》第四十七条:保存有关记录"
        ),
    }
    retention: tuple[Retention, ...] = (
        Retention("checks", 1095, "《网络安全法》第四十七条、《民法典》第一百八十八条:自检查起三年"),
    )

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:
        return {"checks": await TextCheck.filter(resident_id=absorbed).update(resident_id=survivor)}

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:  # noqa: ARG002 - a text keeps nobody
        return ()

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        return {"checks": await TextCheck.filter(resident_id=resident_id).update(text_sealed=None)}

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        return {"checks": [_check(row) for row in await TextCheck.filter(resident_id=resident_id).order_by("id")]}

    async def purge(self, kind: str, before: datetime) -> int:  # noqa: ARG002 - there is one kind
        return len(await db.rows(_PURGE, before))


def _check(row: TextCheck) -> dict[str, object]:
    return {
        "id": row.id,
        "kind": row.kind,
        "waiting": written(row),
        "standing": row.standing,
        "concern": row.concern,
        "provider": row.provider,
        "trace": row.trace,
        "checked_at": row.checked_at,
        "decided_at": row.decided_at,
    }
