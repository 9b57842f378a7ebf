"""How long somebody will wait: the band, what it is read from, and whether it comes true."""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from heapq import heapify, heapreplace
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.booking.policies import forget_policies
from app.identity.rules import Role
from app.kernel import clock
from app.queueing.models import ServiceTime, Window
from app.queueing.queries import people_ahead
from app.queueing.tasks import learn_how_long_visits_take
from app.queueing.wait_rules import CITY, LONGEST_WAIT, Band, Quantiles, band, blended, chosen, hands_for
from app.queueing.waits import Business, paces
from app.queueing.windows import open_window, pause_window
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.people import new_key
from tests.portal import Portal
from tests.queueing.arrivals import told_by_phone
from tests.queueing.hall import Hall, open_all_day
from tests.queueing.visits import put_number, put_visit

TEN_MINUTES = Quantiles(100, 600, 600, 600)


@pytest.mark.parametrize(
    ("ahead", "hands", "expected"),
    [
        (0, 1, Band(0, 10)),
        (3, 1, Band(30, 40)),
        (3, 2, Band(15, 20)),
        (4, 4, Band(10, 15)),
        (9, 1, Band(90, 120)),
        (4, 0.5, Band(60, 120)),
        (90, 1, Band(LONGEST_WAIT, LONGEST_WAIT)),
    ],
)
def test_visits_ahead_are_shared_by_the_windows(ahead: int, hands: float, expected: Band) -> None:
    assert band(ahead, hands, TEN_MINUTES) == expected


def test_without_a_window_there_is_no_number() -> None:
    assert band(3, 0, TEN_MINUTES) is None


@given(
    ahead=st.integers(0, 200),
    hands=st.floats(0.05, 30),
    times=st.tuples(*[st.floats(1, 14_400)] * 3).map(sorted),
)
def test_more_people_or_fewer_windows_never_shorten_a_wait(ahead: int, hands: float, times: list[float]) -> None:
    quantiles = Quantiles(50, *times)
    now, longer, slower = (
        band(ahead, hands, quantiles), band(ahead + 1, hands, quantiles), band(ahead, hands * 0.9, quantiles)
    )  # fmt: skip
    assert now is not None
    assert longer is not None
    assert slower is not None
    assert 0 <= now.low <= now.high <= LONGEST_WAIT
    assert now.high >= 5
    assert now.low % 5 == now.high % 5 == 0
    for other in (longer, slower):
        assert other.low >= now.low
        assert other.high >= now.high


@pytest.mark.parametrize("windows", [1, 2, 5])
@pytest.mark.parametrize("ahead", [0, 2, 7, 20])
def test_seven_of_ten_wait_as_long_as_they_were_told(windows: int, ahead: int) -> None:
    """Visits of very different length (log-normal, half of them under six minutes), a thousand mornings."""
    chance = random.Random(f"{windows}/{ahead}")  # noqa: S311 - a morning, not a secret

    def visit() -> float:
        return chance.lognormvariate(log(360), 0.7)

    lately = sorted(visit() for _ in range(2_000))
    told = band(ahead, windows, Quantiles(2_000, lately[400], lately[1_000], lately[1_600]))
    assert told is not None
    true = 0
    for _ in range(1_000):
        # Whoever is at a window now is somewhere in a visit: a longer one is more likely met.
        free_at = [max(visit() for _ in range(2)) * chance.random() for _ in range(windows)]
        heapify(free_at)
        for _ in range(ahead):
            heapreplace(free_at, free_at[0] + visit())
        true += told.low <= free_at[0] / 60 <= told.high
    assert true >= 700


def test_a_window_for_several_businesses_is_shared_by_who_waits() -> None:
    windows = [["D"], ["D", "E"], ["E"]]
    assert hands_for("D", windows, {"D": 3, "E": 1}) == 1 + 3 / 4
    assert hands_for("E", windows, {"D": 3}) == 1 + 1 / 4
    assert hands_for("D", windows, {}) == 2
    assert hands_for("A", windows, {"A": 9}) == 0


def test_what_is_not_known_well_enough_is_taken_from_the_next_wider() -> None:
    few, enough = Quantiles(19, 1, 2, 3), Quantiles(20, 4, 5, 6)
    assert chosen(enough, few) == enough
    assert chosen(few, enough) == enough
    assert chosen(None, enough) == enough
    assert chosen(few, None) == CITY
    assert CITY.p50 == 8 * 60


def test_today_counts_visit_by_visit_beside_the_last_weeks() -> None:
    lately = Quantiles(5_000, 100, 200, 300)
    assert blended(lately, None) == lately
    assert blended(lately, Quantiles(20, 200, 400, 600)).p50 == pytest.approx(250)
    assert blended(lately, Quantiles(60, 200, 400, 600)).p50 == pytest.approx(300)
    assert blended(CITY, Quantiles(20, 100, 200, 300)).p50 == pytest.approx(340)


async def test_the_night_learns_from_four_weeks_what_the_day_tells(portal: Portal) -> None:
    """Exact quantiles per hour and for the business; what is older, too long, or not finished does not count."""
    hall = Hall.on_a_day_of_its_own("liushu-station", "B")
    yesterday, long_ago = hall.time(9) - timedelta(days=1), hall.time(9) - timedelta(days=29)
    for place in range(21):
        await put_visit(hall.place, "B", yesterday, 60 * (place + 1))
    for seconds in (30, 30, 30, 30, 30):
        await put_visit(hall.place, "B", yesterday + timedelta(hours=2), seconds)
    for _ in range(30):
        await put_visit(hall.place, "B", long_ago, 9)
    await put_visit(hall.place, "B", yesterday, 5 * 3600)
    await put_visit(hall.place, "B", hall.time(9), 1)

    for _ in range(2):  # a second run changes nothing
        with hall.at(0, 20):
            await learn_how_long_visits_take()
        rows = await ServiceTime.filter(service_point_id=hall.place).order_by("hour")
        told = [(row.category, row.hour, row.samples, row.p20, row.p50, row.p80) for row in rows]
        assert told == [("B", -1, 26, 60, 510, 960), ("B", 9, 21, 300, 660, 1020)]

    with hall.at(9, 30):
        [at_nine] = await paces([Business(hall.place, "B")])
    with hall.at(11, 30):
        [at_eleven] = await paces([Business(hall.place, "B")])
    assert at_nine.quantiles == blended(Quantiles(21, 300, 660, 1020), Quantiles(1, 1, 1, 1))
    assert at_eleven.quantiles == blended(Quantiles(26, 60, 510, 960), Quantiles(1, 1, 1, 1))


async def test_only_windows_that_call_now_count(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    business = Business(hall.place, "D")
    with hall.at(9):
        closed = (await paces([business]))[0]
        first, second = await hall.clerk_at(1, "D"), await hall.clerk_at(2, "D", "E")
        both = (await paces([business]))[0]
        await pause_window(second, "取材料")
        one = (await paces([business]))[0]
        await open_window(first, hall.place, 1, ("E",))
        none = (await paces([business]))[0]
    assert [(pace.windows, pace.hands) for pace in (closed, both, one, none)] == [(0, 0), (2, 2), (1, 1), (0, 0)]
    assert (closed.wait(0), none.wait(0)) == (None, None)
    await hall.close()


async def test_who_waits_is_told_how_long_and_not_once_they_are_called(portal: Portal) -> None:
    """Over HTTP, in the language of who asks."""
    async with open_all_day("qinghe-hall"):
        caller = await caller_of(portal, await make_resident())
        english = await caller_of(portal, await make_resident(), "en")
        clerk = await make_staff(Role.WINDOW_ACCEPTOR)
        asked = {"servicePoint": "qinghe-hall", "category": "G", "where": await told_by_phone("qinghe-hall")}
        await Window.filter(service_point_id="qinghe-hall").update(staff_id=None)
        for phone in (caller, english):
            taken = await phone.do("TakeNumber", **asked, idempotencyKey=new_key())
            assert taken["__typename"] == "TakenNumber", taken

        [closed] = await english.do("MyTickets")
        await open_window(clerk, "qinghe-hall", 1, ("G",))
        [first], [second] = await caller.do("MyTickets"), await english.do("MyTickets")
        called = await (await caller_of(portal, clerk)).do("CallNext")
        [mine] = await caller.do("MyTickets")

    assert closed["expectedWait"] == {
        "low": None,
        "high": None,
        "text": "No window is open for this business now, so nobody can say how long.",
    }
    assert first["expectedWait"] == {"low": 0, "high": 15, "text": "预计15分钟以内轮到"}
    assert second["expectedWait"] == {"low": 5, "high": 25, "text": "Expect to wait 5 to 25 minutes."}
    assert (called["id"], mine["expectedWait"], mine["state"]) == (mine["id"], None, "CALLED")
    await Window.filter(service_point_id="qinghe-hall").update(staff_id=None)


async def test_the_wait_of_many_numbers_costs_as_many_statements_as_of_one(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    """Also when they are of several halls and businesses, and nothing is remembered."""
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        places = [("city-hall", "D"), ("city-hall", "E"), ("wangyue-hall", "D"), ("qinghe-hall", "G")]
        numbers = [
            await put_number(place, category, clock.now() + timedelta(seconds=after))
            for place, category in places
            for after in range(3)
        ]

        async def statements(count: int) -> int:
            forget_policies()
            caplog.clear()
            with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
                await people_ahead([one.id for one in numbers[:count]])
                await paces([Business(one.service_point_id, one.category) for one in numbers[:count]])
            return sum(record.name == "tortoise.db_client" for record in caplog.records)

        assert [await statements(1), await statements(12)] == [9, 9]
        assert await people_ahead([one.id for one in numbers]) == [0, 1, 2] * 4
