"""Without this module the audit lines could be written but never read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.identity.rules import Role
from app.kernel import audit, db
from app.kernel.actor import Actor, Scope
from app.kernel.audit import AuditLine
from app.kernel.errors import InvalidInput, NotAllowed

_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,120}")
_WORDS = ("actor", "subject", "act")


@dataclass(frozen=True)
class Sought:
    """What an auditor asks for; what is None does not matter. `since` is included, `until` is not."""

    person: UUID | None = None
    actor: str | None = None
    subject: str | None = None
    act: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def words(self) -> dict[str, str]:
        """The asked-for actor, subject and act. Raises `InvalidInput` for text no line holds."""
        given = {name: str(value) for name in _WORDS if (value := getattr(self, name)) is not None}
        for name, value in given.items():
            if not _WORD.fullmatch(value):
                raise InvalidInput(
                    field=name, reason_zh="请按记录中的原样填写", reason_en="give it exactly as the lines show it"
                )
        return given


@dataclass(frozen=True)
class AuditPage:
    lines: list[AuditLine]
    has_more: bool


async def audit_lines(actor: Actor, sought: Sought, *, limit: int, before: int | None) -> AuditPage:
    """Lines that fit, newest first; the look is a line of its own.

    For auditors of the whole city: an act belongs to no division. Raises `NotAllowed` or `InvalidInput`.
    """
    actor.staff_id(Role.AUDITOR)
    if actor.scope != Scope():
        raise NotAllowed
    words = sought.words()
    query = AuditLine.filter(**words)
    if sought.person is not None:
        query = query.filter(person=sought.person)
    if sought.since is not None:
        query = query.filter(at__gte=sought.since)
    if sought.until is not None:
        query = query.filter(at__lt=sought.until)
    if before is not None:
        query = query.filter(id__lt=before)
    async with db.transaction():
        found = await query.order_by("-id").limit(limit + 1)
        times = {"since": sought.since, "until": sought.until}
        asked = words | {name: moment.isoformat() for name, moment in times.items() if moment is not None}
        await audit.record(actor, "audit.read", "audit", detail=asked, person=sought.person)
    return AuditPage(found[:limit], has_more=len(found) > limit)
