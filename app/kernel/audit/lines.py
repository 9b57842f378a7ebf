"""Without this module the audit would have no tables; triggers of the migrations let all three only grow."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model


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

    mac = fields.CharField(max_length=200, default="", db_default="")
    """`key.hex` over all the other columns; empty in lines older than the chain."""

    class Meta:
        table = "audit_line"
        indexes = (("subject", "at"), ("person", "at"))


class AuditLink(Model):
    """One line's place in the chain. No foreign key: the chain has to outlive what it accuses."""

    position = fields.BigIntField(primary_key=True, generated=False)
    line_id = fields.BigIntField(unique=True)
    hash = fields.CharField(max_length=64)

    class Meta:
        table = "audit_link"


class AuditAnchor(Model):
    """How far the chain went when a day ended; the hash of its last link stands for every line before."""

    day = fields.DateField(primary_key=True)
    position = fields.BigIntField()
    lines = fields.BigIntField()
    """Lines chained since the anchor before."""

    hash = fields.CharField(max_length=64)
    mac = fields.CharField(max_length=200)

    class Meta:
        table = "audit_anchor"
