"""Without this module places could be promised that do not exist.

The database itself keeps the promise: a slot's counter cannot leave its bounds, and a resident cannot hold
two live bookings of one item on one day, whatever our code does.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import SqlDefault
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from app.booking.rules import AppealState, BookingState, Channel, Layer, WaitingState
from app.cases.models import Case
from app.catalogue.models import ServicePoint
from app.identity.models import Resident, Staff
from app.kernel.db import new_id
from app.texts.models import TextCheck


class BusinessPolicy(Model):
    """The rules of one business (queue category) of a service point, where they differ from the defaults.

    `rules` are the fields of `policy.Policy` that were set; checked there when they are.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    service_point: fields.ForeignKeyRelation[ServicePoint] = fields.ForeignKeyField(
        "portal.ServicePoint", related_name="policies"
    )
    service_point_id: str
    category = fields.CharField(max_length=2)
    rules: dict[str, Any] = fields.JSONField(default=dict, db_default={})
    version = fields.IntField(default=1, db_default=1)
    changed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "business_policy"
        unique_together = (("service_point", "category"),)


class OpeningException(Model):
    """One day on which a service point keeps other hours than usual, or none.

    `category` is empty for all its businesses; `periods` are `{open, close}` in local wall-clock time.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    service_point: fields.ForeignKeyRelation[ServicePoint] = fields.ForeignKeyField(
        "portal.ServicePoint", related_name="opening_exceptions"
    )
    service_point_id: str
    category = fields.CharField(max_length=2, default="")
    day = fields.DateField()
    periods: list[dict[str, str]] = fields.JSONField()
    reason = fields.CharField(max_length=200)
    set_at = fields.DatetimeField()

    class Meta:
        table = "opening_exception"
        unique_together = (("service_point", "category", "day"),)


class ExtraSession(Model):
    """Hours opened by the hall beyond the ordinary ones (延时服务), or visits to people's homes (上门服务)."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    service_point: fields.ForeignKeyRelation[ServicePoint] = fields.ForeignKeyField(
        "portal.ServicePoint", related_name="extra_sessions"
    )
    service_point_id: str
    category = fields.CharField(max_length=2)
    layer = fields.CharEnumField(Layer, max_length=20, default=Layer.EXTRA, db_default=Layer.EXTRA)
    opens_at = fields.DatetimeField()
    closes_at = fields.DatetimeField()
    capacity = fields.SmallIntField()
    opened_by: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField("portal.Staff", related_name="extra_sessions")
    opened_by_id: UUID
    opened_on = fields.DatetimeField()

    class Meta:
        table = "extra_session"


class Slot(Model):
    """A stretch of time at a service point with a number of places for one business.

    `taken` counts the places of bookings that keep theirs and the `reserved` ones, which were freed and are
    about to be offered to the waiting list. Only `places` changes the counters.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    service_point: fields.ForeignKeyRelation[ServicePoint] = fields.ForeignKeyField(
        "portal.ServicePoint", related_name="slots"
    )
    service_point_id: str
    category = fields.CharField(max_length=2)
    layer = fields.CharEnumField(Layer, max_length=20, default=Layer.ORDINARY, db_default=Layer.ORDINARY)
    day = fields.DateField()
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    capacity = fields.SmallIntField()
    taken = fields.SmallIntField(default=0)
    phone_capacity = fields.SmallIntField(default=32_767, db_default=32_767)
    """How many of the places phones can take; the rest is for the desk."""

    phone_taken = fields.SmallIntField(default=0, db_default=0)
    reserved = fields.SmallIntField(default=0, db_default=0)
    opens_at = fields.DatetimeField(null=True)
    """From when it can be booked; None for always."""

    closed_at = fields.DatetimeField(null=True)
    """When the hall closed it; nobody can book it any more."""

    class Meta:
        table = "slot"
        unique_together = (("service_point", "category", "layer", "starts_at"),)
        indexes = (("category", "day", "starts_at"),)
        constraints = (
            CheckConstraint(check="taken BETWEEN 0 AND capacity", name="slot_never_oversold"),
            CheckConstraint(check="phone_taken BETWEEN 0 AND phone_capacity", name="slot_phones_keep_to_their_share"),
            CheckConstraint(check="reserved BETWEEN 0 AND taken", name="slot_reserves_what_is_taken"),
            CheckConstraint(check="ends_at > starts_at", name="slot_has_length"),
        )


class WaitingEntry(Model):
    """Somebody who wants a place where there is none; the next in line is offered what is freed."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="waiting_entries", on_delete=fields.RESTRICT
    )
    resident_id: UUID
    category = fields.CharField(max_length=2)
    item_key = fields.CharField(max_length=60)
    items: list[dict[str, Any]] = fields.JSONField()
    """What the visit is for, as `VisitItem`s; `item_key` is the first of them."""

    party = fields.SmallIntField()
    service_points: list[str] = fields.JSONField()
    days_from = fields.DateField()
    days_until = fields.DateField()
    time_from = fields.CharField(max_length=5, default="00:00")
    time_until = fields.CharField(max_length=5, default="23:59")
    state = fields.CharEnumField(WaitingState, max_length=20)
    offers = fields.SmallIntField(default=0)
    """How many places were offered already; who lets three pass leaves the line."""

    joined_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "waiting_entry"
        indexes = (("category", "state", "joined_at"),)
        constraints = (
            UniqueConstraint(
                fields=("resident_id", "item_key"),
                name="one_place_in_line_per_item",
                condition="state IN ('WAITING', 'OFFERED')",
            ),
        )


class Booking(Model):
    """A resident's places in a slot, or in several slots in a row, for one visit.

    `item_key` is the first of its items. `held_until` is set while it is only held. `moves` counts how often it
    was moved to another time; a check-in code is good for one of them.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="bookings", on_delete=fields.RESTRICT
    )
    resident_id: UUID
    slot: fields.ForeignKeyRelation[Slot] = fields.ForeignKeyField(
        "portal.Slot", related_name="bookings", on_delete=fields.RESTRICT
    )
    slot_id: UUID
    slots: list[UUID] = ArrayField("uuid", default=list, db_default=SqlDefault("'{}'::uuid[]"))
    """Every slot it has places in, in the order of time; `slot` is the first."""

    item_key = fields.CharField(max_length=60)
    day = fields.DateField()
    until = fields.DatetimeField()
    party = fields.SmallIntField(default=1, db_default=1)
    channel = fields.CharEnumField(Channel, max_length=20, default=Channel.PHONE, db_default=Channel.PHONE)
    state = fields.CharEnumField(BookingState, max_length=20)
    moves = fields.SmallIntField(default=0, db_default=0)
    booked_at = fields.DatetimeField()
    held_until = fields.DatetimeField(null=True)
    deposit_fen: int | None = fields.IntField(null=True)
    """What has to be paid before it is confirmed; None when nothing has to."""

    ended_at = fields.DatetimeField(null=True)
    late = fields.BooleanField(default=False, db_default=False)
    """Cancelled by the resident after the deadline."""

    excused_at = fields.DatetimeField(null=True)
    excuse = fields.CharField(max_length=200, default="", db_default="")
    offered_to: fields.ForeignKeyNullableRelation[WaitingEntry] = fields.ForeignKeyField(
        "portal.WaitingEntry", related_name="bookings", null=True, on_delete=fields.SET_NULL
    )
    offered_to_id: UUID | None
    """The place in line this booking was offered to."""

    instead_of_id: UUID | None = fields.UUIDField(null=True)
    """The booking the hall had to cancel, when this one is held as its replacement."""

    home_sealed: str | None = fields.TextField(null=True)
    """Where a home visit goes: a postal address, sealed."""

    items: fields.ReverseRelation[BookingItem]
    reminded = fields.SmallIntField(default=0, db_default=0)
    """How many reminders were due already."""

    class Meta:
        table = "booking"
        indexes = (("slot_id", "state"), ("resident_id", "booked_at"), ("state", "held_until"))
        constraints = (CheckConstraint(check="party > 0", name="booking_is_for_somebody"),)


class BookingItem(Model):
    """One thing a visit is for. A trigger keeps `live` and `resident` equal to what the booking says."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    booking: fields.ForeignKeyRelation[Booking] = fields.ForeignKeyField(
        "portal.Booking", related_name="items", on_delete=fields.RESTRICT
    )
    booking_id: UUID
    resident_id = fields.UUIDField()
    item_key = fields.CharField(max_length=60)
    day = fields.DateField()
    case: fields.ForeignKeyNullableRelation[Case] = fields.ForeignKeyField(
        "portal.Case", related_name="booking_items", null=True, on_delete=fields.RESTRICT
    )
    case_id: UUID | None
    live = fields.BooleanField(default=True)

    class Meta:
        table = "booking_item"
        indexes = (("booking_id",), ("case_id",))
        constraints = (
            UniqueConstraint(
                fields=("resident_id", "item_key", "day"), name="one_live_booking_per_item_and_day", condition="live"
            ),
        )


class SessionClosure(Model):
    """The hall closes a stretch of time: everybody in it is moved or offered another place, one after another."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    service_point: fields.ForeignKeyRelation[ServicePoint] = fields.ForeignKeyField(
        "portal.ServicePoint", related_name="closures"
    )
    service_point_id: str
    category = fields.CharField(max_length=2, default="")
    closes_from = fields.DatetimeField()
    closes_until = fields.DatetimeField()
    reason = fields.CharField(max_length=200)
    asked_by: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField("portal.Staff", related_name="closures")
    asked_by_id: UUID
    asked_at = fields.DatetimeField()
    bookings = fields.IntField(default=0)
    moved = fields.IntField(default=0)
    offered = fields.IntField(default=0)
    cancelled = fields.IntField(default=0)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "session_closure"


class CreditAppeal(Model):
    """A resident says why a missed or late-cancelled visit should not count."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    booking: fields.ForeignKeyRelation[Booking] = fields.ForeignKeyField(
        "portal.Booking", related_name="appeals", on_delete=fields.RESTRICT
    )
    booking_id: UUID
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="credit_appeals", on_delete=fields.RESTRICT
    )
    resident_id: UUID
    grounds_sealed = fields.TextField()
    grounds_check: fields.ForeignKeyNullableRelation[TextCheck] = fields.ForeignKeyField(
        "portal.TextCheck", related_name="credit_appeals", on_delete=fields.SET_NULL, null=True
    )
    grounds_check_id: UUID | None
    state = fields.CharEnumField(AppealState, max_length=20)
    made_at = fields.DatetimeField()
    answer = fields.CharField(max_length=200, default="")
    decided_by: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "portal.Staff", related_name="credit_appeals", null=True
    )
    decided_by_id: UUID | None
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "credit_appeal"
        unique_together = (("booking",),)
        indexes = (("grounds_check_id",),)


class CreditExemption(Model):
    """Somebody whose missed visits do not count, because a window saw why (for example a disability certificate)."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "portal.Resident", related_name="credit_exemptions", on_delete=fields.RESTRICT
    )
    resident_id: UUID
    ground = fields.CharField(max_length=20)
    granted_by: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField("portal.Staff", related_name="exemptions")
    granted_by_id: UUID
    granted_at = fields.DatetimeField()
    valid_until = fields.DateField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "credit_exemption"
        indexes = (("resident_id",),)


class Scan(Model):
    """A check-in code that a scanner at the hall's door read, perhaps while it had no network."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    device_id = fields.UUIDField()
    nonce = fields.CharField(max_length=64)
    booking_id: UUID | None = fields.UUIDField(null=True)
    code_hash = fields.CharField(max_length=64)
    scanned_at = fields.DatetimeField()
    """When it was scanned, by our clock: what the scanner said, corrected by how far it was off."""

    skew_seconds = fields.IntField(default=0)
    received_at = fields.DatetimeField()
    outcome = fields.CharField(max_length=40)

    class Meta:
        table = "check_in_scan"
        unique_together = (("device_id", "nonce"),)
        indexes = (("booking_id",),)
