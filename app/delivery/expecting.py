"""Without this module a resident would wait at home for a week: when a parcel will come, from how long others took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.delivery.models import Parcel
from app.delivery.rules import END_STATES
from app.delivery.spans import band_of
from app.kernel import db

_REMEMBERED = timedelta(days=180)
_MOST = 500
_TAKEN = """
    SELECT extract(epoch FROM delivered_at - picked_up_at)::float8 AS seconds FROM parcel
    WHERE carrier = $1 AND from_division LIKE $2 || '%' AND to_division LIKE $3 || '%'
      AND delivered_at > $4 AND picked_up_at IS NOT NULL AND delivered_at > picked_up_at
    ORDER BY delivered_at DESC LIMIT $5
"""
_WIDTHS = (6, 4, 2, 0)
"""How many digits of both divisions have to agree (GB/T 2260: county, city, province), narrowest first."""


@dataclass(frozen=True)
class Expected:
    since: datetime
    until: datetime


async def expect(parcel: Parcel, now: datetime) -> Expected | None:
    """Between when a parcel that was picked up will come; None before that, after the end, or on an unknown way."""
    if parcel.picked_up_at is None or parcel.state in END_STATES:
        return None
    for width in _WIDTHS:
        band = band_of(await _spans(parcel, width, now))
        if band is not None:
            since, until = parcel.picked_up_at + band.low, parcel.picked_up_at + band.high
            return Expected(since, until) if until > now else None
    return None


async def _spans(parcel: Parcel, width: int, now: datetime) -> Sequence[timedelta]:
    rows = await db.rows(
        _TAKEN, parcel.carrier, parcel.from_division[:width], parcel.to_division[:width], now - _REMEMBERED, _MOST
    )
    return [timedelta(seconds=row["seconds"]) for row in rows]
