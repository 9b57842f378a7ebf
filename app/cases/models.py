"""Without this module nothing a resident asked for would be remembered."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from app.cases.rules import CaseState, Decision, DeliveryMethod
from app.catalogue.models import ServiceItem
from app.identity.models import Resident
from app.kernel.db import new_id


class Case(Model):
    """One person's request for one item, under the version of the item in force when it was filed."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    number = fields.CharField(max_length=50, unique=True)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="cases", on_delete=fields.RESTRICT
    )
    resident_id: UUID
    item: fields.ForeignKeyRelation[ServiceItem] = fields.ForeignKeyField(
        "portal.ServiceItem", related_name="cases", on_delete=fields.RESTRICT
    )
    item_id: UUID
    item_key = fields.CharField(max_length=60)
    state = fields.CharEnumField(CaseState, max_length=20)
    decision = fields.CharEnumField(Decision, max_length=20, null=True)
    reason = fields.TextField(default="")
    fees: list[dict[str, Any]] = fields.JSONField()
    """What the approval made due: fee lines, empty until then."""

    delivery_method = fields.CharEnumField(DeliveryMethod, max_length=20)
    delivery_address_sealed = fields.TextField(null=True)
    submitted_at = fields.DatetimeField()
    accepted_at = fields.DatetimeField(null=True)
    due_at = fields.DatetimeField(null=True)
    due_is_provisional = fields.BooleanField(default=False)
    decided_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    visit_at = fields.DatetimeField(null=True)
    """Start of the booked visit that is still ahead of the resident or was kept last."""

    visited = fields.BooleanField(default=False)
    came_from_id: UUID | None = fields.UUIDField(null=True)
    """The account it was filed in, when that was joined with the one that holds it now."""

    class Meta:
        table = "case_file"
        indexes = (("resident_id", "submitted_at"), ("state", "submitted_at"))
        constraints = (
            UniqueConstraint(
                fields=("resident_id", "item_key"),
                name="one_open_case_per_item",
                condition="state NOT IN ('CLOSED', 'WITHDRAWN') AND came_from_id IS NULL",
            ),
            CheckConstraint(
                check="(delivery_method = 'POST') = (delivery_address_sealed IS NOT NULL)",
                name="posted_cases_have_an_address",
            ),
        )


class CaseEvent(Model):
    """One step of a case's history. Only ever added to."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    case: fields.ForeignKeyRelation[Case] = fields.ForeignKeyField("portal.Case", related_name="events")
    case_id: UUID
    at = fields.DatetimeField()
    verb = fields.CharField(max_length=30)
    state = fields.CharEnumField(CaseState, max_length=20)
    actor = fields.CharField(max_length=80)
    remark = fields.CharField(max_length=300, default="")

    class Meta:
        table = "case_event"
        indexes = (("case_id", "at"),)


class CaseCounter(Model):
    """The last sequence number given out for a division and day."""

    id = fields.BigIntField(primary_key=True)
    division_code = fields.CharField(max_length=6)
    day = fields.DateField()
    given_out = fields.IntField()

    class Meta:
        table = "case_counter"
        unique_together = (("division_code", "day"),)
