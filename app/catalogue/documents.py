"""Without this module a city's catalogue file would be believed instead of checked.

The shape of the import file. Amounts are fen; a null amount means "set elsewhere", never "free".
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,58}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
DivisionCode = Annotated[str, StringConstraints(pattern=r"^(\d{6}|\d{9}|\d{12})$")]
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Category = Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,2}$")]
FeeRule = Literal["FIXED", "CONDITIONAL", "CHOOSE_ONE", "PER_EXTRA_UNIT"]


class Entry(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class DivisionEntry(Entry):
    code: DivisionCode
    name_zh: Name
    name_en: str = ""
    parent: DivisionCode | None = None
    level: int = Field(ge=1, le=6)


class DepartmentEntry(Entry):
    key: Key
    name_zh: Name
    name_en: str = ""
    uscc: str
    division_code: DivisionCode


class OpeningPeriod(Entry):
    open: Clock
    close: Clock


class ServicePointEntry(Entry):
    key: Key
    name_zh: Name
    name_en: str = ""
    division_code: DivisionCode
    kind: Literal["HALL", "STATION"]
    address_zh: str
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    queue_categories: tuple[Category, ...] = Field(min_length=1)
    windows: int = Field(ge=1, le=500)
    opening_hours: dict[Literal["1", "2", "3", "4", "5", "6", "7"], tuple[OpeningPeriod, ...]]


class LimitEntry(Entry):
    value: int | None = Field(ge=0, le=3650)
    unit: Literal["WORKING_DAY", "CALENDAR_DAY"] | None
    note: str | None = None


class FeeEntry(Entry):
    fee_key: str | None
    name: Name
    amount_fen: int | None = Field(ge=0, le=100_000_000)
    unit: str | None = None
    basis: str | None = None
    standard: Literal["NATIONAL", "LOCAL", "BY_DECISION", "STATUTORY_TAX"]
    when: str | None = None
    rule: FeeRule
    group: str | None = None


class MaterialEntry(Entry):
    order: int = Field(ge=1)
    material_key: str
    name_zh: Name
    name_en: str = ""
    necessity: Literal["REQUIRED", "CONDITIONAL", "OPTIONAL"]
    condition: str | None = None
    source: Literal["APPLICANT", "GOV_ISSUED", "OTHER"]
    issuing_authority: str | None = None
    original_copies: int = Field(ge=0, le=99)
    photo_copies: int = Field(ge=0, le=99)
    elicense_type: str | None = None
    tolerable: bool = False
    commitment_replaceable: bool = False


class Appointment(Entry):
    supported: bool
    required: bool
    queue_category: Category | None = None


class DeliveryWays(Entry):
    materials_by_post: bool
    result_by_post: bool


class ItemEntry(Entry):
    key: Key
    implement_code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{18}[1-7]\d{12}$")]
    name_zh: Name
    name_en: str = ""
    department: Key
    item_type: str
    handling_type: Literal["IMMEDIATE", "COMMITMENT", "OTHER"]
    subjects: tuple[Literal["NATURAL_PERSON", "LEGAL_PERSON"], ...] = Field(min_length=1)
    legal_basis: tuple[dict[str, Any], ...] = ()
    statutory_limit: LimitEntry
    promised_limit: LimitEntry
    special_procedures: tuple[str, ...] = ()
    visit_count: int = Field(ge=0, le=20)
    visit_reason: str | None = None
    online_depth_level: int = Field(ge=1, le=4)
    channels: tuple[str, ...] = ()
    appointment: Appointment
    delivery: DeliveryWays
    online_payment_supported: bool
    min_auth_level: Literal["L1", "L2", "L3", "L4"]
    proxy_allowed: bool
    fees: tuple[FeeEntry, ...] = ()
    materials: tuple[MaterialEntry, ...] = ()
    conditions: tuple[str, ...] = ()
    process_steps: tuple[dict[str, Any], ...] = ()
    result: dict[str, Any] = {}
    faq: tuple[dict[str, str], ...] = ()
    keywords: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


class ElicenceTypeEntry(Entry):
    key: str


class LifeEventEntry(Entry):
    key: Key
    item_keys: tuple[Key, ...]


class QueueCategoryEntry(Entry):
    prefix: Category
    name_zh: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    name_en: Annotated[str, StringConstraints(max_length=120)] = ""


class EnumsEntry(Entry):
    queue_categories: tuple[QueueCategoryEntry, ...]


class CatalogueDocument(Entry):
    enums: EnumsEntry
    divisions: tuple[DivisionEntry, ...]
    departments: tuple[DepartmentEntry, ...]
    elicense_types: tuple[ElicenceTypeEntry, ...] = ()
    service_points: tuple[ServicePointEntry, ...]
    life_events: tuple[LifeEventEntry, ...] = ()
    items: tuple[ItemEntry, ...]


class HolidayEntry(Entry):
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
    name_zh: str


class AdjustedWorkdayEntry(Entry):
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
    for_zh: str


class CalendarDocument(Entry):
    holidays: tuple[HolidayEntry, ...]
    adjusted_workdays: tuple[AdjustedWorkdayEntry, ...]
