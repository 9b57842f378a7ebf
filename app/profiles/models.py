"""Without this module a resident would type the same address every time."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from app.identity.models import Resident
from app.kernel.db import new_id


class PostalAddress(Model):
    """One entry of a resident's address book; what names a person or a house is sealed."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField("portal.Resident", related_name="addresses")
    resident_id: UUID
    label = fields.CharField(max_length=20, default="")
    receiver_sealed = fields.TextField()
    phone_sealed = fields.TextField()
    division_code = fields.CharField(max_length=12)
    detail_sealed = fields.TextField()
    preferred = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()
    changed_at = fields.DatetimeField()

    class Meta:
        table = "postal_address"
        indexes = (("resident_id", "created_at"),)
        constraints = (UniqueConstraint(fields=("resident_id",), name="one_preferred_address", condition="preferred"),)


class Preferences(Model):
    """How a resident likes to be shown and told things; without a row: the defaults."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    resident: fields.OneToOneRelation[Resident] = fields.OneToOneField("portal.Resident", related_name="preferences")
    resident_id: UUID
    large_type = fields.BooleanField(default=False)
    muted: list[str] = fields.JSONField()
    """Kinds of notices the resident does not want to get."""

    changed_at = fields.DatetimeField()

    class Meta:
        table = "preferences"
