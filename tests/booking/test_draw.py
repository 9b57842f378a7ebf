from __future__ import annotations

import hashlib
import hmac
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import mean
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.booking.policy import Policy
from app.booking.room.draw import LOTS, Room, ask_again_after, commitment, expected_wait, likely_number, lot, order

RELEASE = datetime(2026, 11, 27, 0, 0, tzinfo=UTC)
SECOND, MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)
SEED = bytes(range(32))


def room(per_second: int = 10) -> Room:
    return Room.of("city-hall", "D", RELEASE, Policy(admitted_per_second=per_second, gather_minutes=5, rush_minutes=2))


def draws(rooms: int, people: int) -> list[list[int]]:
    """In each of many rooms: which turn each arrival got, the first arrival first."""
    chance = random.Random(20261127)  # noqa: S311 - the same rooms in every run
    outcomes = []
    for _ in range(rooms):
        arrivals = [UUID(int=chance.getrandbits(128)) for _ in range(people)]
        turn = {resident: at for at, resident in enumerate(order(chance.randbytes(32), arrivals))}
        outcomes.append([turn[resident] for resident in arrivals])
    return outcomes


def spearman(turns: list[int]) -> float:
    """Rank correlation of arriving and being called; 1 where who comes first is called first."""
    n = len(turns)
    return 1 - 6 * sum((at - turn) ** 2 for at, turn in enumerate(turns)) / (n * (n * n - 1))


def test_when_somebody_arrives_says_nothing_about_their_turn() -> None:
    """Over 1,000 rooms of 60: correlated, they would be about 1; by chance the mean strays by 0.004."""
    assert spearman(list(range(60))) == 1
    assert abs(mean(spearman(turns) for turns in draws(1_000, 60))) < 3 / (1_000 * 59) ** 0.5


def test_each_arrival_is_in_each_third_equally_often() -> None:
    """Also the first and the last one: of 3,000 rooms, 1,000 each, within four standard deviations."""
    thirds = Counter((at, turn // 10) for turns in draws(3_000, 30) for at, turn in enumerate(turns))
    assert len(thirds) == 90
    deviation = (3_000 * 1 / 3 * 2 / 3) ** 0.5
    assert {at_third: n for at_third, n in thirds.items() if abs(n - 1_000) > 4 * deviation} == {}


def test_the_same_people_are_drawn_otherwise_in_another_room() -> None:
    people = [UUID(int=n) for n in range(100)]
    assert order(SEED, people) != order(SEED[::-1], people)
    assert order(SEED, people) == order(SEED, reversed(people))


def test_entering_a_thousand_times_first_draws_the_same_lot() -> None:
    bot, others = UUID(int=1), [UUID(int=n) for n in range(2, 200)]
    assert len({lot(SEED, bot) for _ in range(1_000)}) == 1
    assert order(SEED, {bot: None} | dict.fromkeys(others)) == order(SEED, [*others, bot])


def test_anybody_can_repeat_the_draw_from_what_is_published() -> None:
    """The commitment told before is that of the seed told after; a lot is 48 bits of an HMAC."""
    resident = UUID("01920000-0000-7000-8000-000000000001")
    by_hand = hmac.new(SEED, resident.bytes, hashlib.sha256).hexdigest()[:12]
    assert lot(SEED, resident) == int(by_hand, 16)
    assert commitment(SEED) == hashlib.sha256(SEED).hexdigest()


@given(st.integers(1, 10_000), st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=50))
def test_never_more_are_called_than_the_rate_allows_and_never_fewer_than_before(rate: int, moments: list[int]) -> None:
    called = []
    for after in sorted(moments):
        called.append(room(rate).admitted(RELEASE + after * MICROSECOND))
        assert called[-1] <= max(0, after) * rate / 1_000_000 < called[-1] + 1
    assert called == sorted(called)


@given(st.integers(1, 10_000), st.integers(0, 1_000_000))
def test_a_turn_comes_at_the_very_microsecond_that_was_told(rate: int, number: int) -> None:
    here = room(rate)
    at = here.turn_at(number)
    assert here.admitted(at - MICROSECOND) <= number < here.admitted(at)


def test_the_room_opens_and_ends_to_the_microsecond() -> None:
    here = room()
    assert (here.gathers_from, here.until) == (RELEASE - 300 * SECOND, RELEASE + 120 * SECOND)
    assert here.is_gathering(RELEASE - MICROSECOND)
    assert not here.is_gathering(RELEASE)
    moments = (RELEASE - MICROSECOND, RELEASE, here.until - MICROSECOND, here.until)
    assert [here.needs_turn(moment) for moment in moments] == [False, True, True, False]


@given(st.integers(0, LOTS - 1), st.integers(0, 1_000_000))
def test_a_number_can_be_told_from_a_lot_alone_within_the_room(drawn: int, people: int) -> None:
    assert 0 <= likely_number(drawn, people) <= max(0, people - 1)


@pytest.mark.parametrize(
    ("before_release", "number", "people", "band"),
    [
        (90, None, 1_000, (90, 190)),
        (0.5, None, 5, (1, 2)),
        (0, 0, 10, (0, 10)),
        (0, 199, 300, (10, 20)),
        (0, 599, 600, (50, 60)),
        (0, 1_000, 2_000, (60, 120)),
        (-100, 1_000, 1, (0, 10)),
    ],
)
def test_the_wait_is_told_as_a_band(
    before_release: float, number: int | None, people: int, band: tuple[int, int]
) -> None:
    now = RELEASE - before_release * SECOND
    assert expected_wait(room(), now, number=number, people=people) == band


@pytest.mark.parametrize(
    ("before_release", "number", "people", "seconds_and_spread"),
    [
        (300, None, 50, (10, 2)),
        (4, None, 50, (4, 2)),
        (4, None, 40_000, (4, 40)),
        (0, 999, 40_000, (10, 40)),
        (0, 44, 40_000, (5, 0)),
        (-60, 44, 40_000, (10, 40)),
    ],
)
def test_the_more_wait_the_less_often_each_asks_but_nobody_misses_their_turn(
    before_release: float, number: int | None, people: int, seconds_and_spread: tuple[int, int]
) -> None:
    now = RELEASE - before_release * SECOND
    assert ask_again_after(room(), now, number=number, people=people) == seconds_and_spread
