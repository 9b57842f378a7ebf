"""Without this module nobody would know later which texts were checked, and what came out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from app.identity.models import Resident, Staff
from app.kernel.db import new_id
from app.texts.ports import Concern
from app.texts.rules import TextKind, TextStanding


class TextCheck(Model):
    """What a platform and then a person said of one text.

    The appeal or refund keeps the text and names its check; here a copy lies while it waits for a person.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.CharEnumField(TextKind, max_length=20)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="text_checks", on_delete=fields.RESTRICT
    )
    resident_id: UUID
    """Who wrote it: an agent, when it was written for somebody else."""

    division_code = fields.CharField(max_length=12)
    department = fields.CharField(max_length=60, default="")
    """Whose managers review it; without a department those of the division."""

    standing = fields.CharEnumField(TextStanding, max_length=10)
    concern = fields.CharEnumField(Concern, max_length=20)
    provider = fields.CharField(max_length=30, default="")
    trace = fields.CharField(max_length=100, default="")
    text_sealed: str | None = fields.TextField(null=True)
    checked_at = fields.DatetimeField()
    decided_by: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="texts_decided", on_delete=fields.RESTRICT, null=True
    )
    decided_by_id: UUID | None
    decided_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "text_check"
        indexes = (("standing", "id"), ("resident_id",))
