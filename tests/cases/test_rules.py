from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_11_10

from app.cases.rules import (
    LIFE,
    CaseState,
    Decision,
    DeliveryMethod,
    NextStep,
    due_date,
    make_case_number,
    next_step,
    state_sentence,
    step_sentence,
)
from app.catalogue.rules import LimitUnit
from app.kernel.clock import at_local, local
from app.kernel.clock.calendar import DayKind, WorkingCalendar
from app.kernel.errors import IllegalMove

S = CaseState
WORKING, CALENDAR = LimitUnit.WORKING_DAY, LimitUnit.CALENDAR_DAY

EDGES = {
    ("accept", S.SUBMITTED): S.ACCEPTED,
    ("approve_with_fee", S.ACCEPTED): S.PAYMENT_PENDING,
    ("approve", S.ACCEPTED): S.RESULT_READY,
    ("deny", S.ACCEPTED): S.CLOSED,
    ("pay", S.PAYMENT_PENDING): S.RESULT_READY,
    ("send", S.RESULT_READY): S.DELIVERING,
    ("come_back", S.DELIVERING): S.RESULT_READY,
    ("deliver", S.DELIVERING): S.CLOSED,
    ("deliver", S.RESULT_READY): S.CLOSED,
    ("hand_over", S.RESULT_READY): S.CLOSED,
    ("withdraw", S.SUBMITTED): S.WITHDRAWN,
    ("withdraw", S.ACCEPTED): S.WITHDRAWN,
}
VERBS = sorted({verb for verb, _ in EDGES})


@pytest.mark.parametrize(("verb", "state"), [*product(VERBS, S)])
def test_a_case_moves_along_the_drawn_edges_only(verb: str, state: CaseState) -> None:
    target = EDGES.get((verb, state))
    assert LIFE.may(state, verb) is (target is not None)
    if target is not None:
        assert LIFE.next_state(state, verb) is target
    else:
        with pytest.raises(IllegalMove):
            LIFE.next_state(state, verb)


def test_the_graph_has_no_other_verb() -> None:
    assert sorted(edge.verb for edge in LIFE.edges) == VERBS


VISIT = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "visits", "visit_at", "visited", "method", "step"),
    [
        (S.SUBMITTED, 1, None, False, DeliveryMethod.POST, NextStep.BOOK_VISIT),
        (S.SUBMITTED, 1, VISIT, False, DeliveryMethod.POST, NextStep.COME_TO_HALL),
        (S.SUBMITTED, 1, VISIT, True, DeliveryMethod.POST, NextStep.WAIT),
        (S.SUBMITTED, 0, None, False, DeliveryMethod.POST, NextStep.WAIT),
        (S.ACCEPTED, 1, None, False, DeliveryMethod.COLLECT, NextStep.BOOK_VISIT),
        (S.ACCEPTED, 0, None, False, DeliveryMethod.COLLECT, NextStep.WAIT),
        (S.PAYMENT_PENDING, 1, None, False, DeliveryMethod.POST, NextStep.PAY),
        (S.RESULT_READY, 1, None, True, DeliveryMethod.COLLECT, NextStep.COLLECT),
        (S.RESULT_READY, 1, None, True, DeliveryMethod.POST, NextStep.WAIT),
        (S.DELIVERING, 1, None, True, DeliveryMethod.POST, NextStep.SIGN_FOR_PARCEL),
        (S.CLOSED, 1, None, False, DeliveryMethod.POST, NextStep.NOTHING),
        (S.WITHDRAWN, 1, VISIT, False, DeliveryMethod.COLLECT, NextStep.NOTHING),
    ],
)
def test_what_the_resident_has_to_do_next(
    state: CaseState,
    visits: int,
    visit_at: datetime | None,
    visited: bool,
    method: DeliveryMethod,
    step: NextStep,
) -> None:
    assert next_step(state, visits_needed=visits, visit_at=visit_at, visited=visited, method=method) is step


@given(
    st.sampled_from(S), st.integers(0, 3), st.none() | st.just(VISIT), st.booleans(), st.sampled_from(DeliveryMethod)
)
def test_every_situation_has_a_next_step_and_a_sentence(
    state: CaseState, visits: int, visit_at: datetime | None, visited: bool, method: DeliveryMethod
) -> None:
    step = next_step(state, visits_needed=visits, visit_at=visit_at, visited=visited, method=method)
    for language in ("zh", "en"):
        assert "{" not in step_sentence(step, visit_at, language)
        assert state_sentence(state, None, language)


def test_the_visit_is_told_by_the_halls_clock() -> None:
    assert step_sentence(NextStep.COME_TO_HALL, VISIT, "zh") == "请于11月27日09:00到大厅取号"
    assert step_sentence(NextStep.COME_TO_HALL, VISIT, "en") == "Come to the hall on 27 November at 09:00 and check in"


def test_a_denied_case_does_not_merely_say_closed() -> None:
    assert state_sentence(S.CLOSED, Decision.DENIED, "zh") == "不予许可,理由见决定书"
    assert state_sentence(S.CLOSED, Decision.APPROVED, "zh") == "已办结"


@given(st.integers(min_value=1, max_value=999_999), st.dates(date(2000, 1, 1), date(2999, 12, 31)))
def test_a_number_has_twenty_one_digits_and_its_check_digit(sequence: int, day: date) -> None:
    """Division 6, date 8, sequence 6, one digit by ISO 7064 MOD 11,10."""
    number = make_case_number("990100", day, sequence)
    assert number[:20] == f"990100{day:%Y%m%d}{sequence:06d}"
    assert len(number) == 21
    assert mod_11_10.is_valid(number)


SPRING_2026 = WorkingCalendar(
    {date(2026, 2, day): DayKind.HOLIDAY for day in range(15, 24)}
    | {date(2026, 2, day): DayKind.ADJUSTED_WORKDAY for day in (14, 28)}
)


@pytest.mark.parametrize(
    ("accepted", "limit", "unit", "due"),
    [
        (date(2026, 2, 12), 1, WORKING, date(2026, 2, 13)),
        (date(2026, 2, 12), 2, WORKING, date(2026, 2, 14)),  # a worked Saturday
        (date(2026, 2, 12), 3, WORKING, date(2026, 2, 24)),  # after the holiday
        (date(2026, 2, 12), 7, WORKING, date(2026, 2, 28)),  # the other worked Saturday
        (date(2026, 2, 12), 8, WORKING, date(2026, 3, 2)),
        (date(2026, 2, 12), 0, WORKING, date(2026, 2, 12)),
        (date(2026, 2, 16), 0, WORKING, date(2026, 2, 24)),  # promised at once, filed on a holiday
        (date(2026, 2, 12), 30, CALENDAR, date(2026, 3, 16)),  # the 14th is a Saturday
        (date(2026, 2, 12), 5, CALENDAR, date(2026, 2, 24)),  # ends in the holiday
        (date(2026, 2, 13), 1, CALENDAR, date(2026, 2, 14)),
    ],
)
def test_when_a_promise_ends(accepted: date, limit: int, unit: LimitUnit, due: date) -> None:
    """民法典 201 and 203, 行政许可法 82; the day of acceptance is not counted."""
    found = due_date(at_local(accepted, 10), limit, unit, SPRING_2026)
    assert found is not None
    assert local(found.at) == local(at_local(due, 23, 59)) + timedelta(seconds=59)
    assert not found.provisional


def test_late_in_the_evening_utc_is_already_the_next_day_in_the_hall() -> None:
    found = due_date(datetime(2026, 2, 12, 17, 0, tzinfo=UTC), 1, WORKING, SPRING_2026)
    assert found is not None
    assert local(found.at).date() == date(2026, 2, 14)


def test_a_year_nobody_published_makes_the_date_provisional() -> None:
    found = due_date(at_local(date(2026, 12, 30), 10), 5, WORKING, SPRING_2026)
    assert found is not None
    assert (local(found.at).date(), found.provisional) == (date(2027, 1, 6), True)


def test_without_a_promise_there_is_no_due_date() -> None:
    assert due_date(at_local(date(2026, 2, 12), 10), None, None, SPRING_2026) is None


@given(
    st.datetimes(datetime(2025, 12, 1), datetime(2026, 6, 1), timezones=st.just(UTC)),
    st.integers(0, 90),
    st.sampled_from(LimitUnit),
)
def test_a_promise_ends_on_a_working_day_and_one_more_day_never_ends_it_sooner(
    accepted_at: datetime, limit: int, unit: LimitUnit
) -> None:
    found, longer = (due_date(accepted_at, days, unit, SPRING_2026) for days in (limit, limit + 1))
    assert found is not None
    assert longer is not None
    assert found.at >= accepted_at
    assert SPRING_2026.is_working_day(local(found.at).date())
    assert longer.at >= found.at
