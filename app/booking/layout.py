"""Without this module there would be no slots: they come from opening hours, the calendar and capacity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.booking.errors import SessionInvalid
from app.booking.models import BusinessPolicy, ExtraSession, Slot
from app.booking.policies import policy_from
from app.booking.rules import SLOT_MINUTES, Layer, Stretch, check_session, cut, stretches_of_day
from app.catalogue.queries import every_service_point, service_point_for
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.clock.days import load_calendar

_LAY = """
    INSERT INTO slot (id, service_point_id, category, layer, day, starts_at, ends_at, capacity, phone_capacity, taken,
        opens_at)
    SELECT id, $2, $3, $4, (s AT TIME ZONE 'Asia/Shanghai')::date, s, e, $5, $6, 0, $9
    FROM unnest($1::uuid[], $7::timestamptz[], $8::timestamptz[]) AS laid (id, s, e)
    ON CONFLICT (service_point_id, category, layer, starts_at) DO NOTHING RETURNING id
"""


async def lay_out_slots() -> int:
    """Lay out the slots of every business as far ahead as its policy says; gives how many are new.

    What is laid stays as it is, so running twice, or two at once, changes nothing.
    """
    calendar = await load_calendar()
    own = {(policy.service_point_id, policy.category): policy.rules for policy in await BusinessPolicy.all()}
    today, laid = clock.today(), 0
    for point in await every_service_point():
        for category in point.queue_categories:
            policy = policy_from(point, own.get((point.key, category), {}))
            for ahead in range(policy.days_ahead + 1):
                day = today + timedelta(days=ahead)
                stretches = stretches_of_day(day, calendar.days.get(day), point.opening_hours, policy.slot_minutes)
                laid += await _lay(
                    point.key,
                    category,
                    Layer.ORDINARY,
                    stretches,
                    Room(policy.capacity, policy.phone_capacity, policy.opens_at(day)),
                )
    return laid


@dataclass(frozen=True)
class Room:
    """What each slot of a stretch gets: places, how many of them for phones, and from when."""

    capacity: int
    phone_capacity: int
    opens_at: datetime | None = None


async def _lay(service_point: str, category: str, layer: Layer, stretches: Iterable[Stretch], room: Room) -> int:
    ahead = [stretch for stretch in stretches if stretch.starts_at > clock.now()]
    if not ahead:
        return 0
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
    return len(laid)


async def open_extra_session(
    actor: Actor, service_point: str, category: str, opens_at: datetime, closes_at: datetime, capacity: int
) -> Sequence[Slot]:
    """Open hours beyond the ordinary ones; slots of half an hour with `capacity` places each.

    For the manager of a hall in their part of the city. Raises `NotAllowed`, `NotFound` or `SessionInvalid`
    (also when it overlaps slots that are there).
    """
    staff_id = actor.staff_id(Role.DEPARTMENT_MANAGER)
    check_session(opens_at, closes_at, capacity, clock.now())
    async with db.transaction():
        point = await service_point_for(actor, service_point)
        if category not in point.queue_categories:
            raise SessionInvalid(
                reason_zh="该服务点不办理这类业务", reason_en="the service point does not serve this business"
            )
        await db.one_at_a_time(f"session/{service_point}/{category}")
        slots = Slot.filter(service_point_id=service_point, category=category)
        if await slots.filter(starts_at__lt=closes_at, ends_at__gt=opens_at).exists():
            raise SessionInvalid(reason_zh="与已有时段重叠", reason_en="it overlaps slots that are there already")
        session = await ExtraSession.create(
            service_point_id=service_point,
            category=category,
            opens_at=opens_at,
            closes_at=closes_at,
            capacity=capacity,
            opened_by_id=staff_id,
            opened_on=clock.now(),
        )
        if (
            await _lay(
                service_point, category, Layer.EXTRA, cut(opens_at, closes_at, SLOT_MINUTES), Room(capacity, capacity)
            )
            == 0
        ):
            raise SessionInvalid(reason_zh="时间不足以排出一个时段", reason_en="there is no room for a single slot")
        await audit.record(actor, "booking.session_opened", f"session:{session.id}")
        return await slots.filter(starts_at__gte=opens_at, ends_at__lte=closes_at).order_by("starts_at")
