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
from app.queueing.rules import TicketChannel, TicketState


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
    skills: dict[str, int] = fields.JSONField(default=dict, db_default={})
    """Businesses it may take with the priority of each (1 before 2); empty for all alike."""

    paused_at = fields.DatetimeField(null=True)
    pause_reason = fields.CharField(max_length=60, default="", db_default="")

    class Meta:
        table = "hall_window"
        unique_together = (("service_point", "number"),)
        constraints = (
            UniqueConstraint(fields=("staff_id",), name="one_window_per_staff", condition="staff_id IS NOT NULL"),
        )


class Shift(Model):
    """One sitting of a member of staff at a window, for the figures of how windows are used.

    With other businesses the next one begins.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    window: fields.ForeignKeyRelation[Window] = fields.ForeignKeyField("portal.Window", related_name="shifts")
    window_id: UUID
    staff: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField("portal.Staff", related_name="shifts")
    staff_id: UUID
    began_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    categories: list[str] = fields.JSONField(default=list, db_default=[])
    """The businesses it could call: what the window was opened for, as far as its skills allowed."""

    pauses: fields.ReverseRelation[Pause]

    class Meta:
        table = "window_shift"
        indexes = (("began_at",),)
        constraints = (
            UniqueConstraint(fields=("window_id",), name="one_open_shift_per_window", condition="ended_at IS NULL"),
        )


class Pause(Model):
    """A while in which a shift called nobody."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    shift: fields.ForeignKeyRelation[Shift] = fields.ForeignKeyField("portal.Shift", related_name="pauses")
    shift_id: UUID
    began_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "window_pause"
        indexes = (("shift_id",),)
        constraints = (
            UniqueConstraint(fields=("shift_id",), name="one_open_pause_per_shift", condition="ended_at IS NULL"),
        )


class Ticket(Model):
    """A number in today's queue of one business at one service point.

    Whoever comes without a booking has none, and perhaps no account. `queued_at` is when the waiting began and
    survives a transfer.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    service_point: fields.ForeignKeyRelation[ServicePoint] = fields.ForeignKeyField(
        "portal.ServicePoint", related_name="tickets"
    )
    service_point_id: str
    day = fields.DateField()
    category = fields.CharField(max_length=2)
    code = fields.CharField(max_length=8)
    resident: fields.ForeignKeyNullableRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="tickets", null=True
    )
    resident_id: UUID | None
    booking: fields.OneToOneNullableRelation[Booking] = fields.OneToOneField(
        "portal.Booking", related_name="ticket", null=True
    )
    booking_id: UUID | None
    slot_starts_at = fields.DatetimeField(null=True)
    channel = fields.CharEnumField(TicketChannel, max_length=20, default=TicketChannel.PHONE, db_default="PHONE")
    green = fields.BooleanField(default=False, db_default=False)
    """Of the green channel (绿色通道): the elderly, disabled, pregnant, servicemen."""

    holder = fields.CharField(max_length=20, default="", db_default="")
    """The masked name that screens show, for example 张*; empty when nobody was named."""

    state = fields.CharEnumField(TicketState, max_length=20)
    window: fields.ForeignKeyNullableRelation[Window] = fields.ForeignKeyField(
        "portal.Window", related_name="tickets", null=True
    )
    window_id: UUID | None
    taken_at = fields.DatetimeField()
    queued_at = fields.DatetimeField(null=True)
    behind_call: int | None = fields.IntField(null=True)
    """Not before the business has called so many numbers that day: the place of who rejoins after being passed."""

    rejoins = fields.SmallIntField(default=0, db_default=0)
    near_told_at = fields.DatetimeField(null=True)
    called_at = fields.DatetimeField(null=True)
    calls = fields.SmallIntField(default=0)
    started_at = fields.DatetimeField(null=True)
    hung_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    transferred_from = fields.CharField(max_length=8, default="", db_default="")
    """The code it had in another business before."""

    class Meta:
        table = "ticket"
        unique_together = (("service_point", "day", "code"),)
        indexes = (("service_point_id", "day", "state", "category"),)
        constraints = (
            UniqueConstraint(
                fields=("window_id",), name="one_ticket_at_a_window", condition="state IN ('CALLED', 'SERVING')"
            ),
            UniqueConstraint(
                fields=("resident_id", "service_point_id", "day", "category"),
                name="one_open_walk_in_number",
                condition="booking_id IS NULL AND state IN ('WAITING', 'CALLED', 'SERVING', 'HUNG')",
            ),
        )


class TicketCounter(Model):
    """The last number given out for a business of a service point on a day."""

    id = fields.BigIntField(primary_key=True)
    service_point_id = fields.CharField(max_length=60)
    day = fields.DateField()
    category = fields.CharField(max_length=2)
    given_out = fields.IntField()
    called = fields.IntField(default=0, db_default=0)
    """How many numbers were called, and of them how many booked ones in a row since the last walk-in."""

    booked_in_a_row = fields.IntField(default=0, db_default=0)

    class Meta:
        table = "ticket_counter"
        unique_together = (("service_point_id", "day", "category"),)


class ServiceTime(Model):
    """How long visits of a business took in one hour of the day, over the last weeks; in seconds.

    Laid out anew each night from the tickets; what a resident is told to expect is read from here.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    service_point_id = fields.CharField(max_length=60)
    category = fields.CharField(max_length=2)
    hour = fields.SmallIntField()
    samples = fields.IntField()
    p20 = fields.IntField()
    p50 = fields.IntField()
    p80 = fields.IntField()

    class Meta:
        table = "service_time"
        unique_together = (("service_point_id", "category", "hour"),)
