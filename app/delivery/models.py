"""Without this module papers would be lost between the hall and the door."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from app.cases.models import Case
from app.delivery.ports import DeliveredTo, ParcelState, Payer
from app.delivery.rules import Watch
from app.delivery.words import Direction, OrderState, TaskKind, TaskState
from app.kernel.db import new_id


class Parcel(Model):
    """One parcel, whichever way it goes; who sends and who receives it are sealed snapshots of that day.

    Ordered at a carrier it has an `order_no` of ours, and no tracking number until the carrier gives one.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    direction = fields.CharEnumField(
        Direction, max_length=20, default=Direction.RESULT_TO_APPLICANT, db_default=Direction.RESULT_TO_APPLICANT
    )
    payer = fields.CharEnumField(Payer, max_length=25, default=Payer.CITY, db_default=Payer.CITY)
    carrier = fields.CharField(max_length=40)
    carrier_name = fields.CharField(max_length=60)
    tracking_number = fields.CharField(max_length=50, null=True)
    tracker = fields.CharField(max_length=30)
    watch = fields.CharEnumField(Watch, max_length=20)
    watch_remark = fields.CharField(max_length=200, default="")
    sender_sealed = fields.TextField(null=True)
    receiver_sealed = fields.TextField()
    phone_tail = fields.CharField(max_length=4)
    """Of the side that is no hall: all that is kept readable of a number."""

    from_division = fields.CharField(max_length=12, default="", db_default="")
    to_division = fields.CharField(max_length=12, default="", db_default="")
    needs_identity = fields.BooleanField(default=False, db_default=False)
    """Only to be given to who shows the papers of the addressee."""

    weight_g: int | None = fields.IntField(null=True)
    fee_fen: int | None = fields.BigIntField(null=True)
    """What the carrier asked in all; null while it has not said."""

    settled_fen: int | None = fields.BigIntField(null=True)
    settled_at: datetime | None = fields.DatetimeField(null=True)
    settled_on: date | None = fields.DateField(null=True)
    """What the carrier's statement says it cost, when we read it there, and of which day its line is."""

    order_no = fields.CharField(max_length=32, null=True, unique=True)
    order_state = cast("OrderState | None", fields.CharEnumField(OrderState, max_length=20, null=True))
    agent = fields.CharField(max_length=30, default="", db_default="")
    """Whom it was ordered through: the code of a `CarrierOrders`."""

    carrier_ref = fields.CharField(max_length=80, default="", db_default="")
    order_remark = fields.CharField(max_length=200, default="", db_default="")
    tried_at: datetime | None = fields.DatetimeField(null=True)
    """When the carrier was first asked: before that, nothing can have been ordered."""

    courier_sealed = fields.TextField(null=True)
    pickup_from: datetime | None = fields.DatetimeField(null=True)
    pickup_until: datetime | None = fields.DatetimeField(null=True)
    state = fields.CharEnumField(ParcelState, max_length=30)
    state_at = fields.DatetimeField()
    delivered_to = cast("DeliveredTo | None", fields.CharEnumField(DeliveredTo, max_length=20, null=True))
    picked_up_at: datetime | None = fields.DatetimeField(null=True)
    delivered_at: datetime | None = fields.DatetimeField(null=True)
    expected_from: datetime | None = fields.DatetimeField(null=True)
    expected_until: datetime | None = fields.DatetimeField(null=True)
    look_again_at: datetime | None = fields.DatetimeField(null=True)
    """When the earliest of the events becomes due that lie in the future."""

    received_at: datetime | None = fields.DatetimeField(null=True)
    """When the hall scanned it in: a return, or materials."""

    confirmed_at: datetime | None = fields.DatetimeField(null=True)
    """When the applicant, or the desk for them, said that they have it: the last word."""

    lost_at: datetime | None = fields.DatetimeField(null=True)
    """When the desk declared it lost: only what happened later still counts."""

    hall = fields.CharField(max_length=40, default="", db_default="")
    """The key of the service point whose desk hands it over; empty until that is known."""

    handed_over_at: datetime | None = fields.DatetimeField(null=True)
    """When the courier signed for it on a sheet."""

    registered_at = fields.DatetimeField()
    heard_at = fields.DatetimeField()
    news_at: datetime | None = fields.DatetimeField(null=True)
    """The moment of its newest event that is due; null before the first."""

    class Meta:
        table = "parcel"
        unique_together = (("carrier", "tracking_number"),)
        indexes = (
            ("watch", "heard_at"),
            ("tracking_number",),
            ("order_state", "registered_at"),
            ("state", "state_at"),
            ("carrier", "from_division", "to_division", "delivered_at"),
            ("carrier", "delivered_at"),
            ("look_again_at",),
        )
        constraints = (
            CheckConstraint(
                check="tracking_number IS NOT NULL OR order_no IS NOT NULL", name="a_parcel_has_a_number_or_an_order"
            ),
            CheckConstraint(check="(order_no IS NULL) = (order_state IS NULL)", name="an_order_has_a_state"),
            CheckConstraint(check="fee_fen >= 0 AND weight_g >= 0", name="weight_and_fee_are_not_negative"),
        )


class ParcelCase(Model):
    """A case whose papers are in a parcel; all of one parcel are of one resident."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    parcel: fields.ForeignKeyRelation[Parcel] = fields.ForeignKeyField("portal.Parcel", related_name="contents")
    parcel_id: UUID
    case: fields.ForeignKeyRelation[Case] = fields.ForeignKeyField(
        "portal.Case", related_name="packed", on_delete=fields.RESTRICT
    )
    case_id: UUID
    found: list[int] = fields.JSONField(default=list)
    """Orders of the item's materials that were in the parcel when the hall opened it."""

    class Meta:
        table = "parcel_case"
        unique_together = (("parcel", "case"),)
        indexes = (("case_id",),)


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
    undoes = fields.CharField(max_length=30, default="", db_default="")
    """The raw code whose newest event this one takes back; empty for most."""

    received_at = fields.DatetimeField()
    voided = fields.BooleanField(default=False)

    class Meta:
        table = "parcel_event"
        unique_together = (("parcel", "key"),)
        indexes = (("parcel_id", "at", "rank"),)


class NumberUse(Model):
    """How often a tracker was asked about a number: it locks numbers that are asked about too often."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tracker = fields.CharField(max_length=30)
    number = fields.CharField(max_length=50)
    month = fields.CharField(max_length=7)
    subscriptions = fields.SmallIntField()
    queried_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "parcel_number_use"
        unique_together = (("tracker", "number"),)


class DeliveryTask(Model):
    """Something about a parcel that needs a person."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.CharEnumField(TaskKind, max_length=30)
    subject = fields.CharField(max_length=120)
    parcel = cast(
        "fields.ForeignKeyNullableRelation[Parcel]",
        fields.ForeignKeyField("portal.Parcel", related_name="tasks", null=True),
    )
    parcel_id: UUID | None
    detail: dict[str, Any] = fields.JSONField()
    state = fields.CharEnumField(TaskState, max_length=10)
    opened_at = fields.DatetimeField()
    closed_at: datetime | None = fields.DatetimeField(null=True)
    closed_by_id: UUID | None = fields.UUIDField(null=True)
    remark = fields.CharField(max_length=200, default="")

    class Meta:
        table = "delivery_task"
        unique_together = (("kind", "subject"),)
        indexes = (("state", "opened_at"), ("parcel_id",))
