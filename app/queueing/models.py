"""Without this module two windows could call one person, or nobody."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from app.booking.models import Booking
from app.catalogue.models import ServicePoint
from app.identity.models import Resident, Staff
from app.kernel.db import new_id
from app.queueing.rules import TicketState


class Window(Model):
    """A counter of a service point; open while a member of staff sits at it."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    service_point: fields.ForeignKeyRelation[ServicePoint] = fields.ForeignKeyField(
        "portal.ServicePoint", related_name="window_rows"
    )
    service_point_id: str
    number = fields.SmallIntField()
    categories: list[str] = fields.JSONField()
    staff: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="windows", null=True
    )
    staff_id: UUID | None
    opened_at = fields.DatetimeField(null=True)

    class Meta:
        table = "hall_window"
        unique_together = (("service_point", "number"),)
        constraints = (
            UniqueConstraint(fields=("staff_id",), name="one_window_per_staff", condition="staff_id IS NOT NULL"),
        )


class Ticket(Model):
    """A number in today's queue of one business at one service point."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    service_point: fields.ForeignKeyRelation[ServicePoint] = fields.ForeignKeyField(
        "portal.ServicePoint", related_name="tickets"
    )
    service_point_id: str
    day = fields.DateField()
    category = fields.CharField(max_length=2)
    code = fields.CharField(max_length=8)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField("portal.Resident", related_name="tickets")
    resident_id: UUID
    booking: fields.OneToOneRelation[Booking] = fields.OneToOneField("portal.Booking", related_name="ticket")
    booking_id: UUID
    slot_starts_at = fields.DatetimeField()
    state = fields.CharEnumField(TicketState, max_length=20)
    window: fields.ForeignKeyNullableRelation[Window] = fields.ForeignKeyField(
        "portal.Window", related_name="tickets", null=True
    )
    window_id: UUID | None
    taken_at = fields.DatetimeField()
    called_at = fields.DatetimeField(null=True)
    calls = fields.SmallIntField(default=0)
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "ticket"
        unique_together = (("service_point", "day", "code"),)
        indexes = (("service_point_id", "day", "state", "category"),)
        constraints = (
            UniqueConstraint(
                fields=("window_id",), name="one_ticket_at_a_window", condition="state IN ('CALLED', 'SERVING')"
            ),
        )


class TicketCounter(Model):
    """The last number given out for a business of a service point on a day."""

    id = fields.BigIntField(primary_key=True)
    service_point_id = fields.CharField(max_length=60)
    day = fields.DateField()
    category = fields.CharField(max_length=2)
    given_out = fields.IntField()

    class Meta:
        table = "ticket_counter"
        unique_together = (("service_point_id", "day", "category"),)
