"""The figures of queues: against the slow reference, for whom, and as a table."""

from __future__ import annotations

import csv
import io
import logging
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from app.identity.rules import Role
from app.kernel.actor import Scope
from app.kernel.errors import InvalidInput, NotAllowed, NotFound
from app.queueing.commands import call_next, finish_serving, pass_ticket, start_serving
from app.queueing.figure_rules import (
    By,
    Figure,
    Numbers,
    Spread,
    Visits,
    Work,
    check_range,
    csv_of,
    without_small,
)
from app.queueing.figures import queue_figures
from app.queueing.leaving import abandon_ticket
from app.queueing.models import Shift
from app.queueing.wait_rules import Quantiles, blended
from app.queueing.waits import Business, paces
from app.queueing.windows import pause_window, unpause_window
from tests.identity.accounts import caller_of, make_staff
from tests.portal import Portal
from tests.queueing.hall import Hall
from tests.queueing.slow_figures import HALLS, play_days, rows_of, slow_figures
from tests.queueing.visits import put_number, put_visit

MANAGER, STATISTICIAN = Role.DEPARTMENT_MANAGER, Role.STATISTICS_VIEWER
FIVE, TWO = Numbers(5, 3, 1, 1, 2), Numbers(2, 2, 0, 0, 0)
SPREAD = Spread(60, 120, 70)


@pytest.mark.parametrize("seed", range(3))
async def test_generated_days_count_as_the_slow_reference_counts_them(portal: Portal, seed: int) -> None:
    days = [Hall.on_a_day_of_its_own().day for _ in range(3)]
    await play_days(days, Random(seed))  # noqa: S311 - days, not secrets
    manager = await make_staff(MANAGER)
    with Hall(days[2] + timedelta(days=1)).at(9) as now:
        for first, last in ((days[0], days[2]), (days[1], days[1])):
            rows = await rows_of(list(HALLS), first, last)
            for by in By:
                assert await queue_figures(manager, None, first, last, by) == slow_figures(rows, by, now)
            for hall in HALLS:
                rows = await rows_of([hall], first, last)
                for by in By:
                    expected = slow_figures(rows, by, now, hall)
                    assert await queue_figures(manager, hall, first, last, by) == expected


async def test_an_example_to_read(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("hubin-station", "B")
    with hall.at(9):
        clerk = await hall.clerk_at(1, "B")
        [shift] = await Shift.filter(window__service_point_id=hall.place, ended_at=None)
        at = {"window_id": shift.window_id}
        for minutes in (2, 4, 6, 8):
            await put_visit(hall.place, "B", hall.time(9, 10), minutes * 60, **at)
        await put_number(hall.place, "B", hall.time(10), called_at=hall.time(10, 20), state="PASSED", **at)
    with hall.at(10):
        manager = await make_staff(MANAGER)
        [figure] = await queue_figures(manager, hall.place, hall.day, hall.day, By.WINDOW)

    assert (figure.hall, figure.window) == ("hubin-station", 1)
    assert figure.numbers == Numbers(taken=5, served=4, passed=1, abandoned=0, booked=0)
    assert figure.waiting == Spread(p50=300, p90=840, mean=480)
    assert figure.serving == Spread(p50=300, p90=444, mean=300)
    assert figure.work == Work(open_seconds=3_600, serving_seconds=1_200, visits=4)
    assert figure.work.utilisation == 0.3333
    assert clerk.id is not None
    await hall.close()


async def test_what_a_window_does_is_what_is_counted(portal: Portal) -> None:
    """With the commands of windows: one served, one passed, one ended, and one still waiting."""
    hall = Hall.on_a_day_of_its_own("hubin-station", "B")
    with hall.at(8, 50):
        served, passed, ended, _waiting = [await hall.walk_in() for _ in range(4)]
    with hall.at(9):
        clerk = await hall.clerk_at(1, "B")
        assert (await call_next(clerk)).id == served.id
    with hall.at(9, 2):
        await start_serving(clerk, served.id)
        [before] = await paces([Business(hall.place, "B")])
    with hall.at(9, 12):
        await finish_serving(clerk, served.id)
        await call_next(clerk)
        await pass_ticket(clerk, passed.id)
        await abandon_ticket(clerk, ended.id)
    with hall.at(9, 20):
        [figure] = await queue_figures(await make_staff(MANAGER), hall.place, hall.day, hall.day, By.HALL)
        [pace] = await paces([Business(hall.place, "B")])

    assert figure.numbers == Numbers(taken=4, served=1, passed=1, abandoned=1, booked=0)
    assert figure.waiting == Spread(p50=960, p90=1_248, mean=960)
    assert figure.serving == Spread(p50=600, p90=600, mean=600)
    assert figure.work == Work(open_seconds=1_200, serving_seconds=600, visits=1)
    assert pace.quantiles == blended(before.quantiles, Quantiles(1, 600, 600, 600))
    await hall.close()


async def test_a_window_nobody_closed_was_open_until_midnight(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("hubin-station", "B")
    with hall.at(17):
        await hall.clerk_at(1, "B")
    manager = await make_staff(MANAGER)
    with Hall(hall.day + timedelta(days=1)).at(8):
        [figure] = await queue_figures(manager, hall.place, hall.day, hall.day, By.HALL)
        assert figure.work == Work(open_seconds=7 * 3_600, serving_seconds=0, visits=0)
        assert (figure.numbers, figure.visits) == (Numbers(0, 0, 0, 0, 0), Visits(0, 0))
        await hall.close()


async def test_pauses_are_no_open_time_also_while_they_last(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("hubin-station", "B")
    manager, told = await make_staff(MANAGER), []
    with hall.at(9):
        clerk = await hall.clerk_at(1, "B")
    for minutes, change in ((10, pause_window), (25, None), (30, unpause_window), (60, None)):
        with hall.at(9 + minutes // 60, minutes % 60):
            if change is pause_window:
                await pause_window(clerk, "取材料")
            elif change is unpause_window:
                await unpause_window(clerk)
            [figure] = await queue_figures(manager, hall.place, hall.day, hall.day, By.HALL)
            assert figure.work is not None
            told.append(figure.work.open_seconds // 60)
    assert told == [10, 10, 10, 40]
    await hall.close()


async def test_nobody_else_is_told(portal: Portal) -> None:
    day = date(2030, 1, 1)
    for role in Role:
        actor = await make_staff(role)
        if role in {MANAGER, STATISTICIAN}:
            assert await queue_figures(actor, None, day, day, By.HALL) == []
        else:
            with pytest.raises(NotAllowed):
                await queue_figures(actor, None, day, day, By.HALL)


async def test_a_window_on_a_day_is_a_clerk_and_nothing_for_statisticians(portal: Portal) -> None:
    day = date(2030, 1, 1)
    with pytest.raises(NotAllowed):
        await queue_figures(await make_staff(STATISTICIAN), None, day, day, By.WINDOW)
    assert await queue_figures(await make_staff(STATISTICIAN, MANAGER), None, day, day, By.WINDOW) == []


async def test_other_parts_of_the_city_do_not_exist(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("wangyue-hall", "D")
    await put_visit(hall.place, "D", hall.time(9), 60)
    for role in (MANAGER, STATISTICIAN):
        mine = await make_staff(role, scope=Scope(None, "990103"))
        theirs = await make_staff(role, scope=Scope(None, "990102"))
        assert [one.hall for one in await queue_figures(mine, None, hall.day, hall.day, By.HALL)] == ["wangyue-hall"]
        assert await queue_figures(theirs, None, hall.day, hall.day, By.HALL) == []
        for place in ("wangyue-hall", "no-such-hall"):
            with pytest.raises(NotFound):
                await queue_figures(theirs, place, hall.day, hall.day, By.HALL)


async def test_a_statistician_is_told_of_no_row_with_a_few_people(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("bayin-hall", "D")
    for category, visits in (("A", 4), ("B", 5)):
        for _ in range(visits):
            await put_visit(hall.place, category, hall.time(9), 60)
    told = []
    for role in (MANAGER, STATISTICIAN):
        rows = await queue_figures(await make_staff(role), hall.place, hall.day, hall.day, By.BUSINESS)
        told.append([(row.business, row.numbers and row.numbers.taken, row.serving, row.withheld) for row in rows])
    minute = Spread(60, 60, 60)
    assert told[0] == [("A", 4, minute, False), ("B", 5, minute, False)]
    assert told[1] == [("A", None, None, True), ("B", 5, minute, False)]


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        (Figure(numbers=FIVE, waiting=SPREAD), Figure(numbers=FIVE, waiting=SPREAD)),
        (Figure(numbers=TWO, waiting=SPREAD, work=Work(9, 1, 2)), Figure(withheld=True)),
        (Figure(numbers=FIVE, visits=Visits(4, 1)), Figure(numbers=FIVE, withheld=True)),
        (Figure(numbers=FIVE, visits=Visits(0, 0)), Figure(numbers=FIVE, visits=Visits(0, 0))),
        (Figure(numbers=TWO, visits=Visits(5, 0)), Figure(visits=Visits(5, 0), withheld=True)),
    ],
)
def test_what_is_withheld(figure: Figure, shown: Figure) -> None:
    assert without_small(figure) == shown


@pytest.mark.parametrize(("days", "fits"), [(-1, False), (0, True), (365, True), (366, False)])
def test_at_most_366_days_at_once(days: int, fits: bool) -> None:
    first = date(2028, 1, 1)  # a leap year
    if fits:
        check_range(first, first + timedelta(days=days))
        return
    with pytest.raises(InvalidInput) as refused:
        check_range(first, first + timedelta(days=days))
    assert refused.value.field == "to"


def test_the_table_is_read_by_office_programs_and_by_rfc_4180() -> None:
    figures = [
        Figure(hall="city-hall", hour=9, numbers=FIVE, waiting=SPREAD, visits=Visits(10, 1), work=Work(3_600, 900, 3)),
        Figure(hall='=HYPERLINK("http://x")', business="D,E", withheld=True),
    ]
    text = csv_of(figures, "zh")
    assert text.encode().startswith(b"\xef\xbb\xbf")
    assert text.count("\r\n") == 3
    assert "\n" not in text.replace("\r\n", "")
    headings, full, withheld = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert dict(zip(headings, full, strict=True)) == {
        "大厅": "city-hall", "业务": "", "时段": "9", "窗口": "", "取号": "5", "办结": "3", "过号": "1", "弃号": "1",
        "预约取号": "2", "现场取号": "3", "预约占比": "0.4", "等候中位数(秒)": "60", "等候九成以内(秒)": "120",
        "平均等候(秒)": "70", "办理中位数(秒)": "", "办理九成以内(秒)": "", "平均办理(秒)": "", "应到预约": "10",
        "爽约": "1", "爽约率": "0.1", "开窗(秒)": "3600", "办理(秒)": "900", "窗口利用率": "0.25",
        "人数过少未显示": "0",
    }  # fmt: skip
    assert withheld[:2] == ['\'=HYPERLINK("http://x")', "D,E"]
    assert withheld[-1] == "1"
    assert csv_of([], "en").startswith("\ufeffhall,business,hour,window,taken,")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_is_a_formula(start: str) -> None:
    text = csv_of([Figure(hall=f"{start}1+1")], "en").removeprefix("\ufeff")
    [_, row] = csv.reader(io.StringIO(text, newline=""))
    assert row[0] == f"'{start}1+1"


async def test_over_http_page_by_page_and_as_a_table(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("city-hall")
    for hour in (9, 10, 11):
        await put_visit(hall.place, "D", hall.time(hour, 30), 90)
    manager = await caller_of(portal, await make_staff(MANAGER), "en")
    asked: dict[str, Any] = {"servicePoint": hall.place, "from": str(hall.day), "to": str(hall.day), "by": "HOUR"}

    seen, after = [], None
    for _ in range(3):
        page = (await manager.do("QueueFigures", **asked, first=1, after=after))["rows"]
        [edge] = page["edges"]
        seen.append((edge["node"]["hour"], edge["node"]["numbers"]["taken"], edge["node"]["serving"]["p50"]))
        after = page["pageInfo"]["endCursor"]
    table = (await manager.do("QueueFiguresTable", **asked))["csv"]
    refused = await manager.do("QueueFigures", **{**asked, "to": "2020-01-01"})

    assert seen == [(9, 1, 90), (10, 1, 90), (11, 1, 90)]
    assert page["pageInfo"]["hasNextPage"] is False
    assert [line.split(",")[2] for line in table.split("\r\n")[:-1]] == ["hour", "9", "10", "11"]
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "to")


async def test_a_year_costs_as_many_statements_as_a_day(portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    manager, day = await make_staff(MANAGER), date(2031, 1, 1)
    counts = []
    for last in (day, day + timedelta(days=365)):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
            await queue_figures(manager, None, day, last, By.HALL)
        counts.append(sum(record.name == "tortoise.db_client" for record in caplog.records))
    assert counts == [4, 4]
