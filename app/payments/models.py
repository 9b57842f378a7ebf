"""Without this module nobody would know what is owed. One bill, many attempts, one success."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from app.cases.models import Case
from app.identity.models import Resident
from app.kernel.db import new_id
from app.payments.rules import AttemptState, BillState


class Bill(Model):
    """What a resident owes for a case. Amounts in fen."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    number = fields.CharField(max_length=50, unique=True)
    case: fields.OneToOneRelation[Case] = fields.OneToOneField(
        "portal.Case", related_name="bill", on_delete=fields.RESTRICT
    )
    case_id: UUID
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="bills", on_delete=fields.RESTRICT
    )
    resident_id: UUID
    collecting_unit = fields.CharField(max_length=60)
    description = fields.CharField(max_length=120)
    lines: list[dict[str, Any]] = fields.JSONField()
    total_fen = fields.BigIntField()
    state = fields.CharEnumField(BillState, max_length=20)
    issued_at = fields.DatetimeField()
    due_at = fields.DatetimeField()
    paid_at = fields.DatetimeField(null=True)

    class Meta:
        table = "bill"
        constraints = (CheckConstraint(check="total_fen > 0", name="bill_owes_something"),)


class PaymentAttempt(Model):
    """One order at a provider for a bill. A repeat is built from these stored values, never from the present."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    bill: fields.ForeignKeyRelation[Bill] = fields.ForeignKeyField(
        "portal.Bill", related_name="attempts", on_delete=fields.RESTRICT
    )
    bill_id: UUID
    channel = fields.CharField(max_length=30)
    order_no = fields.CharField(max_length=32, unique=True)
    amount_fen = fields.BigIntField()
    description = fields.CharField(max_length=120)
    payer_open_id = fields.CharField(max_length=128)
    state = fields.CharEnumField(AttemptState, max_length=20)
    prepay_ref = fields.CharField(max_length=128, null=True)
    prepaid_at = fields.DatetimeField(null=True)
    provider_ref = fields.CharField(max_length=64, null=True)
    opened_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    asked = fields.SmallIntField(default=0)
    ask_again_at = fields.DatetimeField(null=True)
    paid_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payment_attempt"
        indexes = (("state", "ask_again_at"),)
        constraints = (
            UniqueConstraint(fields=("bill_id",), name="one_success_per_bill", condition="state = 'SUCCEEDED'"),
            UniqueConstraint(
                fields=("bill_id",), name="one_live_attempt_per_bill", condition="state IN ('PREPARING', 'OPEN')"
            ),
            CheckConstraint(check="amount_fen > 0", name="attempt_pays_something"),
        )


class BillCounter(Model):
    """The last sequence number of payment codes given out for a division and year."""

    id = fields.BigIntField(primary_key=True)
    division_code = fields.CharField(max_length=6)
    year = fields.SmallIntField()
    given_out = fields.BigIntField()

    class Meta:
        table = "bill_counter"
        unique_together = (("division_code", "year"),)
