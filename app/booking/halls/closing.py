"""Without this module a hall could not close a session without leaving people before a locked door.

The slots are closed at once, in one transaction with the fact. Who is booked in them is then seen to one after
another, each in a transaction of their own (`rehousing`), by a worker that may be killed and begin again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from app.booking import places
from app.booking.errors import DayOver
from app.booking.events import SessionClosed
from app.booking.halls.layout import hold
from app.booking.halls.opening import check_serves, manager_point
from app.booking.halls.runs import Need, OpenSlot, how_many_find_room
from app.booking.models import SessionClosure
from app.booking.rules import Channel
from app.catalogue.models import ServicePoint
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.facts.publishing import publish

_LONGEST = timedelta(days=31)
_REASON_MOST = 200
_SLOTS = """
    SELECT id FROM slot WHERE service_point_id = $1 AND category = ANY($2::text[])
      AND starts_at < $4 AND ends_at > $3 AND day BETWEEN $5 AND $6 ORDER BY id
"""
_CLOSE = "UPDATE slot SET closed_at = $2 WHERE id = ANY($1::uuid[]) AND closed_at IS NULL"
_BOOKED = """
    SELECT b.id, b.state, b.party, b.channel, cardinality(b.slots) AS length, f.starts_at, f.day, f.category, f.layer
    FROM booking b JOIN slot f ON f.id = b.slot_id
    WHERE f.service_point_id = $1 AND f.category = ANY($2::text[]) AND f.day BETWEEN $4 AND $5
      AND b.slots && $3::uuid[] AND b.state = ANY($6::text[])
    ORDER BY f.starts_at, b.booked_at, b.id
"""
_OPEN = """
    SELECT id, day, category, layer, starts_at, ends_at, capacity - taken AS free,
        phone_capacity - phone_taken AS phones
    FROM slot WHERE service_point_id = $1 AND category = ANY($2::text[]) AND day BETWEEN $3 AND $4
      AND starts_at > $5 AND closed_at IS NULL AND (opens_at IS NULL OR opens_at <= $5) AND NOT id = ANY($6::uuid[])
    ORDER BY starts_at
"""


@dataclass(frozen=True)
class ClosureAsked:
    """A stretch of time a hall would close, for one business or all."""

    point: ServicePoint
    category: str
    closes_from: datetime
    closes_until: datetime

    @property
    def businesses(self) -> list[str]:
        return [self.category] if self.category else sorted(self.point.queue_categories)

    @property
    def days(self) -> tuple[date, date]:
        return clock.local(self.closes_from).date(), clock.local(self.closes_until).date()


@dataclass(frozen=True)
class ClosurePreview:
    """Whom a closure would hit: how many slots and bookings, and how many of these can be moved the same day."""

    slots: int
    bookings: int
    movable: int


async def preview_closure(
    actor: Actor, service_point: str, category: str, closes_from: datetime, closes_until: datetime
) -> ClosurePreview:
    """What closing a stretch of time would mean; nothing is changed.

    `category` is empty for all businesses. Raises `NotAllowed`, `NotFound`, `DayOver` or `InvalidInput`.
    """
    asked = await _asked(actor, service_point, category, closes_from, closes_until)
    slots = await _slots_in(asked)
    booked = await booked_in(asked, slots)
    first, last = asked.days
    found = await db.rows(_OPEN, asked.point.key, asked.businesses, first, last, clock.now(), slots)
    open_slots: defaultdict[tuple[object, ...], list[OpenSlot]] = defaultdict(list)
    for row in found:
        open_slots[_session(row)].append(open_slot(row))
    needs: defaultdict[tuple[object, ...], list[Need]] = defaultdict(list)
    for row in booked:
        need = Need(row["length"], row["party"], Channel(row["channel"]), row["starts_at"])
        needs[_session(row)].append(need)
    movable = sum(how_many_find_room(needs[key], open_slots[key], clock.now()) for key in needs)
    return ClosurePreview(len(slots), len(booked), movable)


def _session(row: Mapping[str, Any]) -> tuple[object, ...]:
    return row["day"], row["category"], row["layer"]


def open_slot(row: Mapping[str, Any]) -> OpenSlot:
    return OpenSlot(row["id"], row["starts_at"], row["ends_at"], row["free"], row["phones"])


async def _asked(
    actor: Actor, service_point: str, category: str, closes_from: datetime, closes_until: datetime
) -> ClosureAsked:
    """What is over already is not closed any more: a closure begins now at the earliest."""
    point = await manager_point(actor, service_point)
    if category:
        check_serves(point, category)
    if closes_until <= clock.now():
        raise DayOver(field="until")
    if not closes_from < closes_until <= closes_from + _LONGEST:
        raise InvalidInput(
            field="until",
            reason_zh="结束应晚于开始,且一次最多关闭31天",
            reason_en="it must end after it begins, at most 31 days later",
        )
    return ClosureAsked(point, category, max(closes_from, clock.now()), closes_until)


async def _slots_in(asked: ClosureAsked) -> list[UUID]:
    first, last = asked.days
    found = await db.rows(_SLOTS, asked.point.key, asked.businesses, asked.closes_from, asked.closes_until, first, last)
    return [row["id"] for row in found]


async def booked_in(
    asked: ClosureAsked, slots: Sequence[UUID], states: Sequence[str] = ("BOOKED",)
) -> Sequence[Mapping[str, Any]]:
    """Bookings that have places in some slots of a closure, in the order in which they are seen to."""
    first, last = asked.days
    return await db.rows(_BOOKED, asked.point.key, asked.businesses, list(slots), first, last, list(states))


async def close_session(
    actor: Actor, service_point: str, category: str, closes_from: datetime, closes_until: datetime, reason: str
) -> SessionClosure:
    """Close a stretch of time at once; everybody booked in it is moved or offered another place by the worker.

    Nothing is laid out in it later either. Raises like `preview_closure`.
    """
    asked = await _asked(actor, service_point, category, closes_from, closes_until)
    if not 1 <= len(reason.strip()) <= _REASON_MOST:
        raise InvalidInput(
            field="reason",
            reason_zh=f"原因应为1至{_REASON_MOST}字",
            reason_en=f"the reason has 1 to {_REASON_MOST} characters",
        )
    async with db.transaction():
        for business in asked.businesses:
            await hold(service_point, business)
        slots = await _slots_in(asked)
        await places.lock(slots)
        await places.offer_no_more(slots)
        await db.rows(_CLOSE, slots, clock.now())
        closure = await SessionClosure.create(
            service_point_id=service_point,
            category=category,
            closes_from=asked.closes_from,
            closes_until=closes_until,
            reason=reason.strip(),
            asked_by_id=actor.staff_id(),
            asked_at=clock.now(),
            bookings=len(await booked_in(asked, slots)),
        )
        await publish(SessionClosed(closure.id))
        detail = {"slots": len(slots), "bookings": closure.bookings}
        await audit.record(actor, "booking.session_closed", f"closure:{closure.id}", detail=detail)
    return closure


async def closures_of(actor: Actor, service_point: str, *, limit: int, before: UUID | None) -> list[SessionClosure]:
    """What a hall closed, newest first. Raises `NotAllowed` or `NotFound`."""
    point = await manager_point(actor, service_point)
    found = SessionClosure.filter(service_point_id=point.key)
    if before is not None:
        found = found.filter(id__lt=before)
    return await found.order_by("-id").limit(limit)


async def closure_of(actor: Actor, closure_id: UUID) -> SessionClosure:
    """How far one closure is. Raises `NotAllowed`, and `NotFound` alike for none and for one elsewhere."""
    actor.staff_id(Role.DEPARTMENT_MANAGER)
    closure = await SessionClosure.get_or_none(
        id=closure_id, service_point__division_code__startswith=actor.scope.division
    )
    if closure is None:
        raise NotFound(what_zh="这次关闭", what_en="closure")
    return closure


async def closure_asked(closure: SessionClosure) -> tuple[ClosureAsked, list[UUID]]:
    """A closure that was made, with the slots it closed."""
    point = await ServicePoint.get(key=closure.service_point_id)
    asked = ClosureAsked(point, closure.category, closure.closes_from, closure.closes_until)
    return asked, await _slots_in(asked)
