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
the_same_visit = st.just(frozenset({("id-card-replace", NOON.date())}))
several = st.frozensets(st.tuples(st.sampled_from("abc"), st.just(NOON.date())), min_size=1)
live = st.sampled_from(sorted(LIVE_STATES))
bookings = st.lists(st.builds(LiveBooking, st.uuids(), live, moments, the_same_visit), min_size=1)
visits = st.lists(st.builds(LiveBooking, st.uuids(), live, moments, several), min_size=1)
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
    states = {booking.state for booking in same_visit}
    nearest = next(
        state for state in (BookingState.CHECKED_IN, BookingState.BOOKED, BookingState.HELD) if state in states
    )
    assert stays.state is nearest
    assert stays.booked_at == min(one.booked_at for one in same_visit if one.state is stays.state)


@given(visits)
def test_no_item_is_booked_twice_afterwards_and_none_is_given_back_for_nothing(live: list[LiveBooking]) -> None:
    leaving = bookings_giving_way(live)
    staying = [booking for booking in live if booking not in leaving]
    kept = [visit for booking in staying for visit in booking.visits]
    assert len(kept) == len(set(kept))
    assert all(booking.visits & set(kept) for booking in leaving)


@given(tickets)
def test_one_number_stays_and_nobody_is_sent_away_from_a_window(same_visit: list[OpenTicket]) -> None:
    leaving = tickets_giving_way(same_visit)
    [stays] = [ticket for ticket in same_visit if ticket not in leaving]
    for state in (TicketState.SERVING, TicketState.CALLED, TicketState.HUNG, TicketState.WAITING):
        if state in {ticket.state for ticket in same_visit}:
            assert stays.state is state
            return
