"""Without this module nobody could act for a child, a parent or a company."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from app.identity.models import Resident
from app.kernel.db import new_id
from app.representation.rules import Basis, ClaimState, MandateState


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
    ended_by = fields.CharField(max_length=80, null=True)
    ended_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(max_length=200, default="", db_default="")

    class Meta:
        table = "mandate"
        indexes = (("principal_id", "state"),)
        constraints = (
            UniqueConstraint(
                fields=("principal_id", "agent_index", "basis"),
                name="one_live_mandate_per_agent_and_basis",
                condition="state = 'IN_FORCE'",
            ),
            UniqueConstraint(
                fields=("principal_id",),
                name="one_legal_representative",
                condition="state = 'IN_FORCE' AND basis = 'LEGAL_REPRESENTATIVE'",
            ),
            CheckConstraint(check="valid_to IS NULL OR valid_to > valid_from", name="mandate_has_length"),
        )


class RepresentationClaim(Model):
    """What a resident says of papers no window has seen yet: being a child's guardian, or a company's representative.

    Name and number are kept while it waits and forgotten once it is decided; nobody acts under a claim.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    claimant: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="representation_claims", on_delete=fields.RESTRICT
    )
    claimant_id: UUID
    basis = fields.CharEnumField(Basis, max_length=30)
    subject_index = fields.CharField(max_length=64)
    name_sealed = fields.TextField(null=True)
    number_sealed = fields.TextField(null=True)
    state = fields.CharEnumField(ClaimState, max_length=20)
    made_at = fields.DatetimeField()
    mandate: fields.ForeignKeyNullableRelation[Mandate] = fields.ForeignKeyField(
        "portal.Mandate", related_name="claims", null=True, on_delete=fields.RESTRICT
    )
    mandate_id: UUID | None
    decided_by = fields.CharField(max_length=80, null=True)
    decided_at = fields.DatetimeField(null=True)
    reason = fields.CharField(max_length=200, default="", db_default="")

    class Meta:
        table = "representation_claim"
        indexes = (("state", "id"), ("claimant_id", "id"))
        constraints = (
            UniqueConstraint(
                fields=("claimant_id", "subject_index", "basis"),
                name="one_pending_claim",
                condition="state = 'PENDING'",
            ),
            CheckConstraint(
                check="(state = 'PENDING') = (number_sealed IS NOT NULL AND name_sealed IS NOT NULL)",
                name="claim_forgets",
            ),
        )
