"""Without this module somebody could wait for a time that never comes, or keep a place from the next in line for ever.

What may be waited for and how long an offer is good, as values in and a verdict out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.booking.errors import LineInvalid
from app.booking.policy import Policy

OFFERS_MOST = 3
"""Who lets so many offered places pass leaves the line."""

LINES_MOST = 5
"""In how many lines one resident may stand."""

LAST_CALL = timedelta(hours=1)
"""So long before its slot begins an offered place is taken or goes on: the resident still has to get there."""

_SHORTEST_OFFER = timedelta(minutes=5)
_HALLS_MOST = 20
_DAYS_MOST = 90
_RADIUS_MOST = 100
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True)
class Near:
    """All halls within so many kilometres of a point (degrees, GCJ-02)."""

    latitude: float
    longitude: float
    radius_km: float


@dataclass(frozen=True)
class Wish:
    """Where and when somebody would come: the named halls and those near a point, a range of days and of hours."""

    party: int
    service_points: tuple[str, ...]
    near: Near | None
    days_from: date
    days_until: date
    time_from: str = "00:00"
    time_until: str = "23:59"


def check_wish(wish: Wish, today: date) -> None:
    """Raise `LineInvalid` for halls, days or hours that nobody could be offered a place in."""
    if not wish.service_points and wish.near is None:
        raise LineInvalid(field="servicePoints", reason_zh="请选择至少一个服务点", reason_en="choose a service point")
    if len(set(wish.service_points)) > _HALLS_MOST:
        raise LineInvalid(
            field="servicePoints",
            reason_zh=f"最多选择{_HALLS_MOST}个服务点",
            reason_en=f"at most {_HALLS_MOST} service points",
        )
    _check_near(wish.near)
    if wish.days_from > wish.days_until:
        raise LineInvalid(field="daysUntil", reason_zh="结束日期早于开始日期", reason_en="it ends before it begins")
    if wish.days_until < today:
        raise LineInvalid(field="daysUntil", reason_zh="所选日期已经过去", reason_en="the days are over")
    if wish.days_until > today + timedelta(days=_DAYS_MOST):
        raise LineInvalid(
            field="daysUntil",
            reason_zh=f"只能候补{_DAYS_MOST}天以内的日期",
            reason_en=f"the last day is more than {_DAYS_MOST} days ahead",
        )
    if not (_CLOCK.fullmatch(wish.time_from) and _CLOCK.fullmatch(wish.time_until)):
        raise LineInvalid(field="timeFrom", reason_zh="时间应写作09:00的形式", reason_en="write times as 09:00")
    if wish.time_from > wish.time_until:
        raise LineInvalid(field="timeUntil", reason_zh="结束时间早于开始时间", reason_en="it ends before it begins")


def _check_near(near: Near | None) -> None:
    if near is None:
        return
    if not (abs(near.latitude) <= 90 and abs(near.longitude) <= 180):
        raise LineInvalid(field="near", reason_zh="位置不正确", reason_en="there is no such point on earth")
    if not 0 < near.radius_km <= _RADIUS_MOST:
        raise LineInvalid(
            field="near",
            reason_zh=f"范围应在{_RADIUS_MOST}公里以内",
            reason_en=f"the radius is more than 0 and at most {_RADIUS_MOST} km",
        )


def offer_ends(starts_at: datetime, now: datetime, policy: Policy) -> datetime | None:
    """Until when an offered place may be taken; None when too little time is left to ask anybody."""
    shortest = min(_SHORTEST_OFFER, timedelta(minutes=policy.offer_minutes))
    ends = min(now + timedelta(minutes=policy.offer_minutes), starts_at - LAST_CALL)
    return ends if ends - now >= shortest else None
