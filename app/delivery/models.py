"""Without this module a certificate would be lost between the hall and the door."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from app.cases.models import Case
from app.delivery.ports import DeliveredTo, ParcelState
from app.delivery.rules import Watch
from app.kernel.db import new_id


class Parcel(Model):
    """One parcel with the result of a case; the receiver is a sealed snapshot of the address then."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    case: fields.ForeignKeyRelation[Case] = fields.ForeignKeyField(
        "portal.Case", related_name="parcels", on_delete=fields.RESTRICT
    )
    case_id: UUID
    carrier = fields.CharField(max_length=40)
    carrier_name = fields.CharField(max_length=60)
    tracking_number = fields.CharField(max_length=50)
    tracker = fields.CharField(max_length=30)
    watch = fields.CharEnumField(Watch, max_length=20)
    watch_remark = fields.CharField(max_length=200, default="")
    receiver_sealed = fields.TextField()
    phone_tail = fields.CharField(max_length=4)
    state = fields.CharEnumField(ParcelState, max_length=30)
    state_at = fields.DatetimeField()
    delivered_to = cast("DeliveredTo | None", fields.CharEnumField(DeliveredTo, max_length=20, null=True))
    registered_at = fields.DatetimeField()
    heard_at = fields.DatetimeField()

    class Meta:
        table = "parcel"
        unique_together = (("carrier", "tracking_number"),)
        indexes = (("case_id", "registered_at"), ("watch", "heard_at"))


class ParcelEvent(Model):
    """One row of a parcel's history; voided, never deleted, when the provider takes it back."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    parcel: fields.ForeignKeyRelation[Parcel] = fields.ForeignKeyField("portal.Parcel", related_name="events")
    parcel_id: UUID
    key = fields.CharField(max_length=64)
    at = fields.DatetimeField()
    rank = fields.IntField()
    """Order among rows of the same second, as the provider gave them; higher is newer."""

    text = fields.TextField()
    place = fields.CharField(max_length=120)
    raw_code = fields.CharField(max_length=30)
    state = cast("ParcelState | None", fields.CharEnumField(ParcelState, max_length=30, null=True))
    delivered_to = cast("DeliveredTo | None", fields.CharEnumField(DeliveredTo, max_length=20, null=True))
    received_at = fields.DatetimeField()
    voided = fields.BooleanField(default=False)

    class Meta:
        table = "parcel_event"
        unique_together = (("parcel", "key"),)
        indexes = (("parcel_id", "at", "rank"),)
