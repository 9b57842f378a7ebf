"""Without this module places could be promised that do not exist.

The database itself keeps the promise: a slot's counter cannot leave its bounds, and a resident cannot hold
two live bookings of one item on one day, whatever our code does.
"""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from app.booking.rules import BookingState
from app.cases.models import Case
from app.catalogue.models import ServicePoint
from app.identity.models import Resident, Staff
from app.kernel.db import new_id


class BusinessPolicy(Model):
    """How one business (queue category) of a service point is booked, where it differs from the defaults."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    service_point: fields.ForeignKeyRelation[ServicePoint] = fields.ForeignKeyField(
        "portal.ServicePoint", related_name="policies"
    )
    service_point_id: str
    category = fields.CharField(max_length=2)
    slot_minutes = fields.SmallIntField()
    capacity = fields.SmallIntField()
    days_ahead = fields.SmallIntField()

    class Meta:
        table = "business_policy"
        unique_together = (("service_point", "category"),)
        constraints = (
            CheckConstraint(
                check="slot_minutes BETWEEN 5 AND 240 AND capacity >= 0 AND days_ahead BETWEEN 0 AND 90",
                name="business_policy_bounds",
            ),
        )


class ExtraSession(Model):
    """Hours opened by the hall beyond the ordinary ones (延时服务)."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    service_point: fields.ForeignKeyRelation[ServicePoint] = fields.ForeignKeyField(
        "portal.ServicePoint", related_name="extra_sessions"
    )
    service_point_id: str
    category = fields.CharField(max_length=2)
    opens_at = fields.DatetimeField()
    closes_at = fields.DatetimeField()
    capacity = fields.SmallIntField()
    opened_by: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField("portal.Staff", related_name="extra_sessions")
    opened_by_id: UUID
    opened_on = fields.DatetimeField()

    class Meta:
        table = "extra_session"


class Slot(Model):
    """A stretch of time at a service point with a number of places for one business."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    service_point: fields.ForeignKeyRelation[ServicePoint] = fields.ForeignKeyField(
        "portal.ServicePoint", related_name="slots"
    )
    service_point_id: str
    category = fields.CharField(max_length=2)
    day = fields.DateField()
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    capacity = fields.SmallIntField()
    taken = fields.SmallIntField(default=0)

    class Meta:
        table = "slot"
        unique_together = (("service_point", "category", "starts_at"),)
        indexes = (("category", "day", "starts_at"),)
        constraints = (
            CheckConstraint(check="taken BETWEEN 0 AND capacity", name="slot_never_oversold"),
            CheckConstraint(check="ends_at > starts_at", name="slot_has_length"),
        )


class Booking(Model):
    """A resident's place in a slot."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="bookings", on_delete=fields.RESTRICT
    )
    resident_id: UUID
    slot: fields.ForeignKeyRelation[Slot] = fields.ForeignKeyField(
        "portal.Slot", related_name="bookings", on_delete=fields.RESTRICT
    )
    slot_id: UUID
    case: fields.ForeignKeyNullableRelation[Case] = fields.ForeignKeyField(
        "portal.Case", related_name="bookings", null=True, on_delete=fields.RESTRICT
    )
    case_id: UUID | None
    item_key = fields.CharField(max_length=60)
    day = fields.DateField()
    state = fields.CharEnumField(BookingState, max_length=20)
    booked_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "booking"
        indexes = (("slot_id", "state"), ("resident_id", "booked_at"))
        constraints = (
            UniqueConstraint(
                fields=("resident_id", "item_key", "day"),
                name="one_live_booking_per_item_and_day",
                condition="state IN ('BOOKED', 'CHECKED_IN')",
            ),
        )
