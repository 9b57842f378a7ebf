"""Without this module nobody could answer who saw or did what (网络安全法 21, GB/T 22239 level three)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from app.kernel import clock
from app.kernel.actor import Actor, ActorKind
from app.kernel.logging import current_request_id


class AuditLine(Model):
    """One act. The table only grows: a trigger of the migrations refuses UPDATE and DELETE."""

    id = fields.BigIntField(primary_key=True)
    at = fields.DatetimeField(db_index=True)
    actor = fields.CharField(max_length=80)
    act = fields.CharField(max_length=60)
    subject = fields.CharField(max_length=120)
    result = fields.CharField(max_length=60)
    detail: dict[str, Any] = fields.JSONField()
    request_id = fields.CharField(max_length=64, null=True)
    person: UUID | None = fields.UUIDField(null=True)
    """Whose matter or data it was: the resident, or the principal of an agent."""

    class Meta:
        table = "audit_line"
        indexes = (("subject", "at"), ("person", "at"))


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

    `person` is whose matter or data it is; it need not be said when a resident is acting.
    """
    await AuditLine.create(
        at=clock.now(),
        actor=actor.reference,
        act=act,
        subject=subject,
        result=result,
        detail=dict(detail or {}),
        request_id=current_request_id(),
        person=person or (actor.resident_id() if actor.kind is ActorKind.RESIDENT else None),
    )
