from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.booking.credit.rules import APPEAL_LIFE
from app.booking.errors import CancelTooLate, MoveTooLate, SessionInvalid, TooEarlyToCheckIn, TooLateToCheckIn
from app.booking.policy import Policy, default_rules
from app.booking.rules import (
    LIFE,
    BookingState,
    check_may_check_in,
    check_may_move,
    check_session,
    cut,
    day_and_time,
    is_late_to_cancel,
    is_missed,
    stretches_of_day,
)
from app.cases.rules import LIFE as CASE_LIFE
from app.kernel.clock import at_local, local
from app.kernel.clock.calendar import DayKind
from app.kernel.errors import IllegalMove
from app.kernel.transitions import Graph
from app.queueing.rules import LIFE as TICKET_LIFE

S = BookingState
START = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)
END = START + timedelta(minutes=30)
SECOND = timedelta(seconds=1)
HOURS = {
    **{str(day): [{"open": "08:30", "close": "12:00"}, {"open": "14:00", "close": "17:30"}] for day in range(1, 6)},
    "6": [{"open": "09:00", "close": "10:10"}],
}
FRIDAY, SATURDAY, SUNDAY = date(2026, 11, 27), date(2026, 11, 28), date(2026, 11, 29)

EDGES = {
    ("confirm", S.HELD): S.BOOKED,
    ("expire", S.HELD): S.EXPIRED,
    ("move", S.BOOKED): S.BOOKED,
    ("check_in", S.BOOKED): S.CHECKED_IN,
    ("serve", S.CHECKED_IN): S.SERVED,
    ("cancel", S.HELD): S.CANCELLED,
    ("cancel", S.BOOKED): S.CANCELLED,
    ("hall_cancel", S.HELD): S.HALL_CANCELLED,
    ("hall_cancel", S.BOOKED): S.HALL_CANCELLED,
    ("hall_cancel", S.CHECKED_IN): S.HALL_CANCELLED,
    ("miss", S.BOOKED): S.NO_SHOW,
    ("miss", S.CHECKED_IN): S.NO_SHOW,
}
VERBS = sorted({verb for verb, _ in EDGES})


@pytest.mark.parametrize(("verb", "state"), [*product(VERBS, S)])
def test_a_booking_moves_along_the_drawn_edges_only(verb: str, state: BookingState) -> None:
    target = EDGES.get((verb, state))
    if target is not None:
        assert LIFE.next_state(state, verb) is target
    else:
        with pytest.raises(IllegalMove):
            LIFE.next_state(state, verb)


@pytest.mark.parametrize("life", [LIFE, APPEAL_LIFE, TICKET_LIFE, CASE_LIFE])
def test_who_cannot_go_on_is_told_the_state_in_their_own_words(life: Graph[Any]) -> None:
    """Never by the name it has in the program."""
    states = {state for edge in life.edges for state in (*edge.sources, edge.target)}
    told = [life.illegal(state).sentence("zh") for state in states]
    assert not any(re.search("[A-Za-z]", sentence) for sentence in told)
    assert LIFE.illegal(S.CANCELLED).sentence("zh") == "当前状态为“已取消”,不能执行此操作,请刷新后再看"
    assert LIFE.illegal(S.CANCELLED).sentence("en") == "This cannot be done in the state “cancelled”; please refresh."


def starts(day: date, kind: DayKind | None, minutes: int = 30) -> list[str]:
    return [f"{local(stretch.starts_at):%H:%M}" for stretch in stretches_of_day(day, kind, HOURS, minutes)]


MORNING = ["08:30", "09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]
AFTERNOON = ["14:00", "14:30", "15:00", "15:30", "16:00", "16:30", "17:00"]


@pytest.mark.parametrize(
    ("day", "kind", "expected"),
    [
        (FRIDAY, None, MORNING + AFTERNOON),
        (FRIDAY, DayKind.HOLIDAY, []),
        (SUNDAY, None, []),
        (SUNDAY, DayKind.ADJUSTED_WORKDAY, MORNING + AFTERNOON),
        (SATURDAY, None, ["09:00", "09:30"]),  # ten minutes are left over
        (SATURDAY, DayKind.ADJUSTED_WORKDAY, ["09:00", "09:30"]),  # it has hours of its own
    ],
)
def test_the_slots_of_a_day(day: date, kind: DayKind | None, expected: list[str]) -> None:
    assert starts(day, kind) == expected


def test_a_hall_without_hours_has_no_slots() -> None:
    assert stretches_of_day(SUNDAY, DayKind.ADJUSTED_WORKDAY, {}, 30) == []


@given(st.integers(0, 12 * 60), st.integers(5, 240))
def test_a_session_is_cut_into_whole_slots_that_touch(length: int, minutes: int) -> None:
    closes = START + timedelta(minutes=length)
    slots = [*cut(START, closes, minutes)]
    assert len(slots) == length // minutes
    assert all(slot.ends_at - slot.starts_at == timedelta(minutes=minutes) for slot in slots)
    assert all(left.ends_at == right.starts_at for left, right in pairwise(slots))
    assert all(START <= slot.starts_at < slot.ends_at <= closes for slot in slots)


@pytest.mark.parametrize(
    ("windows", "categories", "capacity"), [(18, 8, 4), (3, 3, 2), (4, 2, 4), (1, 5, 2), (0, 0, 2), (100, 1, 200)]
)
def test_each_business_gets_its_share_of_the_windows(windows: int, categories: int, capacity: int) -> None:
    policy = Policy.model_validate(default_rules(windows, categories))
    assert (policy.slot_minutes, policy.capacity, policy.days_ahead) == (30, capacity, 7)


def test_some_places_are_kept_for_walk_ins_and_some_of_the_others_for_the_desk() -> None:
    policy = Policy(windows=2, per_window=5, walk_in_share=30, desk_share=50)
    assert (policy.capacity, policy.phone_capacity) == (7, 3)


@pytest.mark.parametrize(
    ("before", "late"),
    [(timedelta(days=1), False), (timedelta(hours=2), False), (timedelta(hours=2) - SECOND, True), (SECOND, True)],
)
def test_a_place_given_back_less_than_two_hours_before_is_given_back_late(before: timedelta, *, late: bool) -> None:
    assert is_late_to_cancel(START, START - before, Policy()) is late


@pytest.mark.parametrize("after", [timedelta(0), SECOND])
def test_once_the_slot_began_nothing_is_given_back_or_moved(after: timedelta) -> None:
    with pytest.raises(CancelTooLate):
        is_late_to_cancel(START, START + after, Policy())
    with pytest.raises(CancelTooLate):
        check_may_move(START, START + after, Policy())


def test_a_booking_is_not_moved_to_dodge_a_late_cancellation() -> None:
    check_may_move(START, START - timedelta(hours=2), Policy())
    with pytest.raises(MoveTooLate) as refused:
        check_may_move(START, START - timedelta(hours=2) + SECOND, Policy())
    assert "120分钟" in refused.value.sentence("zh")


@pytest.mark.parametrize(
    ("after", "refusal"),
    [
        (timedelta(minutes=-30) - SECOND, TooEarlyToCheckIn),
        (timedelta(minutes=-30), None),
        (timedelta(0), None),
        (timedelta(minutes=10), None),
        (timedelta(minutes=10) + SECOND, TooLateToCheckIn),
    ],
)
def test_numbers_are_given_from_half_an_hour_before_to_ten_minutes_after(
    after: timedelta, refusal: type[Exception] | None
) -> None:
    if refusal is None:
        check_may_check_in(START, START + after, Policy())
    else:
        with pytest.raises(refusal):
            check_may_check_in(START, START + after, Policy())


def test_who_comes_too_early_is_told_when_to_come() -> None:
    with pytest.raises(TooEarlyToCheckIn) as refused:
        check_may_check_in(START, START - timedelta(hours=1), Policy())
    assert refused.value.sentence("zh") == "请在11月27日08:30之后到大厅取号"
    assert day_and_time(START, "en") == "27 November 09:00"


@pytest.mark.parametrize(
    ("after_end", "missed"),
    [(-SECOND, False), (timedelta(minutes=10), False), (timedelta(minutes=10) + SECOND, True)],
)
def test_a_visit_is_missed_after_the_slot_and_its_grace(after_end: timedelta, *, missed: bool) -> None:
    assert is_missed(END, END + after_end, Policy()) is missed


NOW = at_local(FRIDAY, 12)


@pytest.mark.parametrize(
    ("opens", "closes", "capacity"),
    [
        (NOW - timedelta(hours=1), NOW, 5),
        (NOW + timedelta(hours=2), NOW + timedelta(hours=1), 5),
        (NOW + timedelta(hours=1), NOW + timedelta(hours=1), 5),
        (NOW, NOW + timedelta(hours=14) + SECOND, 5),
        (NOW, NOW + timedelta(hours=1), 0),
        (NOW, NOW + timedelta(hours=1), 501),
        (NOW, NOW + timedelta(hours=1), -1),
    ],
)
def test_an_extra_session_must_make_sense(opens: datetime, closes: datetime, capacity: int) -> None:
    with pytest.raises(SessionInvalid):
        check_session(opens, closes, capacity, NOW)


def test_a_long_evening_is_a_session() -> None:
    check_session(NOW, NOW + timedelta(hours=14), 500, NOW)
