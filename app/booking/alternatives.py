"""Without this module a refused resident would have to try one slot after another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Any, NoReturn

from app.booking.errors import SlotClosed, SlotFull, SlotGone, SlotNotOpenYet
from app.booking.models import Slot
from app.booking.queries import slot_by_id
from app.booking.rules import day_and_time
from app.booking.visits import Visit
from app.kernel import clock, db
from app.kernel.errors import Alternative, Refusal

_SHOWN = 3
_EARTH_METRES = 6_371_000
_FREE = """
    SELECT s.id, s.starts_at, s.service_point_id, p.name_zh, p.name_en, p.latitude, p.longitude,
        o.latitude AS from_latitude, o.longitude AS from_longitude
    FROM slot s JOIN service_point p ON p.key = s.service_point_id JOIN service_point o ON o.key = $2
    WHERE s.category = $1 AND s.layer = $3 AND s.id <> $4 AND s.starts_at > $5 AND s.closed_at IS NULL
      AND (s.opens_at IS NULL OR s.opens_at <= $5)
      AND s.taken + $6 <= s.capacity AND s.phone_taken + $6 <= s.phone_capacity
    ORDER BY s.starts_at LIMIT 500
"""
# A kilometre of way weighs like a quarter of an hour of time.
_SECONDS_PER_METRE = 0.9
_ELSEWHERE = timedelta(hours=2).total_seconds()


def metres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> int:
    """How far two points on the earth are apart, as the crow flies (haversine formula)."""
    a, b = radians(latitude), radians(other_latitude)
    north, east = (b - a) / 2, radians(other_longitude - longitude) / 2
    return round(2 * _EARTH_METRES * asin(sqrt(sin(north) ** 2 + cos(a) * cos(b) * sin(east) ** 2)))


async def nearest_free(slot: Slot, party: int, now: datetime) -> list[Alternative]:
    """Up to three slots with room for `party`, near in time and way to the wanted one, the best first."""
    found = await db.rows(_FREE, slot.category, slot.service_point_id, slot.layer, slot.id, now, party)
    best = sorted(found, key=lambda row: (_far(row, slot), row["starts_at"], row["id"]))
    return [_told(row, slot) for row in best[:_SHOWN]]


def _distance(row: Mapping[str, Any]) -> int | None:
    points = [row[name] for name in ("from_latitude", "from_longitude", "latitude", "longitude")]
    return None if None in points else metres(*points)


def _far(row: Mapping[str, Any], wanted: Slot) -> float:
    time = abs((row["starts_at"] - wanted.starts_at).total_seconds())
    if row["service_point_id"] == wanted.service_point_id:
        return float(time)
    return float(time + _ELSEWHERE + (_distance(row) or 0) * _SECONDS_PER_METRE)


def _told(row: Mapping[str, Any], wanted: Slot) -> Alternative:
    zh, en = day_and_time(row["starts_at"], "zh"), day_and_time(row["starts_at"], "en")
    away = _distance(row) if row["service_point_id"] != wanted.service_point_id else None
    far_zh, far_en = (f"(距离{away / 1000:.1f}公里)", f" ({away / 1000:.1f} km away)") if away else ("", "")
    return Alternative(row["id"], f"{zh},{row['name_zh']}{far_zh}", f"{en}, {row['name_en']}{far_en}")


async def refuse_full(refusal: type[Refusal], slot: Slot, party: int, **values: Any) -> NoReturn:
    """Raise a refusal that says where there is room instead."""
    free = await nearest_free(slot, party, clock.now())
    if not free:
        raise refusal(
            field="slotId",
            next_zh="近期都已约满,可以登记候补,有名额时通知您",
            next_en="Nothing else is free yet; join the waiting list and be told.",
            **values,
        )
    raise refusal(
        field="slotId",
        alternatives=free,
        next_zh=f"最近可约:{free[0].zh}",
        next_en=f"The next free one: {free[0].en}.",
        **values,
    )


async def refuse(visit: Visit) -> NoReturn:
    """Say why the places of a visit could not be taken, and what is free instead."""
    slot, now = await slot_by_id(visit.run[0]), clock.now()
    if slot.starts_at <= now:
        await refuse_full(SlotGone, slot, visit.party)
    if slot.closed_at is not None:
        await refuse_full(SlotClosed, slot, visit.party)
    if slot.opens_at is not None and slot.opens_at > now:
        raise SlotNotOpenYet(
            field="slotId", when_zh=day_and_time(slot.opens_at, "zh"), when_en=day_and_time(slot.opens_at, "en")
        )
    await refuse_full(SlotFull, slot, visit.party)
