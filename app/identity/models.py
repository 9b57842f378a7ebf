"""Without this module nobody would be known from one request to the next."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from app.kernel.db import new_id


class PersonKind(StrEnum):
    NATURAL = "NATURAL"
    LEGAL = "LEGAL"


class Resident(Model):
    """An account: of a natural person, or of a legal person on whose behalf residents act.

    Name, numbers and phone are sealed; hashes find them. An account that was joined with another (`merged_into`)
    or closed stays as a tombstone, so that histories keep their names.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.CharEnumField(PersonKind, max_length=20, default=PersonKind.NATURAL, db_default=PersonKind.NATURAL)
    level = fields.SmallIntField(default=1)
    language = fields.CharField(max_length=5, default="", db_default="")
    name_sealed: str | None = fields.TextField(null=True)
    id_number_sealed: str | None = fields.TextField(null=True)
    id_number_index = fields.CharField(max_length=64, null=True, unique=True)
    phone_sealed: str | None = fields.TextField(null=True)
    phone_index = fields.CharField(max_length=64, null=True, db_index=True)
    created_at = fields.DatetimeField()
    merged_into: fields.ForeignKeyNullableRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="merged_from", null=True, on_delete=fields.RESTRICT
    )
    merged_into_id: UUID | None
    closed_at = fields.DatetimeField(null=True)

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
    user_id = fields.CharField(max_length=64, null=True)
    session_secret_sealed: str | None = fields.TextField(null=True)
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
    url: str | None = fields.TextField(null=True)
    open_id = fields.CharField(max_length=128)
    session_id: UUID | None = fields.UUIDField(null=True)
    level = fields.SmallIntField(default=1, db_default=1)
    """What a pass gives; a step-up within a session is the newest pass of that session."""

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
    password_changed_at = fields.DatetimeField(null=True)
    title = fields.CharField(max_length=60)
    roles: list[str] = fields.JSONField()
    department_key = fields.CharField(max_length=60, null=True)
    division_code = fields.CharField(max_length=12, default="", db_default="")
    active = fields.BooleanField(default=True)
    failures = fields.SmallIntField(default=0)
    failed_at = fields.DatetimeField(null=True)
    """When somebody last tried; after fifteen quiet minutes the failures count anew."""

    locked_until = fields.DatetimeField(null=True)
    totp_sealed: str | None = fields.TextField(null=True)
    totp_pending_sealed: str | None = fields.TextField(null=True)
    """A second factor that was shown but not yet confirmed by a first code."""

    totp_step = fields.BigIntField(default=0, db_default=0)
    """The newest time step whose code was taken: none is taken twice (RFC 6238 section 5.2)."""

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
    binding: fields.ForeignKeyNullableRelation[ChannelBinding] = fields.ForeignKeyField(
        "portal.ChannelBinding", related_name="sessions", null=True, on_delete=fields.SET_NULL
    )
    binding_id: UUID | None
    channel = fields.CharField(max_length=30)
    device = fields.CharField(max_length=80)
    address = fields.CharField(max_length=64, default="", db_default="")
    refresh_hash = fields.CharField(max_length=64)
    created_at = fields.DatetimeField()
    refreshed_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    seen_at = fields.DatetimeField(null=True)
    """When somebody last did something in it, to the minute; kept for staff, whose sessions end when idle."""

    revoked_at = fields.DatetimeField(null=True)
    revoked_because = fields.CharField(max_length=40, null=True)

    class Meta:
        table = "session"
        constraints = (
            CheckConstraint(check="(resident_id IS NULL) <> (staff_id IS NULL)", name="session_has_one_account"),
        )


class Consent(Model):
    """That a resident agreed to one purpose under one version of the privacy notice; withdrawn, never deleted."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField("portal.Resident", related_name="consents")
    resident_id: UUID
    purpose = fields.CharField(max_length=40)
    version = fields.CharField(max_length=20)
    given_at = fields.DatetimeField()
    withdrawn_at = fields.DatetimeField(null=True)

    class Meta:
        table = "consent"
        constraints = (
            UniqueConstraint(
                fields=("resident_id", "purpose"), name="one_consent_in_force", condition="withdrawn_at IS NULL"
            ),
        )


class DeviceKind(StrEnum):
    """What stands in a hall and asks by itself."""

    SCANNER = "SCANNER"
    KIOSK = "KIOSK"
    SCREEN = "SCREEN"


class Device(Model):
    """A machine of a hall with an account of its own: it may do what its kind needs, at one service point.

    `service_point` is the key of the place it stands in; only the hash of its token is kept.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.CharEnumField(DeviceKind, max_length=20)
    service_point = fields.CharField(max_length=60)
    name = fields.CharField(max_length=60)
    token_hash = fields.CharField(max_length=64)
    registered_by: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="devices", on_delete=fields.RESTRICT
    )
    registered_by_id: UUID
    registered_at = fields.DatetimeField()
    seen_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "device"
        indexes = (("service_point",),)
