"""Without this module there would be nothing to apply for."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from app.catalogue.rules import LimitUnit
from app.kernel.db import new_id


class Division(Model):
    """An administrative division (GB/T 2260 and its extensions): 6, 9 or 12 digits."""

    code = fields.CharField(max_length=12, primary_key=True)
    name_zh = fields.CharField(max_length=80)
    name_en = fields.CharField(max_length=120)
    parent_code = fields.CharField(max_length=12, null=True)
    level = fields.SmallIntField()

    class Meta:
        table = "division"


class Department(Model):
    """An implementing body."""

    key = fields.CharField(max_length=60, primary_key=True)
    name_zh = fields.CharField(max_length=120)
    name_en = fields.CharField(max_length=200)
    credit_code = fields.CharField(max_length=18)
    division_code = fields.CharField(max_length=12)

    class Meta:
        table = "department"


class ServicePoint(Model):
    """A hall or a station, with its windows, the businesses it serves and its ordinary opening hours.

    `opening_hours`: ISO weekday → list of `{open, close}` in local wall-clock time.
    """

    key = fields.CharField(max_length=60, primary_key=True)
    name_zh = fields.CharField(max_length=120)
    name_en = fields.CharField(max_length=200)
    kind = fields.CharField(max_length=20)
    division_code = fields.CharField(max_length=12)
    address_zh = fields.CharField(max_length=200)
    latitude = fields.FloatField(null=True)
    longitude = fields.FloatField(null=True)
    """Degrees in GCJ-02, as the phones of both host apps tell theirs."""

    windows = fields.SmallIntField()
    queue_categories: list[str] = fields.JSONField()
    opening_hours: dict[str, list[dict[str, str]]] = fields.JSONField()

    class Meta:
        table = "service_point"


class QueueCategory(Model):
    """A business as people read it beside its letter."""

    prefix = fields.CharField(max_length=2, primary_key=True)
    name_zh = fields.CharField(max_length=80)
    name_en = fields.CharField(max_length=120)

    class Meta:
        table = "queue_category"


class ItemState(StrEnum):
    IN_FORCE = "IN_FORCE"
    SUPERSEDED = "SUPERSEDED"


class ServiceItem(Model):
    """One version of a service item. A version that cases refer to is never edited (谁编制谁维护)."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    key = fields.CharField(max_length=60)
    version = fields.IntField()
    state = fields.CharEnumField(ItemState, max_length=20)
    content_hash = fields.CharField(max_length=64)
    implement_code = fields.CharField(max_length=36)
    name_zh = fields.CharField(max_length=200)
    name_en = fields.CharField(max_length=300)
    department: fields.ForeignKeyRelation[Department] = fields.ForeignKeyField(
        "portal.Department", related_name="items", on_delete=fields.RESTRICT
    )
    department_id: str
    item_type = fields.CharField(max_length=30)
    handling_type = fields.CharField(max_length=20)
    min_level = fields.SmallIntField()
    visit_count = fields.SmallIntField()
    online_depth = fields.SmallIntField()
    statutory_limit = fields.SmallIntField(null=True)
    statutory_unit = fields.CharEnumField(LimitUnit, max_length=20, null=True)
    promised_limit = fields.SmallIntField(null=True)
    promised_unit = fields.CharEnumField(LimitUnit, max_length=20, null=True)
    bookable = fields.BooleanField()
    queue_category = fields.CharField(max_length=2, null=True)
    result_by_post = fields.BooleanField()
    proxy_allowed = fields.BooleanField()
    fees: list[dict[str, Any]] = fields.JSONField()
    materials: list[dict[str, Any]] = fields.JSONField()
    guide: dict[str, Any] = fields.JSONField()
    """The rest of the implementation list: legal basis, conditions, steps, questions, topics, result."""

    published_at = fields.DatetimeField()

    class Meta:
        table = "service_item"
        unique_together = (("key", "version"),)
        constraints = (
            UniqueConstraint(fields=("key",), name="one_version_in_force", condition="state = 'IN_FORCE'"),
            CheckConstraint(check="min_level BETWEEN 1 AND 4", name="service_item_level"),
            CheckConstraint(check="visit_count >= 0", name="service_item_visits"),
        )


class ItemGram(Model):
    """A pair of neighbouring characters by which an item is found; heavier where people name it so."""

    id = fields.BigIntField(primary_key=True)
    item: fields.ForeignKeyRelation[ServiceItem] = fields.ForeignKeyField("portal.ServiceItem", related_name="grams")
    item_id: UUID
    gram = fields.CharField(max_length=40, db_index=True)
    weight = fields.SmallIntField()

    class Meta:
        table = "item_gram"
        unique_together = (("item", "gram"),)
