"""The written rules of joining, from plain values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.booking.rules import LIVE_STATES, BookingState, LiveBooking, bookings_giving_way
from app.cases.rules import DECIDED_STATES, LIFE, OPEN_STATES, CaseState, OpenCase, cases_giving_way
from app.queueing.rules import OPEN_STATES as OPEN_TICKETS
from app.queueing.rules import OpenTicket, TicketState, tickets_giving_way

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
moments = st.integers(0, 5).map(lambda minutes: NOON + timedelta(minutes=minutes))
cases = st.lists(st.builds(OpenCase, st.uuids(), st.sampled_from(sorted(OPEN_STATES)), moments), min_size=1)
bookings = st.lists(st.builds(LiveBooking, st.uuids(), st.sampled_from(sorted(LIVE_STATES)), moments), min_size=1)
tickets = st.lists(st.builds(OpenTicket, st.uuids(), st.sampled_from(sorted(OPEN_TICKETS)), moments), min_size=1)


@given(cases)
def test_every_decided_case_stays_and_otherwise_exactly_one(same_item: list[OpenCase]) -> None:
    leaving = cases_giving_way(same_item)
    staying = [case for case in same_item if case not in leaving]
    decided = [case for case in same_item if case.state in DECIDED_STATES]
    assert staying == decided if decided else len(staying) == 1
    assert all(LIFE.may(case.state, "withdraw") for case in leaving)


@given(cases)
def test_the_order_in_which_cases_are_told_decides_nothing(same_item: list[OpenCase]) -> None:
    assert set(cases_giving_way(same_item)) == set(cases_giving_way(same_item[::-1]))


@given(cases)
def test_an_accepted_case_stays_before_a_submitted_one(same_item: list[OpenCase]) -> None:
    states = {case.state for case in same_item}
    if CaseState.ACCEPTED in states and not states & DECIDED_STATES:
        [stays] = [case for case in same_item if case not in cases_giving_way(same_item)]
        accepted = [case.submitted_at for case in same_item if case.state is CaseState.ACCEPTED]
        assert (stays.state, stays.submitted_at) == (CaseState.ACCEPTED, min(accepted))


@given(bookings)
def test_one_booking_stays_and_who_is_there_keeps_theirs(same_visit: list[LiveBooking]) -> None:
    leaving = bookings_giving_way(same_visit)
    [stays] = [booking for booking in same_visit if booking not in leaving]
    there = BookingState.CHECKED_IN in {booking.state for booking in same_visit}
    assert stays.state is (BookingState.CHECKED_IN if there else BookingState.BOOKED)
    assert stays.booked_at == min(one.booked_at for one in same_visit if one.state is stays.state)


@given(tickets)
def test_one_number_stays_and_nobody_is_sent_away_from_a_window(same_visit: list[OpenTicket]) -> None:
    leaving = tickets_giving_way(same_visit)
    [stays] = [ticket for ticket in same_visit if ticket not in leaving]
    for state in (TicketState.SERVING, TicketState.CALLED, TicketState.WAITING):
        if state in {ticket.state for ticket in same_visit}:
            assert stays.state is state
            return
