"""Without this module a hall could not say how it is booked, or would find out afterwards whom a new rule hit.

Every change is shown before it is made: a preview has a fingerprint, and only what was previewed is applied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.booking.errors import DayOver, RulesChanged
from app.booking.halls.layout import DayChange, apply_by_day, compare, days_ahead, grounds_of, hold
from app.booking.halls.relaying import Change, Wanted
from app.booking.halls.rule_checks import checked_rules, invalid
from app.booking.models import BusinessPolicy
from app.booking.policies import forget_policies, policy_from
from app.booking.policy import Policy, default_rules
from app.catalogue.models import ServicePoint
from app.catalogue.queries import every_service_point, items_in_force, service_point_for
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound


@dataclass(frozen=True)
class Rules:
    """The rules of a business in force, and which of them were set here (`own`) rather than left as they are."""

    policy: Policy
    own: Sequence[str]
    version: int


@dataclass(frozen=True)
class Preview:
    """What a change would do to the slots ahead, day by day, and the text by which exactly that can be applied."""

    days: Sequence[DayChange]
    fingerprint: str

    def count(self, what: str) -> int:
        """How many slots are `added`, `removed`, `changed` or `kept` in all."""
        return sum(len(getattr(day.difference, what)) for day in self.days)

    @property
    def bookings(self) -> int:
        """Live bookings whose time the changed rules would not offer any more; they stay as they are."""
        return sum(len(day.bookings) for day in self.days)


def preview_of(days: Sequence[DayChange], *change: object) -> Preview:
    """`change` is what is asked for and what it is asked of: a preview is good for nothing else."""
    told = [_shape(day) for day in days]
    return Preview(
        [day for day in days if not day.difference.is_empty or day.difference.kept],
        hashlib.sha256(repr((change, told)).encode()).hexdigest()[:32],
    )


def _shape(day: DayChange) -> tuple[object, ...]:
    """What a fingerprint stands for: a booking in a slot that is not touched does not move it."""
    one = day.difference
    return (
        day.day.isoformat(),
        day.category,
        [_wanted(slot) for slot in one.added],
        sorted(str(slot.id) for slot in one.removed),
        [_change(change) for change in one.changed],
        [_change(change) for change in one.kept],
        sorted(str(booking) for booking in day.bookings),
    )


def _wanted(slot: Wanted) -> tuple[str, ...]:
    room = slot.room
    told = (slot.stretch.starts_at, slot.stretch.ends_at, room.capacity, room.phone_capacity, room.opens_at)
    return tuple(str(value) for value in told)


def _change(change: Change) -> tuple[str, ...]:
    room = change.room
    told = (change.laid.id, change.ends_at, change.closed, room.capacity, room.phone_capacity, room.opens_at)
    return tuple(str(value) for value in told)


def check_serves(point: ServicePoint, category: str) -> None:
    """Raise `NotFound` for a business a service point does not have."""
    if category not in point.queue_categories:
        raise NotFound(what_zh="这个服务点的这类业务", what_en="business at this service point")


async def manager_point(actor: Actor, service_point: str) -> ServicePoint:
    """A service point of the manager's part of the city. Raises `NotSignedIn`, `NotAllowed` or `NotFound`."""
    actor.staff_id(Role.DEPARTMENT_MANAGER)
    return await service_point_for(actor, service_point)


async def business_rules(actor: Actor, service_point: str, category: str) -> Rules:
    """All the rules of a business, for the manager of the hall. Raises `NotAllowed` or `NotFound`."""
    point = await manager_point(actor, service_point)
    check_serves(point, category)
    row = await BusinessPolicy.get_or_none(service_point_id=service_point, category=category)
    return _rules(point, row)


async def booking_rules(service_point: str, category: str) -> Policy:
    """The rules as everybody may know them. Raises `NotFound`."""
    point = next((one for one in await every_service_point() if one.key == service_point), None)
    if point is None:
        raise NotFound(what_zh="这个服务点", what_en="service point")
    check_serves(point, category)
    row = await BusinessPolicy.get_or_none(service_point_id=service_point, category=category)
    return _rules(point, row).policy


def _rules(point: ServicePoint, row: BusinessPolicy | None) -> Rules:
    own = row.rules if row else {}
    return Rules(policy_from(point, own), sorted(own), row.version if row else 0)


async def preview_rules(actor: Actor, service_point: str, category: str, wanted: Mapping[str, Any]) -> Preview:
    """What new rules would do to the slots that are laid out; nothing is changed.

    `wanted` holds the rules to change; None puts one back to its default. Raises `NotAllowed`, `NotFound` or
    `PolicyInvalid`.
    """
    point = await manager_point(actor, service_point)
    check_serves(point, category)
    row = await BusinessPolicy.get_or_none(service_point_id=service_point, category=category)
    preview, _ = await _preview_rules(point, category, row, wanted, locked=False)
    return preview


async def _preview_rules(
    point: ServicePoint, category: str, row: BusinessPolicy | None, wanted: Mapping[str, Any], *, locked: bool
) -> tuple[Preview, dict[str, Any]]:
    before, version = (row.rules, row.version) if row else ({}, 0)
    defaults = default_rules(point.windows, len(point.queue_categories))
    rules = checked_rules(defaults, before, wanted)
    await _check_items(category, rules.get("minutes_by_item", {}))
    policy, old = policy_from(point, rules), policy_from(point, before)
    [grounds] = await grounds_of([point])
    days = days_ahead(max(policy.days_laid, old.days_laid))
    changes = await compare(grounds, category, policy, days, locked=locked)
    return preview_of(changes, point.key, category, version, sorted(before.items()), sorted(rules.items())), rules


async def _check_items(category: str, minutes: Mapping[str, int]) -> None:
    for key, item in zip(minutes, await items_in_force(list(minutes)), strict=True):
        if item is None or item.queue_category != category:
            raise invalid("minutes_by_item", f"中的事项{key}不属于这类业务", f": {key} is no item of this business")


async def set_rules(
    actor: Actor, service_point: str, category: str, wanted: Mapping[str, Any], fingerprint: str
) -> Rules:
    """Put previewed rules into force and lay the slots ahead out by them; what is booked stays as it is.

    Raises like `preview_rules`, and `RulesChanged` when rules or bookings are not those of the preview any more.
    """
    point = await manager_point(actor, service_point)
    check_serves(point, category)
    async with db.transaction():
        await hold(service_point, category)
        row = await BusinessPolicy.get_or_none(service_point_id=service_point, category=category)
        preview, rules = await _preview_rules(point, category, row, wanted, locked=True)
        if preview.fingerprint != fingerprint:
            raise RulesChanged
        row = row or BusinessPolicy(service_point_id=service_point, category=category, version=0)
        row.rules, row.version, row.changed_at = rules, row.version + 1, clock.now()
        await row.save()
        await apply_by_day(service_point, preview.days)
        detail = {"version": row.version, "rules": sorted(wanted), "slots": preview.count("added")}
        await audit.record(actor, "booking.rules_set", f"rules:{service_point}/{category}", detail=detail)
    forget_policies()
    return _rules(point, row)


def check_ahead(day: date) -> None:
    """Raise `DayOver` for a day that is past."""
    if day < clock.today():
        raise DayOver(field="day")
