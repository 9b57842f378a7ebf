"""Without this module nobody would be known from one request to the next."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from app.kernel.db import new_id


class Resident(Model):
    """A natural person with an account. Name, numbers and phone are sealed; hashes find them."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    level = fields.SmallIntField(default=1)
    name_sealed = fields.TextField(null=True)
    id_number_sealed = fields.TextField(null=True)
    id_number_index = fields.CharField(max_length=64, null=True, unique=True)
    phone_sealed = fields.TextField(null=True)
    phone_index = fields.CharField(max_length=64, null=True, db_index=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "resident"
        constraints = (CheckConstraint(check="level BETWEEN 1 AND 4", name="resident_level"),)


class ChannelBinding(Model):
    """How one host app names a resident."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField("portal.Resident", related_name="bindings")
    resident_id: UUID
    channel = fields.CharField(max_length=30)
    app_id = fields.CharField(max_length=64)
    open_id = fields.CharField(max_length=128)
    union_id = fields.CharField(max_length=128, null=True)
    bound_at = fields.DatetimeField()

    class Meta:
        table = "channel_binding"
        unique_together = (("channel", "app_id", "open_id"),)


class ProofState(StrEnum):
    PENDING = "PENDING"
    PASSED = "PASSED"
    FAILED = "FAILED"


class IdentityProof(Model):
    """One attempt to prove who one is; accepted at most once, and only by the session's own channel user."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField("portal.Resident", related_name="proofs")
    resident_id: UUID
    method = fields.CharField(max_length=30)
    reference = fields.CharField(max_length=64, unique=True)
    ticket = fields.CharField(max_length=300, null=True)
    open_id = fields.CharField(max_length=128)
    name_sealed = fields.TextField()
    id_number_sealed = fields.TextField()
    state = fields.CharEnumField(ProofState, max_length=20, default=ProofState.PENDING)
    raw_code = fields.CharField(max_length=30, default="")
    started_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "identity_proof"


class Staff(Model):
    """A member of the hall's staff: own store, own sign-in."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    login = fields.CharField(max_length=60, unique=True)
    password_hash = fields.CharField(max_length=200)
    title = fields.CharField(max_length=60)
    roles: list[str] = fields.JSONField()
    active = fields.BooleanField(default=True)
    failures = fields.SmallIntField(default=0)
    locked_until = fields.DatetimeField(null=True)

    class Meta:
        table = "staff"


class Session(Model):
    """A signed-in device of a resident or of a member of staff; exactly one of the two."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    resident: fields.ForeignKeyNullableRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="sessions", null=True
    )
    resident_id: UUID | None
    staff: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="sessions", null=True
    )
    staff_id: UUID | None
    channel = fields.CharField(max_length=30)
    device = fields.CharField(max_length=80)
    refresh_hash = fields.CharField(max_length=64)
    created_at = fields.DatetimeField()
    refreshed_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)
    revoked_because = fields.CharField(max_length=40, null=True)

    class Meta:
        table = "session"
        constraints = (
            CheckConstraint(check="(resident_id IS NULL) <> (staff_id IS NULL)", name="session_has_one_account"),
        )
