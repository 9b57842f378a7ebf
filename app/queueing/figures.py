"""Without this module a manager would open one more window by feeling.

Counted in the database, without a person in any row; each table is read once, whatever the range. What the figures
mean is said in `figure_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from app.catalogue.queries import keys_of_points_for, service_point_for
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotAllowed
from app.queueing.figure_rules import By, Figure, Numbers, Spread, Visits, Work, check_range, without_small
from app.queueing.waits import LONGEST_VISIT

_NO_KEY = "NULL::text"
_OF_TICKETS = {
    By.HALL: "t.service_point_id",
    By.BUSINESS: "t.category",
    By.HOUR: "to_char(t.taken_at AT TIME ZONE 'Asia/Shanghai', 'HH24')",
    By.WINDOW: "w.service_point_id || '/' || lpad(w.number::text, 5, '0')",
}
_OF_BOOKINGS = {
    By.HALL: "s.service_point_id",
    By.BUSINESS: "s.category",
    By.HOUR: "to_char(s.starts_at AT TIME ZONE 'Asia/Shanghai', 'HH24')",
    By.WINDOW: _NO_KEY,
}
_OF_SHIFTS = {**_OF_TICKETS, By.HALL: "w.service_point_id", By.BUSINESS: _NO_KEY, By.HOUR: _NO_KEY}

# What was done from `began` to `ended` counts whole, or in each hour of the day with its part.
_WHOLE = "(SELECT key, began, ended)"
_IN_HOURS = """(
    SELECT to_char(hour AT TIME ZONE 'Asia/Shanghai', 'HH24') AS key,
        greatest(began, hour) AS began, least(ended, hour + interval '1 hour') AS ended
    FROM generate_series(date_trunc('hour', began, 'Asia/Shanghai'), ended, interval '1 hour') AS hour
)"""
_FOR_EACH_BUSINESS = "(SELECT category AS key, began, ended FROM jsonb_array_elements_text(categories) AS category)"
_PARTS_OF_VISITS = {By.HOUR: _IN_HOURS}
_PARTS_OF_SHIFTS = {By.HOUR: _IN_HOURS, By.BUSINESS: _FOR_EACH_BUSINESS}

# Who was transferred waits again with the time of the first queue: that is no one wait.
_TICKETS = """
    WITH counted AS (
        SELECT {key} AS key, t.state, t.booking_id, t.started_at AS began, t.finished_at AS ended,
            CASE WHEN t.transferred_from = ''
                THEN extract(epoch FROM t.called_at - coalesce(t.queued_at, t.taken_at))::float8 END AS waited,
            CASE WHEN t.state = 'DONE' AND t.finished_at - t.started_at BETWEEN interval '0' AND $4::interval
                THEN extract(epoch FROM t.finished_at - t.started_at)::float8 END AS served
        FROM ticket t LEFT JOIN hall_window w ON w.id = t.window_id
        WHERE t.service_point_id = ANY($1::text[]) AND t.day BETWEEN $2 AND $3
    ), numbers AS (
        SELECT key, count(*) AS taken,
            count(*) FILTER (WHERE state = 'DONE') AS served,
            count(*) FILTER (WHERE state = 'PASSED') AS passed,
            count(*) FILTER (WHERE state = 'ABANDONED') AS abandoned,
            count(*) FILTER (WHERE booking_id IS NOT NULL) AS booked,
            percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY waited) AS waited, avg(waited) AS waited_mean,
            percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY served) AS serving, avg(served) AS serving_mean
        FROM counted WHERE key IS NOT NULL GROUP BY key
    ), done AS (
        SELECT part.key, count(*) AS visits, sum(extract(epoch FROM part.ended - part.began)) AS serving_seconds
        FROM counted CROSS JOIN LATERAL {parts} AS part
        WHERE served IS NOT NULL AND part.key IS NOT NULL AND part.began < part.ended GROUP BY part.key
    )
    SELECT * FROM numbers FULL JOIN done USING (key)
"""
# Also who has an excuse did not come; what was given back, or cancelled by the hall, never was to come.
_BOOKINGS = """
    SELECT key, count(*) AS due, count(*) FILTER (WHERE state = 'NO_SHOW') AS missed
    FROM (
        SELECT {key} AS key, b.state FROM booking b JOIN slot s ON s.id = b.slot_id
        WHERE s.service_point_id = ANY($1::text[]) AND s.day BETWEEN $2 AND $3 AND s.layer <> 'HOME_VISIT'
          AND b.state IN ('CHECKED_IN', 'SERVED', 'NO_SHOW')
    ) counted WHERE key IS NOT NULL GROUP BY key
"""
# A shift is of the day it began, and ends with it: who forgot to close a window did not work all night.
_SHIFTS = """
    WITH shift AS (
        SELECT {key} AS key, h.id, h.categories, tstzrange(h.began_at, greatest(h.began_at,
            least(coalesce(h.ended_at, $4), (
                date_trunc('day', h.began_at AT TIME ZONE 'Asia/Shanghai') + interval '1 day'
            ) AT TIME ZONE 'Asia/Shanghai'))) AS sat
        FROM window_shift h JOIN hall_window w ON w.id = h.window_id
        WHERE w.service_point_id = ANY($1::text[]) AND h.began_at >= $2 AND h.began_at < $3
    ), pauses AS (
        SELECT p.shift_id, range_agg(tstzrange(p.began_at, greatest(p.began_at, coalesce(p.ended_at, $4)))) AS paused
        FROM window_pause p JOIN shift ON shift.id = p.shift_id GROUP BY p.shift_id
    ), open AS (
        SELECT key, categories, lower(stretch) AS began, upper(stretch) AS ended
        FROM shift LEFT JOIN pauses ON pauses.shift_id = shift.id
            CROSS JOIN LATERAL unnest(tstzmultirange(sat) - coalesce(paused, '{{}}'::tstzmultirange)) AS stretch
    )
    SELECT part.key, sum(extract(epoch FROM part.ended - part.began)) AS open_seconds
    FROM open CROSS JOIN LATERAL {parts} AS part WHERE part.began < part.ended GROUP BY part.key
"""

_COUNTS = ("taken", "served", "passed", "abandoned", "booked", "due", "missed", "visits", "serving_seconds",
           "open_seconds")  # fmt: skip
_SPREADS = ("waited", "waited_mean", "serving", "serving_mean")
_NOTHING: Mapping[str, Any] = {**dict.fromkeys(_COUNTS, 0), **dict.fromkeys(_SPREADS)}
"""What a key that only another table knows counts here."""


async def queue_figures(actor: Actor, service_point: str | None, first: date, last: date, by: By) -> list[Figure]:
    """What happened in the queues of a hall, or of all in one's part of the city, on some days (both included).

    For managers; statisticians are told of no row with one to four people, and nothing by window, for a window on a
    day is a clerk. Raises `NotAllowed`, `NotFound` or `InvalidInput`.
    """
    actor.staff_id(Role.DEPARTMENT_MANAGER, Role.STATISTICS_VIEWER)
    manages = Role.DEPARTMENT_MANAGER in actor.roles
    if by is By.WINDOW and not manages:
        raise NotAllowed
    check_range(first, last)
    if service_point is None:
        places = await keys_of_points_for(actor)
    else:
        places = [(await service_point_for(actor, service_point)).key]
    figures = await _read(places, first, last, by, service_point)
    return figures if manages else [without_small(figure) for figure in figures]


async def _read(places: Sequence[str], first: date, last: date, by: By, hall: str | None) -> list[Figure]:
    parts = _PARTS_OF_VISITS.get(by, _WHOLE), _PARTS_OF_SHIFTS.get(by, _WHOLE)
    begins, ends = clock.at_local(first, 0), clock.at_local(last + timedelta(days=1), 0)
    tickets = await _by_key(_TICKETS.format(key=_OF_TICKETS[by], parts=parts[0]), places, first, last, LONGEST_VISIT)
    bookings = await _by_key(_BOOKINGS.format(key=_OF_BOOKINGS[by]), places, first, last)
    shifts = await _by_key(_SHIFTS.format(key=_OF_SHIFTS[by], parts=parts[1]), places, begins, ends, clock.now())
    found = []
    for key in sorted({*tickets, *bookings, *shifts}):
        row, of_visits, of_shifts = tickets.get(key, _NOTHING), bookings.get(key, _NOTHING), shifts.get(key, _NOTHING)
        figure = Figure(
            hall=hall,
            numbers=Numbers(row["taken"], row["served"], row["passed"], row["abandoned"], row["booked"]),
            waiting=_spread(row["waited"], row["waited_mean"]),
            serving=_spread(row["serving"], row["serving_mean"]),
            visits=Visits(of_visits["due"], of_visits["missed"]) if _OF_BOOKINGS[by] != _NO_KEY else None,
            work=Work(round(of_shifts["open_seconds"]), round(row["serving_seconds"]), row["visits"]),
        )
        found.append(replace(figure, **_of_what(by, key)))
    return found


async def _by_key(sql: str, *values: object) -> dict[str, Mapping[str, Any]]:
    rows = [{name: value for name, value in row.items() if value is not None} for row in await db.rows(sql, *values)]
    return {row["key"]: {**_NOTHING, **row} for row in rows}


def _of_what(by: By, key: str) -> dict[str, Any]:
    if by is By.HALL:
        return {"hall": key}
    if by is By.BUSINESS:
        return {"business": key}
    if by is By.HOUR:
        return {"hour": int(key)}
    hall, _, number = key.rpartition("/")
    return {"hall": hall, "window": int(number)}


def _spread(quantiles: Sequence[float] | None, mean: float | None) -> Spread | None:
    if quantiles is None or mean is None:
        return None
    return Spread(round(quantiles[0]), round(quantiles[1]), round(mean))
