"""Without this module a hall could not be closed for one day, or keep other hours on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from app.booking.errors import RulesChanged
from app.booking.halls.layout import DayChange, apply_by_day, compare, grounds_of, hold, lock_ahead
from app.booking.halls.opening import Preview, check_ahead, check_serves, manager_point, preview_of
from app.booking.halls.relaying import Periods
from app.booking.halls.rule_checks import checked_periods, invalid
from app.booking.models import BusinessPolicy, OpeningException
from app.booking.policies import policy_from
from app.catalogue.models import ServicePoint
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound

_REASON_MOST = 200


async def exceptions_ahead(service_point: str) -> list[OpeningException]:
    """Days on which a service point keeps other hours, from today on: at most a few."""
    ahead = OpeningException.filter(service_point_id=service_point, day__gte=clock.today())
    return await ahead.order_by("day", "category").limit(200)


async def preview_exception(
    actor: Actor, service_point: str, day: date, category: str, periods: Sequence[Mapping[str, str]] | None
) -> Preview:
    """What other hours on a day would do to its slots; nothing is changed.

    `category` is empty for all businesses. No periods close the day; None means the ordinary hours again.
    Raises `NotAllowed`, `NotFound`, `DayOver` or `PolicyInvalid`.
    """
    point = await _checked(actor, service_point, day, category)
    return await _preview(point, day, category, None if periods is None else checked_periods(periods))


async def set_exception(
    actor: Actor,
    service_point: str,
    day: date,
    category: str,
    periods: Sequence[Mapping[str, str]],
    reason: str,
    fingerprint: str,
) -> OpeningException:
    """Let a day have other hours than usual, or none; what is booked stays, and the hall sees to it or closes it.

    Raises like `preview_exception`, and `RulesChanged` when it is not what was previewed.
    """
    point = await _checked(actor, service_point, day, category)
    told = checked_periods(periods)
    if not 1 <= len(reason.strip()) <= _REASON_MOST:
        raise invalid("reason", f"应为1至{_REASON_MOST}字", f"must have 1 to {_REASON_MOST} characters")
    async with db.transaction():
        await _apply(point, day, category, told, fingerprint)
        row, _ = await OpeningException.update_or_create(
            {"periods": list(told), "reason": reason.strip(), "set_at": clock.now()},
            service_point_id=service_point,
            category=category,
            day=day,
        )
        subject = f"exception:{service_point}/{category}/{day}"
        await audit.record(actor, "booking.exception_set", subject, detail={"periods": list(told)})
    return row


async def remove_exception(actor: Actor, service_point: str, day: date, category: str, fingerprint: str) -> None:
    """Back to the ordinary hours. Raises like `set_exception`, `NotFound` also when the day has no exception."""
    point = await _checked(actor, service_point, day, category)
    async with db.transaction():
        await _apply(point, day, category, None, fingerprint)
        gone = await OpeningException.filter(service_point_id=service_point, category=category, day=day).delete()
        if not gone:
            raise NotFound(what_zh="这一天的例外安排", what_en="exception on this day")
        await audit.record(actor, "booking.exception_removed", f"exception:{service_point}/{category}/{day}")


async def _checked(actor: Actor, service_point: str, day: date, category: str) -> ServicePoint:
    point = await manager_point(actor, service_point)
    if category:
        check_serves(point, category)
    check_ahead(day)
    return point


async def _apply(point: ServicePoint, day: date, category: str, periods: Periods | None, fingerprint: str) -> None:
    for business in _businesses(point, category):
        await hold(point.key, business)
    preview = await _preview(point, day, category, periods, locked=True)
    if preview.fingerprint != fingerprint:
        raise RulesChanged
    await apply_by_day(point.key, preview.days)


async def _preview(
    point: ServicePoint, day: date, category: str, periods: Periods | None, *, locked: bool = False
) -> Preview:
    [grounds] = await grounds_of([point])
    exceptions = {key: value for key, value in grounds.exceptions.items() if key != (category, day)}
    if periods is not None:
        exceptions[category, day] = periods
    changes: list[DayChange] = []
    if locked:
        await lock_ahead(point.key, _businesses(point, category), [day])
    own = {row.category: row for row in await BusinessPolicy.filter(service_point_id=point.key)}
    for business in _businesses(point, category):
        policy = policy_from(point, own[business].rules if business in own else {})
        changed = replace(grounds, exceptions=exceptions)
        changes.extend(await compare(changed, business, policy, [day], locked=locked))
    before = grounds.exceptions.get((category, day))
    versions = sorted((row.category, row.version) for row in own.values())
    return preview_of(changes, point.key, category, day, before, periods, versions)


def _businesses(point: ServicePoint, category: str) -> list[str]:
    """In the order in which everybody holds them."""
    return [category] if category else sorted(point.queue_categories)
