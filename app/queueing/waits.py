"""Without this module nobody would know whether there is time for a coffee.

Each night the visits of the last four weeks become quantiles by hall, business and hour; what is told is read from
these, blended with the visits of today, and from who sits and waits now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from app.kernel import clock, db
from app.queueing.models import Window
from app.queueing.rules import businesses_of
from app.queueing.wait_rules import FEWEST_SAMPLES, Band, Quantiles, band, blended, chosen, hands_for

LONGEST_VISIT = timedelta(hours=4)
"""Who seems to have been served for longer was forgotten at the window, and ended by the night."""

_LOOKED_BACK = timedelta(days=28)
_ALL_DAY = -1
"""Instead of an hour: the business the whole day."""

_QUANTILES = """
    percentile_cont(ARRAY[0.2, 0.5, 0.8]) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at)::float8)
"""
_VISITS = """
    state = 'DONE' AND finished_at - started_at BETWEEN interval '0' AND $1::interval
"""
_FORGET = "DELETE FROM service_time"
_LEARN = f"""
    INSERT INTO service_time (id, service_point_id, category, hour, samples, p20, p50, p80)
    SELECT gen_random_uuid(), service_point_id, category, hour, samples, round(q[1]), round(q[2]), round(q[3])
    FROM (
        SELECT service_point_id, category, coalesce(hour, {_ALL_DAY}) AS hour, count(*) AS samples, {_QUANTILES} AS q
        FROM (
            SELECT *, extract(hour FROM started_at AT TIME ZONE 'Asia/Shanghai')::int AS hour
            FROM ticket WHERE day >= $2 AND day < $3 AND {_VISITS}
        ) visit
        GROUP BY GROUPING SETS ((service_point_id, category, hour), (service_point_id, category))
        HAVING count(*) >= $4
    ) learned
    RETURNING id
"""  # noqa: S608 - constants
_LATELY = """
    SELECT * FROM service_time WHERE service_point_id = ANY($1::text[]) AND hour = ANY($2::int[])
"""
_TODAY = f"""
    SELECT service_point_id, category, count(*) AS samples, {_QUANTILES} AS q
    FROM ticket WHERE service_point_id = ANY($2::text[]) AND day = $3 AND {_VISITS}
    GROUP BY service_point_id, category
"""  # noqa: S608 - constants
_WAITING = """
    SELECT service_point_id, category, count(*) AS waiting
    FROM ticket WHERE service_point_id = ANY($1::text[]) AND day = $2 AND state = 'WAITING'
    GROUP BY service_point_id, category
"""


class Business(NamedTuple):
    """One business of one service point."""

    place: str
    category: str


@dataclass(frozen=True)
class Pace:
    """How fast a business goes now: who waits, how many windows call for it, and what of their work it gets."""

    waiting: int
    windows: int
    hands: float
    quantiles: Quantiles

    def wait(self, ahead: int) -> Band | None:
        """What who has `ahead` people before them can expect; None while no window calls for the business."""
        return band(ahead, self.hands, self.quantiles)


async def learn_service_times() -> int:
    """Lay out anew how long visits took in the last four weeks; gives how many hours and businesses are known."""
    today = clock.today()
    async with db.transaction():
        await db.rows(_FORGET)
        learned = await db.rows(_LEARN, LONGEST_VISIT, today - _LOOKED_BACK, today, FEWEST_SAMPLES)
    return len(learned)


async def waiting_at(places: Sequence[str]) -> dict[Business, int]:
    """How many wait today for each business of these service points; nobody is not mentioned."""
    found = await db.rows(_WAITING, list(places), clock.today())
    return {Business(row["service_point_id"], row["category"]): row["waiting"] for row in found}


async def paces(businesses: Sequence[Business]) -> list[Pace]:
    """In key order; as many statements for all of a city as for one."""
    places = sorted({business.place for business in businesses})
    waiting = await waiting_at(places)
    windows = await _calling_at(places)
    lately, today = await _lately(places), await _today(places)
    found = []
    for one in businesses:
        here = {other.category: count for other, count in waiting.items() if other.place == one.place}
        known = [lately.get((one, hour)) for hour in (clock.local(clock.now()).hour, _ALL_DAY)]
        found.append(
            Pace(
                waiting=here.get(one.category, 0),
                windows=sum(one.category in served for served in windows[one.place]),
                hands=hands_for(one.category, windows[one.place], here),
                quantiles=blended(chosen(*known), today.get(one)),
            )
        )
    return found


async def _calling_at(places: Sequence[str]) -> dict[str, list[list[str]]]:
    """The businesses of each window that somebody sits at and that is not paused."""
    found: defaultdict[str, list[list[str]]] = defaultdict(list)
    sitting = Window.filter(service_point_id__in=list(places), staff_id__isnull=False, paused_at=None)
    for window in await sitting:
        found[window.service_point_id].append(list(businesses_of(window.categories, window.skills)))
    return found


async def _lately(places: Sequence[str]) -> dict[tuple[Business, int], Quantiles]:
    hours = [clock.local(clock.now()).hour, _ALL_DAY]
    return {
        (Business(row["service_point_id"], row["category"]), row["hour"]): Quantiles(
            row["samples"], row["p20"], row["p50"], row["p80"]
        )
        for row in await db.rows(_LATELY, list(places), hours)
    }


async def _today(places: Sequence[str]) -> dict[Business, Quantiles]:
    return {
        Business(row["service_point_id"], row["category"]): Quantiles(row["samples"], *row["q"])
        for row in await db.rows(_TODAY, LONGEST_VISIT, list(places), clock.today())
    }
