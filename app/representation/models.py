"""Without this module nobody could act for a child, a parent or a company."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from app.identity.models import Resident
from app.kernel.db import new_id
from app.representation.rules import Basis, MandateState


class LegalPerson(Model):
    """A legal person (法人) by its unified social credit code; `account` is what cases and bills belong to."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    account: fields.OneToOneRelation[Resident] = fields.OneToOneField(
        "portal.Resident", related_name="legal_person", on_delete=fields.RESTRICT
    )
    account_id: UUID
    credit_code = fields.CharField(max_length=18, unique=True)
    name = fields.CharField(max_length=120)
    registered_at = fields.DatetimeField()

    class Meta:
        table = "legal_person"


class Mandate(Model):
    """Why an agent may act for a principal, in what and until when.

    The agent is named by their identity number's hash, so that granting a mandate does not tell whether they
    have an account.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    principal: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="mandates_given", on_delete=fields.RESTRICT
    )
    principal_id: UUID
    agent_index = fields.CharField(max_length=64, db_index=True)
    agent_name_sealed = fields.TextField()
    basis = fields.CharEnumField(Basis, max_length=30)
    items: list[str] | None = fields.JSONField(null=True)
    """Keys of the service items it is for; null for all."""

    state = fields.CharEnumField(MandateState, max_length=20)
    valid_from = fields.DatetimeField()
    valid_to = fields.DatetimeField(null=True)
    granted_by = fields.CharField(max_length=80)
    granted_at = fields.DatetimeField()
    confirmed_by = fields.CharField(max_length=80, null=True)
    confirmed_at = fields.DatetimeField(null=True)
    revoked_by = fields.CharField(max_length=80, null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "mandate"
        indexes = (("principal_id", "state"),)
        constraints = (
            UniqueConstraint(
                fields=("principal_id", "agent_index", "basis"),
                name="one_live_mandate_per_agent_and_basis",
                condition="state IN ('PENDING', 'IN_FORCE')",
            ),
            CheckConstraint(check="valid_to IS NULL OR valid_to > valid_from", name="mandate_has_length"),
        )
