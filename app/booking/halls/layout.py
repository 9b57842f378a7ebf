"""Without this module there would be no slots: they come from opening hours, the calendar and capacity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from app.booking import places
from app.booking.halls.relaying import Change, Day, Difference, Laid, Periods, Room, Wanted, difference, wanted_slots
from app.booking.models import BusinessPolicy, OpeningException, SessionClosure
from app.booking.policies import policy_from
from app.booking.policy import Policy
from app.booking.rules import LIVE_STATES, Layer, Stretch
from app.catalogue.models import ServicePoint
from app.catalogue.queries import every_service_point
from app.kernel import clock, db
from app.kernel.clock.calendar import WorkingCalendar
from app.kernel.clock.days import load_calendar

_LAY = """
    INSERT INTO slot (id, service_point_id, category, layer, day, starts_at, ends_at, capacity, phone_capacity, taken,
        opens_at)
    SELECT id, $2, $3, $4, (s AT TIME ZONE 'Asia/Shanghai')::date, s, e, $5, $6, 0, $9
    FROM unnest($1::uuid[], $7::timestamptz[], $8::timestamptz[]) AS laid (id, s, e)
    ON CONFLICT (service_point_id, category, layer, starts_at) DO NOTHING RETURNING id
"""
_AHEAD = "service_point_id = $1 AND category = $2 AND layer = 'ORDINARY' AND day BETWEEN $3 AND $4 AND starts_at > $5"
_LOCK = """
    SELECT id FROM slot
    WHERE service_point_id = $1 AND category = ANY($2::text[]) AND layer = 'ORDINARY' AND day BETWEEN $3 AND $4
      AND starts_at > $5
    ORDER BY id FOR UPDATE
"""
_THERE = f"""
    SELECT s.*, s.id IN (
        SELECT unnest(b.slots) FROM booking b JOIN slot f ON f.id = b.slot_id
        WHERE f.service_point_id = $1 AND f.category = $2 AND f.day BETWEEN $3 AND $4
    ) AS remembered FROM slot s WHERE {_AHEAD} ORDER BY starts_at
"""  # noqa: S608 - a constant
_BOOKED = """
    SELECT b.id, b.day, b.slots FROM booking b JOIN slot f ON f.id = b.slot_id
    WHERE f.service_point_id = $1 AND f.category = $2 AND f.day = ANY($3::date[]) AND b.state = ANY($4::text[])
"""
_REMOVE = "DELETE FROM slot WHERE id = ANY($1::uuid[]) AND taken = 0"
_CHANGE = """
    UPDATE slot SET capacity = c.capacity, phone_capacity = c.phone_capacity, opens_at = c.opens_at,
        ends_at = c.ends_at, closed_at = CASE WHEN c.closed THEN coalesce(closed_at, $7) END
    FROM unnest($1::uuid[], $2::int[], $3::int[], $4::timestamptz[], $5::timestamptz[], $6::bool[])
        AS c (id, capacity, phone_capacity, opens_at, ends_at, closed)
    WHERE slot.id = c.id
"""


@dataclass(frozen=True)
class Grounds:
    """What the slots of a service point come from besides its rules."""

    point: ServicePoint
    calendar: WorkingCalendar
    exceptions: Mapping[tuple[str, date], Periods]
    closures: Sequence[tuple[str, Stretch]]

    def day(self, day: date, category: str) -> Day:
        """An exception of the business itself goes before one of all the businesses."""
        return Day(
            day,
            self.calendar.days.get(day),
            self.point.opening_hours,
            self.exceptions.get((category, day), self.exceptions.get(("", day))),
            [stretch for business, stretch in self.closures if business in {"", category}],
        )


@dataclass(frozen=True)
class DayChange:
    """What becomes of one day of one business, and which live bookings stand where the rules want no slot."""

    day: date
    category: str
    difference: Difference
    bookings: Sequence[UUID]


async def grounds_of(points: Sequence[ServicePoint]) -> list[Grounds]:
    """In the order of `points`."""
    calendar, today = await load_calendar(), clock.today()
    exceptions: defaultdict[str, dict[tuple[str, date], Periods]] = defaultdict(dict)
    for one in await OpeningException.filter(day__gte=today):
        exceptions[one.service_point_id][one.category, one.day] = one.periods
    closures: defaultdict[str, list[tuple[str, Stretch]]] = defaultdict(list)
    for closure in await SessionClosure.filter(closes_until__gt=clock.now()):
        stretch = Stretch(closure.closes_from, closure.closes_until)
        closures[closure.service_point_id].append((closure.category, stretch))
    return [Grounds(point, calendar, exceptions[point.key], closures[point.key]) for point in points]


async def lay_out_slots() -> int:
    """Lay out the slots of every business as far ahead as its policy says; gives how many are new.

    What is laid already follows its rules (`relaying.difference`), so running twice, or two at once, changes nothing.
    """
    own = {(policy.service_point_id, policy.category): policy.rules for policy in await BusinessPolicy.all()}
    laid = 0
    for grounds in await grounds_of(await every_service_point()):
        for category in grounds.point.queue_categories:
            policy = policy_from(grounds.point, own.get((grounds.point.key, category), {}))
            days = days_ahead(policy.days_laid)
            if all(one.difference.is_empty for one in await compare(grounds, category, policy, days)):
                continue
            async with db.transaction():
                await hold(grounds.point.key, category)
                changes = await compare(grounds, category, policy, days, locked=True)
                laid += len(await apply(grounds.point.key, changes))
    return laid


def days_ahead(count: int) -> list[date]:
    """Today and `count` days more."""
    return [clock.today() + timedelta(days=ahead) for ahead in range(count + 1)]


async def hold(service_point: str, category: str) -> None:
    """Let nobody else lay out slots of a business until the open transaction ends; before any row is locked."""
    await db.one_at_a_time(f"layout/{service_point}/{category}")


async def lock_ahead(service_point: str, categories: Sequence[str], days: Sequence[date]) -> None:
    """Hold the ordinary slots ahead of some businesses until the transaction ends, in the order of everybody."""
    await db.rows(_LOCK, service_point, list(categories), days[0], days[-1], clock.now())


async def compare(
    grounds: Grounds,
    category: str,
    policy: Policy,
    days: Sequence[date],
    *,
    locked: bool = False,
) -> list[DayChange]:
    """How the ordinary slots ahead on some days differ from what the rules want; beyond `days_laid` they want none.

    `locked` holds the slots until the open transaction ends, so that what is found can be applied.
    """
    now, key = clock.now(), grounds.point.key
    last = clock.today() + timedelta(days=policy.days_laid)
    if locked:
        await lock_ahead(key, [category], days)
    there: defaultdict[date, list[Laid]] = defaultdict(list)
    for row in await db.rows(_THERE, key, category, days[0], days[-1], now):
        there[row["day"]].append(_laid(row))
    found: dict[date, Difference] = {}
    for day in days:
        grounds_of_day = grounds.day(day, category)
        wanted = wanted_slots(grounds_of_day, policy) if day <= last else []
        ahead = [slot for slot in wanted if slot.stretch.starts_at > now]
        found[day] = difference(ahead, there[day], grounds_of_day.closed)
    bookings = await _booked_in_kept(key, category, found)
    return [DayChange(day, category, found[day], bookings[day]) for day in days]


def _laid(row: Mapping[str, Any]) -> Laid:
    return Laid(
        row["id"],
        Stretch(row["starts_at"], row["ends_at"]),
        Room(row["capacity"], row["phone_capacity"], row["opens_at"]),
        taken=row["taken"],
        phone_taken=row["phone_taken"],
        closed=row["closed_at"] is not None,
        remembered=row["remembered"],
    )


async def _booked_in_kept(point: str, category: str, found: Mapping[date, Difference]) -> Mapping[date, list[UUID]]:
    kept = {change.laid.id for one in found.values() for change in one.kept}
    days = [day for day, one in found.items() if one.kept]
    bookings: defaultdict[date, list[UUID]] = defaultdict(list)
    if kept:
        for row in await db.rows(_BOOKED, point, category, days, sorted(LIVE_STATES)):
            if kept.intersection(row["slots"]):
                bookings[row["day"]].append(row["id"])
    return bookings


async def apply_by_day(service_point: str, days: Sequence[DayChange]) -> None:
    """`apply`, and places that are new go to who waits for them first: only by day, when people can answer an offer."""
    new = await apply(service_point, days)
    changes = [change for day in days for change in day.difference.changes]
    await places.set_aside_new([*new, *(change.laid.id for change in changes if change.gains_places)])


async def apply(service_point: str, days: Iterable[DayChange]) -> list[UUID]:
    """Write down what was found with the slots locked, in the same transaction; gives the slots that are new."""
    laid: list[UUID] = []
    for one in days:
        if removed := [slot.id for slot in one.difference.removed]:
            await db.rows(_REMOVE, removed)
        if changes := one.difference.changes:
            await _change(changes)
        by_room: defaultdict[Room, list[Wanted]] = defaultdict(list)
        for slot in one.difference.added:
            by_room[slot.room].append(slot)
        for room, slots in by_room.items():
            laid += await lay(service_point, one.category, Layer.ORDINARY, [slot.stretch for slot in slots], room)
    return laid


async def _change(changes: Sequence[Change]) -> None:
    if closing := [change.laid.id for change in changes if change.closed]:
        await places.offer_no_more(closing)
    await db.rows(
        _CHANGE,
        [change.laid.id for change in changes],
        [change.room.capacity for change in changes],
        [change.room.phone_capacity for change in changes],
        [change.room.opens_at for change in changes],
        [change.ends_at for change in changes],
        [change.closed for change in changes],
        clock.now(),
    )


async def lay(service_point: str, category: str, layer: Layer, stretches: Iterable[Stretch], room: Room) -> list[UUID]:
    """Slots of one kind, as far as they lie ahead and there are none at their time; gives those that are new."""
    ahead = [stretch for stretch in stretches if stretch.starts_at > clock.now()]
    if not ahead:
        return []
    laid = await db.rows(
        _LAY,
        [db.new_id() for _ in ahead],
        service_point,
        category,
        layer,
        room.capacity,
        room.phone_capacity,
        [stretch.starts_at for stretch in ahead],
        [stretch.ends_at for stretch in ahead],
        room.opens_at,
    )
    return [row["id"] for row in laid]
