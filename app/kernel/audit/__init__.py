"""Without this package nobody could answer who saw or did what (网络安全法 21, GB/T 22239 level three).

`record` writes a line in the transaction of the act: an act that cannot be written down is not done. `lines` has the
tables, `encoding` what a line's MAC and hash are made of, `chaining` links the lines afterwards, `verifying` walks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.audit.encoding import MAC_PURPOSE, Line, canonical_of
from app.kernel.audit.lines import AuditLine
from app.kernel.logging import current_request_id
from app.kernel.privacy import key_ring

__all__ = ["Act", "AuditLine", "has_done", "record", "record_all", "record_each"]

_NEXT_IDS = "SELECT nextval('audit_line_id_seq') AS id FROM generate_series(1, $1)"

_INSERT = """
    INSERT INTO audit_line (id, at, actor, act, subject, result, detail, request_id, person, mac)
    SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[],
        $8::text[], $9::uuid[], $10::text[])
"""
_DETAIL = Line._fields.index("detail")


@dataclass(frozen=True)
class Act:
    """What one of several residents did in a transaction they share, with the moment and request of each."""

    actor: Actor
    act: str
    subject: str
    at: datetime
    request_id: str | None


async def record(
    actor: Actor,
    act: str,
    subject: str,
    *,
    result: str = "done",
    detail: Mapping[str, Any] | None = None,
    person: UUID | None = None,
) -> None:
    """Write one line, in the caller's transaction when there is one. `detail` never holds personal data.

    `person` is whose matter or data it is; it need not be said when a resident is acting. What staff do to
    somebody's data carries their title and department of that day: the resident may ask who it was.
    """
    [line_id] = await _take_ids(1)
    await _line(line_id, actor, act, subject, result, detail, person).save(force_create=True)


async def record_each(actor: Actor, act: str, shown: Sequence[tuple[str, UUID]]) -> None:
    """Write one line for each subject and person of a list that somebody was shown, in two statements."""
    ids = await _take_ids(len(shown))
    lines = [
        _line(line_id, actor, act, subject, "done", None, person)
        for line_id, (subject, person) in zip(ids, shown, strict=True)
    ]
    await AuditLine.bulk_create(lines)


async def record_all(acts: Sequence[Act]) -> None:
    """Write one line for each of several residents' acts, in two statements."""
    if not acts:
        return
    sign, lines = key_ring().sign, []
    for line_id, did in zip(await _take_ids(len(acts)), acts, strict=True):
        who = did.actor
        person, actor = who.resident_id(), who.reference
        line = Line(line_id, did.at, actor, did.act, did.subject, "done", {}, did.request_id, person)
        lines.append((*line, sign(MAC_PURPOSE, canonical_of(line))))
    columns = [list(column) for column in zip(*lines, strict=True)]
    columns[_DETAIL] = ["{}"] * len(lines)
    await db.rows(_INSERT, *columns)


async def has_done(actor: Actor, act: str, subject: str) -> bool:
    """Whether this one has done it before: a repeat of theirs is answered with what is done, anybody else's refused."""
    return await AuditLine.filter(subject=subject, act=act, actor=actor.reference).exists()


async def _take_ids(count: int) -> list[int]:
    """Ids are taken first, so that the MAC covers them and no line can be copied."""
    return [row["id"] for row in await db.rows(_NEXT_IDS, count)]


def _line(
    line_id: int,
    actor: Actor,
    act: str,
    subject: str,
    result: str,
    detail: Mapping[str, Any] | None,
    person: UUID | None,
) -> AuditLine:
    said = dict(detail or {})
    if actor.kind is ActorKind.STAFF and person is not None:
        said["by"] = {"title": actor.name, "department": actor.scope.department}
    line = AuditLine(
        id=line_id,
        at=clock.now(),
        actor=actor.reference,
        act=act,
        subject=subject,
        result=result,
        detail=said,
        request_id=current_request_id(),
        person=person or (actor.resident_id() if actor.kind is ActorKind.RESIDENT else None),
    )
    line.mac = key_ring().sign(MAC_PURPOSE, canonical_of(line))
    return line
