"""Without this module a refused resident would have to try one slot after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Any, NoReturn

from app.booking.errors import NotEnoughInARow, SlotClosed, SlotFull, SlotGone, SlotNotOpenYet
from app.booking.models import Slot
from app.booking.rules import Layer, day_and_time
from app.booking.visits import Visit
from app.kernel import clock, db
from app.kernel.errors import Alternative, NotFound, Refusal

_SHOWN = 3
_LOOKED_AT = _SHOWN + 1
_LOOKED_AT_FOR_RUNS = 60
_EARTH_METRES = 6_371_000
_HAS_ROOM = """
    s.service_point_id = p.key AND s.category = $1 AND s.layer = l.layer AND s.starts_at > $5 AND s.closed_at IS NULL
    AND (s.opens_at IS NULL OR s.opens_at <= $5)
    AND s.taken + $6 <= s.capacity AND s.phone_taken + $6 <= s.phone_capacity
"""
# In each hall and layer the nearest before and after the wanted time: nothing else can be among the best.
_FREE = f"""
    SELECT s.id, l.layer, s.starts_at, s.ends_at, p.key AS service_point_id, p.name_zh, p.name_en,
        p.latitude, p.longitude, o.latitude AS from_latitude, o.longitude AS from_longitude
    FROM service_point o CROSS JOIN service_point p CROSS JOIN unnest($3::text[]) AS l (layer) CROSS JOIN LATERAL (
        (SELECT id, starts_at, ends_at FROM slot s WHERE {_HAS_ROOM} AND s.starts_at >= $4
            ORDER BY s.starts_at LIMIT $7)
        UNION ALL
        (SELECT id, starts_at, ends_at FROM slot s WHERE {_HAS_ROOM} AND s.starts_at < $4
            ORDER BY s.starts_at DESC LIMIT $7)
    ) s
    WHERE o.key = $2
"""  # noqa: S608 - the conditions are a constant
_FREE_WITHIN = """
    SELECT s.id, s.layer, s.starts_at, s.ends_at, s.service_point_id, p.name_zh, p.name_en,
        to_char(s.starts_at AT TIME ZONE 'Asia/Shanghai', 'HH24:MI') BETWEEN $5 AND $6 AS wanted
    FROM slot s JOIN service_point p ON p.key = s.service_point_id
    WHERE s.category = $1 AND s.service_point_id = ANY($2::text[]) AND s.day BETWEEN $3 AND $4 AND s.starts_at > $7
      AND s.layer <> 'HOME_VISIT' AND s.closed_at IS NULL AND (s.opens_at IS NULL OR s.opens_at <= $7)
      AND s.taken + $8 <= s.capacity AND s.phone_taken + $8 <= s.phone_capacity
      AND ($9 > 1 OR to_char(s.starts_at AT TIME ZONE 'Asia/Shanghai', 'HH24:MI') BETWEEN $5 AND $6)
    ORDER BY s.starts_at LIMIT 500
"""
# To whoever goes to the hall its extra hours are hours like the others; a visit at home is another matter.
_AT_THE_HALL = [Layer.ORDINARY, Layer.EXTRA]
_LIKE = dict.fromkeys(_AT_THE_HALL, _AT_THE_HALL)
# A kilometre of way weighs like a quarter of an hour of time.
_SECONDS_PER_METRE = 0.9
_ELSEWHERE = timedelta(hours=2).total_seconds()


def metres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> int:
    """How far two points on the earth are apart, as the crow flies (haversine formula)."""
    a, b = radians(latitude), radians(other_latitude)
    north, east = (b - a) / 2, radians(other_longitude - longitude) / 2
    return round(2 * _EARTH_METRES * asin(sqrt(sin(north) ** 2 + cos(a) * cos(b) * sin(east) ** 2)))


async def nearest_free(
    slot: Slot, party: int, now: datetime, *, slots: int = 1, category: str | None = None
) -> list[Alternative]:
    """Up to three slots with room for `party`, near in time and way to the wanted one, the best first.

    Each begins `slots` in a row that have room. `category` when it is for another business than the wanted slot's.
    """
    found = await db.rows(
        _FREE,
        category or slot.category,
        slot.service_point_id,
        _LIKE.get(slot.layer, [slot.layer]),
        slot.starts_at,
        now,
        party,
        _LOOKED_AT if slots == 1 else _LOOKED_AT_FOR_RUNS,
    )
    others = [row for row in _beginnings(found, slots) if row["id"] != slot.id]
    best = sorted(others, key=lambda row: (_far(row, slot), row["starts_at"], row["id"]))
    return [_told(row, slot) for row in best[:_SHOWN]]


async def free_within(
    category: str, service_points: Sequence[str], days: tuple[date, date], hours: tuple[str, str], room: tuple[int, int]
) -> list[Alternative]:
    """Up to three of the first free slots of some halls in a range of days and of hours.

    `room`: for how many people, and how many slots in a row.
    """
    party, slots = room
    found = await db.rows(_FREE_WITHIN, category, list(service_points), *days, *hours, clock.now(), party, slots)
    wanted = [row for row in _beginnings(found, slots) if row["wanted"]]
    return [_worded(row) for row in wanted[:_SHOWN]]


def _beginnings(free: Sequence[Mapping[str, Any]], slots: int) -> list[Mapping[str, Any]]:
    """Those of free slots after which there are enough others, one beginning where the other ends."""
    at = {(row["service_point_id"], row["layer"], row["starts_at"]): row for row in free}

    def reaches(row: Mapping[str, Any], more: int) -> bool:
        following = at.get((row["service_point_id"], row["layer"], row["ends_at"]))
        return more == 0 or (following is not None and reaches(following, more - 1))

    return [row for row in free if reaches(row, slots - 1)]


def _distance(row: Mapping[str, Any]) -> int | None:
    points = [row[name] for name in ("from_latitude", "from_longitude", "latitude", "longitude")]
    return None if None in points else metres(*points)


def _far(row: Mapping[str, Any], wanted: Slot) -> float:
    time = abs((row["starts_at"] - wanted.starts_at).total_seconds())
    if row["service_point_id"] == wanted.service_point_id:
        return float(time)
    return float(time + _ELSEWHERE + (_distance(row) or 0) * _SECONDS_PER_METRE)


def _told(row: Mapping[str, Any], wanted: Slot) -> Alternative:
    away = _distance(row) if row["service_point_id"] != wanted.service_point_id else None
    far_zh, far_en = (f"(距离{away / 1000:.1f}公里)", f" ({away / 1000:.1f} km away)") if away else ("", "")
    return _worded(row, far_zh, far_en)


def _worded(row: Mapping[str, Any], far_zh: str = "", far_en: str = "") -> Alternative:
    zh, en = day_and_time(row["starts_at"], "zh"), day_and_time(row["starts_at"], "en")
    return Alternative(row["id"], f"{zh},{row['name_zh']}{far_zh}", f"{en}, {row['name_en']}{far_en}")


async def refuse_full(refusal: type[Refusal], slot: Slot, party: int, *, slots: int = 1, **values: Any) -> NoReturn:
    """Raise a refusal that says where there is room instead, for a visit of `slots` in a row."""
    free = await nearest_free(slot, party, clock.now(), slots=slots)
    if not free:
        raise refusal(
            field="slotId",
            next_zh="近期都已约满,可以登记候补,有名额时通知您",
            next_en="Nothing else is free yet; join the waiting list and be told.",
            slots=slots,
            **values,
        )
    raise refusal(
        field="slotId",
        alternatives=free,
        next_zh=f"最近可约:{free[0].zh}",
        next_en=f"The next free one: {free[0].en}.",
        slots=slots,
        **values,
    )


async def refuse(visit: Visit) -> NoReturn:
    """Say why the places of a visit could not be taken, and what is free instead."""
    wanted, now = await Slot.filter(id__in=visit.run).order_by("starts_at"), clock.now()
    if len(wanted) < len(visit.run):  # laid out anew meanwhile
        raise NotFound(what_zh="这个时段", what_en="slot")
    first, party, slots = wanted[0], visit.party, len(visit.run)
    if first.starts_at <= now:
        await refuse_full(SlotGone, first, party, slots=slots)
    if any(slot.closed_at is not None for slot in wanted):
        await refuse_full(SlotClosed, first, party, slots=slots)
    opens_at = max((slot.opens_at for slot in wanted if slot.opens_at is not None), default=now)
    if opens_at > now:
        when_zh, when_en = day_and_time(opens_at, "zh"), day_and_time(opens_at, "en")
        await refuse_full(SlotNotOpenYet, first, party, slots=slots, when_zh=when_zh, when_en=when_en)
    if slots > 1 and min(first.capacity - first.taken, first.phone_capacity - first.phone_taken) >= party:
        await refuse_full(NotEnoughInARow, first, party, slots=slots)
    await refuse_full(SlotFull, first, party, slots=slots)
