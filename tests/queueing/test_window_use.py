"""How windows were used, by business and by hour, and what a shift remembers for it."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import pytest

from app.identity.rules import Role
from app.kernel.clock import local
from app.queueing.figure_rules import By, Figure, Numbers, Visits, Work, without_small
from app.queueing.figures import queue_figures
from app.queueing.models import Pause, Shift, Window
from app.queueing.windows import close_window, open_window, pause_window, set_window_skills, unpause_window
from tests.identity.accounts import caller_of, make_staff
from tests.identity.traces import nothing_moves
from tests.portal import Portal
from tests.queueing.hall import Hall
from tests.queueing.visits import put_visit

MANAGER = Role.DEPARTMENT_MANAGER
STATION = "donghu-station"  # three windows, businesses A, B and Z
MINUTE, HOUR = 60, 3_600


async def _work(hall: Hall, by: By) -> dict[str | int | None, Work | None]:
    rows = await queue_figures(await make_staff(MANAGER), hall.place, hall.day, hall.day, by)
    return {row.business if by is By.BUSINESS else row.hour: row.work for row in rows}


Told = tuple[str, str | None, list[str], list[tuple[str, str | None]]]


async def _shifts(hall: Hall) -> list[Told]:
    """Of the day: from when to when, for what, and the pauses."""

    def hand(moment: datetime | None) -> str | None:
        return f"{local(moment):%H:%M}" if moment else None

    shifts = await Shift.filter(
        window__service_point_id=hall.place, began_at__gte=hall.time(0), began_at__lt=hall.time(0) + timedelta(days=1)
    ).order_by("began_at")
    return [
        (
            str(hand(shift.began_at)),
            hand(shift.ended_at),
            shift.categories,
            [
                (str(hand(pause.began_at)), hand(pause.ended_at))
                for pause in await Pause.filter(shift_id=shift.id).order_by("began_at")
            ],
        )
        for shift in shifts
    ]


async def test_by_business_a_window_is_open_for_each_that_it_could_call(portal: Portal) -> None:
    """One window for A and B over two hours, another for B over one; A is nearly all that is done."""
    hall = Hall.on_a_day_of_its_own(STATION)
    with hall.at(9):
        await hall.clerk_at(1, "A", "B")
        second = await hall.clerk_at(2, "B")
    for minute in (0, 30):
        await put_visit(STATION, "A", hall.time(9, minute), 27 * MINUTE)
    await put_visit(STATION, "B", hall.time(9), 9 * MINUTE)
    with hall.at(10):
        await close_window(second)
    with hall.at(11):
        by_business = await _work(hall, By.BUSINESS)
        await hall.close()
    assert by_business == {
        "A": Work(open_seconds=2 * HOUR, serving_seconds=54 * MINUTE, visits=2),
        "B": Work(open_seconds=3 * HOUR, serving_seconds=9 * MINUTE, visits=1),
    }
    assert [work and work.utilisation for work in by_business.values()] == [0.45, 0.05]


async def test_by_hour_work_counts_when_it_is_done_and_a_number_when_it_was_taken(portal: Portal) -> None:
    """Open from 8:50 to 11:10, paused from 9:45 to 10:15; a visit from 9:50 to 10:10 whose number is of 9:45."""
    hall = Hall.on_a_day_of_its_own(STATION)
    with hall.at(8, 50):
        clerk = await hall.clerk_at(1, "A")
    with hall.at(9, 45):
        await pause_window(clerk, "系统升级")
    with hall.at(10, 15):
        await unpause_window(clerk)
    await put_visit(STATION, "A", hall.time(9, 50), 20 * MINUTE)
    with hall.at(11, 10):
        await close_window(clerk)
        figures = await queue_figures(await make_staff(MANAGER), STATION, hall.day, hall.day, By.HOUR)
    assert [(row.hour, row.numbers and row.numbers.taken, row.work) for row in figures] == [
        (8, 0, Work(open_seconds=10 * MINUTE, serving_seconds=0, visits=0)),
        (9, 1, Work(open_seconds=45 * MINUTE, serving_seconds=10 * MINUTE, visits=1)),
        (10, 0, Work(open_seconds=45 * MINUTE, serving_seconds=10 * MINUTE, visits=1)),
        (11, 0, Work(open_seconds=10 * MINUTE, serving_seconds=0, visits=0)),
    ]


async def test_what_ends_with_the_hour_leaves_nothing_for_the_next(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own(STATION)
    with hall.at(9):
        clerk = await hall.clerk_at(1, "A")
    await put_visit(STATION, "A", hall.time(9, 30), 30 * MINUTE)
    with hall.at(10):
        await close_window(clerk)
    with hall.at(11):
        assert await _work(hall, By.HOUR) == {9: Work(open_seconds=HOUR, serving_seconds=30 * MINUTE, visits=1)}


async def test_who_sits_down_again_for_other_businesses_begins_the_next_shift(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own(STATION)
    with hall.at(9):
        clerk = await hall.clerk_at(1, "A", "B")
    with hall.at(9, 30):
        await open_window(clerk, STATION, 1, ("B", "A"))
    with hall.at(10):
        await open_window(clerk, STATION, 1, ("Z",))
    with hall.at(12):
        await close_window(clerk)
    assert await _shifts(hall) == [("09:00", "10:00", ["A", "B"], []), ("10:00", "12:00", ["Z"], [])]
    assert await _work(hall, By.BUSINESS) == {
        "A": Work(open_seconds=HOUR, serving_seconds=0, visits=0),
        "B": Work(open_seconds=HOUR, serving_seconds=0, visits=0),
        "Z": Work(open_seconds=2 * HOUR, serving_seconds=0, visits=0),
    }


async def test_other_skills_begin_the_next_shift_in_which_a_pause_goes_on(portal: Portal) -> None:
    """A window does nothing for a business that its skills forbid, whatever it was opened for."""
    hall = Hall.on_a_day_of_its_own(STATION)
    manager = await make_staff(MANAGER)
    with hall.at(9):
        clerk = await hall.clerk_at(1, "A", "B")
        await set_window_skills(manager, STATION, 1, {"B": 2, "A": 1})
    with hall.at(9, 45):
        await pause_window(clerk, "短暂离开")
    with hall.at(10):
        await set_window_skills(manager, STATION, 1, {"B": 1, "Z": 2})
    with hall.at(10, 15):
        await unpause_window(clerk)
    with hall.at(11):
        await close_window(clerk)
        await set_window_skills(manager, STATION, 1, {})
    assert await _shifts(hall) == [
        ("09:00", "10:00", ["A", "B"], [("09:45", "10:00")]),
        ("10:00", "11:00", ["B"], [("10:00", "10:15")]),
    ]
    assert await _work(hall, By.BUSINESS) == {
        "A": Work(open_seconds=45 * MINUTE, serving_seconds=0, visits=0),
        "B": Work(open_seconds=90 * MINUTE, serving_seconds=0, visits=0),
    }


async def test_leaving_ends_the_pause_and_another_reason_is_the_same_one(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own(STATION)
    with hall.at(9):
        clerk = await hall.clerk_at(1, "A")
    for minute, reason in ((10, "系统升级"), (20, "短暂离开")):
        with hall.at(9, minute):
            await pause_window(clerk, reason)
    with hall.at(9, 30):
        await close_window(clerk)
    assert await _shifts(hall) == [("09:00", "09:30", ["A"], [("09:10", "09:30")])]
    with hall.at(9, 40):
        await open_window(clerk, STATION, 1, ("A",))
        async with nothing_moves():
            await unpause_window(clerk)
        assert (await Window.get(service_point_id=STATION, number=1)).paused_at is None
        await hall.close()


async def test_a_statistician_is_not_told_what_was_done_in_an_hour_for_one_to_four(portal: Portal) -> None:
    """Five took a number at nine, and four of them were still served after ten."""
    hall = Hall.on_a_day_of_its_own(STATION)
    for minute in (50, 56, 57, 58, 59):
        await put_visit(STATION, "A", hall.time(9, minute), 9 * MINUTE)
    told = []
    for role in (MANAGER, Role.STATISTICS_VIEWER):
        rows = await queue_figures(await make_staff(role), STATION, hall.day, hall.day, By.HOUR)
        told.append([(row.hour, row.numbers and row.numbers.taken, row.work, row.withheld) for row in rows])
    nine, ten = Work(0, 19 * MINUTE, 5), Work(0, 26 * MINUTE, 4)
    assert told == [
        [(9, 5, nine, False), (10, 0, ten, False)],
        [(9, 5, nine, False), (10, 0, None, True)],
    ]


@pytest.mark.parametrize(("visits", "shown"), [(0, True), (1, False), (4, False), (5, True)])
def test_how_few_visits_withhold_the_work(visits: int, *, shown: bool) -> None:
    figure = Figure(hour=9, numbers=Numbers(9, 5, 0, 0, 0), visits=Visits(0, 0), work=Work(HOUR, 60, visits))
    kept = Figure(hour=9, numbers=Numbers(9, 5, 0, 0, 0), visits=Visits(0, 0), withheld=True)
    assert without_small(figure) == (figure if shown else kept)


async def test_over_http_by_hour_and_by_business_the_table_tells_the_same(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own(STATION)
    with hall.at(9):
        clerk = await hall.clerk_at(1, "A")
    await put_visit(STATION, "A", hall.time(9, 10), 15 * MINUTE)
    with hall.at(10):
        await close_window(clerk)
    manager = await caller_of(portal, await make_staff(MANAGER), "en")
    asked = {"servicePoint": STATION, "from": str(hall.day), "to": str(hall.day)}
    for by, key in (("HOUR", {"hour": "9"}), ("BUSINESS", {"business": "A"})):
        page = await manager.do("QueueFigures", **asked, by=by)
        table = (await manager.do("QueueFiguresTable", **asked, by=by))["csv"]
        [row] = csv.DictReader(io.StringIO(table.removeprefix("\ufeff"), newline=""))
        [edge] = page["rows"]["edges"]
        assert edge["node"]["work"] == {"openSeconds": HOUR, "servingSeconds": 900, "utilisation": 0.25}
        wanted = {"open_seconds": "3600", "serving_seconds": "900", "utilisation": "0.25", **key}
        assert {name: row[name] for name in wanted} == wanted
