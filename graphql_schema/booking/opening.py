"""Without this module no manager could change when and how a hall is booked, nor see first whom it would hit."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import strawberry

from app.booking import models
from app.booking.halls import exceptions, opening
from app.booking.halls.layout import DayChange
from app.booking.halls.relaying import Change, Laid, Wanted
from app.identity.rules import Role
from graphql_schema.booking.rules import (
    BookingRules,
    BookingRulesResult,
    BusinessRules,
    BusinessRulesResult,
    RulesInput,
)
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, lookup, mutation, query, staff
from graphql_schema.problems import Problem
from graphql_schema.scalars import as_key

_MANAGERS = staff(Role.DEPARTMENT_MANAGER)


@strawberry.type(description="时段安排 · A slot as it would be.")
class SlotPlan:
    starts_at: datetime
    ends_at: datetime
    capacity: int
    taken: int
    bookable: bool = strawberry.field(description="Whether anybody could still book it.")

    @classmethod
    def of(cls, slot: Wanted | Laid | Change) -> SlotPlan:
        laid = slot.laid if isinstance(slot, Change) else slot
        return cls(
            starts_at=laid.stretch.starts_at,
            ends_at=slot.ends_at if isinstance(slot, Change) else laid.stretch.ends_at,
            capacity=slot.room.capacity,
            taken=0 if isinstance(laid, Wanted) else laid.taken,
            bookable=isinstance(slot, Wanted) or (isinstance(slot, Change) and not slot.closed),
        )


@strawberry.type(description="一天的变化 · What would become of one day of one business.")
class DayPreview:
    day: date
    category: str
    added: list[SlotPlan]
    removed: list[SlotPlan]
    changed: list[SlotPlan]
    kept: list[SlotPlan] = strawberry.field(description="No longer wanted, but booked: they keep their time.")
    bookings: int = strawberry.field(description="Live bookings in the kept ones.")

    @classmethod
    def of(cls, one: DayChange) -> DayPreview:
        return cls(
            day=one.day,
            category=one.category,
            added=[SlotPlan.of(slot) for slot in one.difference.added],
            removed=[SlotPlan.of(slot) for slot in one.difference.removed],
            changed=[SlotPlan.of(slot) for slot in one.difference.changed],
            kept=[SlotPlan.of(slot) for slot in one.difference.kept],
            bookings=len(one.bookings),
        )


@strawberry.type(description="变更预览 · What a change would do; nothing is changed yet.")
class OpeningPreview:
    fingerprint: str = strawberry.field(description="Give it with the change: exactly this is applied, or nothing.")
    added: int
    removed: int
    changed: int
    kept: int
    bookings: int
    days: list[DayPreview] = strawberry.field(description="Days on which something changes or is kept.")

    @classmethod
    def of(cls, preview: opening.Preview) -> OpeningPreview:
        return cls(
            fingerprint=preview.fingerprint,
            added=preview.count("added"),
            removed=preview.count("removed"),
            changed=preview.count("changed"),
            kept=preview.count("kept"),
            bookings=preview.bookings,
            days=[DayPreview.of(day) for day in preview.days],
        )


@strawberry.input(description="开放时间段 · From and until, on the hall's clock: 08:30.")
class PeriodInput:
    open: str
    close: str

    def said(self) -> dict[str, str]:
        return {"open": self.open, "close": self.close}


@strawberry.type
class HallHours:
    open: str
    close: str


@strawberry.type(description="例外安排 · A day with other hours than usual, or none.")
class OpeningException:
    day: date
    category: str = strawberry.field(description="Empty for all businesses.")
    periods: list[HallHours] = strawberry.field(description="Empty when it is closed.")
    reason: str

    @classmethod
    def of(cls, row: models.OpeningException) -> OpeningException:
        periods = [HallHours(open=one["open"], close=one["close"]) for one in row.periods]
        return cls(day=row.day, category=row.category, periods=periods, reason=row.reason)


@strawberry.type
class OpeningExceptionRemoved:
    day: date
    category: str


OpeningPreviewResult = Annotated[OpeningPreview | Problem, strawberry.union("OpeningPreviewResult")]
OpeningExceptionResult = Annotated[OpeningException | Problem, strawberry.union("OpeningExceptionResult")]
OpeningExceptionRemovedResult = Annotated[
    OpeningExceptionRemoved | Problem, strawberry.union("OpeningExceptionRemovedResult")
]


@strawberry.type
class OpeningQuery:
    @lookup(EVERYONE, "预约须知 · The rules of a business as residents need to know them.")
    async def booking_rules(self, service_point: str, category: str) -> BookingRulesResult:
        return BookingRules.of(await opening.booking_rules(as_key(service_point), category))

    @query(EVERYONE, "例外安排 · Days ahead on which a service point keeps other hours.")
    async def opening_exceptions(self, service_point: str) -> list[OpeningException]:
        return [OpeningException.of(row) for row in await exceptions.exceptions_ahead(as_key(service_point))]

    @lookup(_MANAGERS, "业务规则 · All the rules of a business.")
    async def business_rules(self, info: Info, service_point: str, category: str) -> BusinessRulesResult:
        rules = await opening.business_rules(info.context.actor, as_key(service_point), category)
        return BusinessRules.of(rules, info)

    @lookup(_MANAGERS, "预览规则变更 · What new rules would do to the slots that are laid out.")
    async def preview_rules(
        self, info: Info, service_point: str, category: str, rules: RulesInput
    ) -> OpeningPreviewResult:
        preview = await opening.preview_rules(info.context.actor, as_key(service_point), category, rules.wanted())
        return OpeningPreview.of(preview)

    @lookup(
        _MANAGERS, "预览例外安排 · What other hours on a day would do; without `periods`, the ordinary hours again."
    )
    async def preview_opening_exception(
        self,
        info: Info,
        service_point: str,
        day: date,
        category: str = "",
        periods: list[PeriodInput] | None = None,
    ) -> OpeningPreviewResult:
        told = None if periods is None else [period.said() for period in periods]
        preview = await exceptions.preview_exception(info.context.actor, as_key(service_point), day, category, told)
        return OpeningPreview.of(preview)


@strawberry.type
class OpeningMutation:
    @mutation(_MANAGERS, "设置业务规则 · Put previewed rules into force; what is booked stays as it is.")
    async def set_business_rules(
        self, info: Info, service_point: str, category: str, rules: RulesInput, fingerprint: str
    ) -> BusinessRulesResult:
        changed = await opening.set_rules(
            info.context.actor, as_key(service_point), category, rules.wanted(), fingerprint
        )
        return BusinessRules.of(changed, info)

    @mutation(_MANAGERS, "设置例外安排 · Let a day have other hours than usual; no periods close it.")
    async def set_opening_exception(
        self,
        info: Info,
        service_point: str,
        day: date,
        periods: list[PeriodInput],
        reason: str,
        fingerprint: str,
        category: str = "",
    ) -> OpeningExceptionResult:
        told = [period.said() for period in periods]
        row = await exceptions.set_exception(
            info.context.actor, as_key(service_point), day, category, told, reason, fingerprint
        )
        return OpeningException.of(row)

    @mutation(_MANAGERS, "取消例外安排 · Back to the ordinary hours.")
    async def remove_opening_exception(
        self, info: Info, service_point: str, day: date, fingerprint: str, category: str = ""
    ) -> OpeningExceptionRemovedResult:
        await exceptions.remove_exception(info.context.actor, as_key(service_point), day, category, fingerprint)
        return OpeningExceptionRemoved(day=day, category=category)
