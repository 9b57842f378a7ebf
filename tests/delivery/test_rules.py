from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.errors import TrackingNumberInvalid
from app.delivery.ports import DeliveredTo, ParcelState, TrackingEvent
from app.delivery.rules import (
    END_STATES,
    Reach,
    Standing,
    check_tracking_number,
    closes_case,
    event_key,
    is_outdated,
    ranks_of,
    standing_of,
)

START = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


def row(minutes: int, state: ParcelState | None, to: DeliveredTo | None = None, text: str = "") -> TrackingEvent:
    return TrackingEvent(START + timedelta(minutes=minutes), text or f"step {minutes}", "", "", state, to)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("1207119765021", "1207119765021"), (" ea 123-456 785cn ", "EA123456785CN"), ("１２３４５６", "123456")],
)
def test_a_tracking_number_is_folded(typed: str, kept: str) -> None:
    assert check_tracking_number(typed) == kept


@pytest.mark.parametrize("typed", ["", "12345", "1" * 33, "运单123456", "12345;DROP", "<b>123456</b>"])
def test_what_is_no_tracking_number_is_refused(typed: str) -> None:
    with pytest.raises(TrackingNumberInvalid):
        check_tracking_number(typed)


def test_the_newest_row_tells_the_state() -> None:
    history = [row(30, ParcelState.IN_TRANSIT), row(10, ParcelState.PICKED_UP)]
    assert standing_of(history, START).state is ParcelState.IN_TRANSIT
    assert standing_of([], START) == Standing(ParcelState.CREATED, START)


def test_an_unknown_code_tells_nothing() -> None:
    assert standing_of([row(30, None), row(10, ParcelState.PICKED_UP)], START).state is ParcelState.PICKED_UP


def test_a_scan_after_the_signature_does_not_reopen_but_a_return_does() -> None:
    delivered = row(20, ParcelState.DELIVERED, DeliveredTo.ADDRESSEE)
    assert standing_of([row(30, ParcelState.IN_TRANSIT), delivered], START).state is ParcelState.DELIVERED
    assert standing_of([row(30, ParcelState.RETURNING), delivered], START).state is ParcelState.RETURNING
    returned = [row(40, ParcelState.RETURNED), row(30, ParcelState.RETURNING), delivered]
    assert standing_of(returned, START).state is ParcelState.RETURNED


def test_what_was_cancelled_moves_again_when_it_is_carried_all_the_same() -> None:
    cancelled = row(20, ParcelState.CANCELLED)
    assert standing_of([row(30, ParcelState.AWAITING_PICKUP), cancelled], START).state is ParcelState.CANCELLED
    assert standing_of([row(30, ParcelState.PICKED_UP), cancelled], START).state is ParcelState.PICKED_UP


@pytest.mark.parametrize("to", [*DeliveredTo])
def test_what_is_signed_for_on_its_way_back_is_back_at_the_hall(to: DeliveredTo) -> None:
    """Carriers tell of the hall's own signature with the code of any other."""
    signed, out = row(40, ParcelState.DELIVERED, to), row(35, ParcelState.OUT_FOR_DELIVERY)
    back = row(30, ParcelState.RETURNING)
    assert standing_of([signed, out, back], START) == Standing(ParcelState.RETURNED, signed.at)
    assert standing_of([signed, row(10, ParcelState.REFUSED)], START) == Standing(ParcelState.DELIVERED, signed.at, to)


@given(st.lists(st.sampled_from([*ParcelState, None]), max_size=12))
def test_nothing_but_an_end_or_a_return_follows_an_end(states: list[ParcelState | None]) -> None:
    history = [row(minutes, state) for minutes, state in enumerate(states)]
    for length in range(1, len(history)):
        before = standing_of(list(reversed(history[:length])), START).state
        after = standing_of(list(reversed(history[: length + 1])), START).state
        if before in END_STATES - {ParcelState.CANCELLED}:
            assert after in END_STATES | {ParcelState.RETURNING}


@pytest.mark.parametrize(
    ("to", "closes", "closes_a_licence"),
    [
        (DeliveredTo.ADDRESSEE, True, True),
        (DeliveredTo.OTHER_PERSON, True, False),
        (DeliveredTo.LOCKER, False, False),
        (DeliveredTo.UNKNOWN, False, False),
        (None, False, False),
    ],
)
def test_only_a_person_s_signature_closes_a_case(to: DeliveredTo | None, closes: bool, closes_a_licence: bool) -> None:
    for needs_identity, wanted in ((False, closes), (True, closes_a_licence)):
        assert closes_case(Standing(ParcelState.DELIVERED, START, to), needs_identity=needs_identity) is wanted
        waiting = Standing(ParcelState.AWAITING_COLLECTION, START, to)
        assert closes_case(waiting, needs_identity=needs_identity) is False


def test_a_snapshot_is_outdated_when_it_reaches_less_far_than_what_we_know() -> None:
    later = START + timedelta(minutes=5)
    assert is_outdated(Reach(START, 9), Reach(later, 2), rewritten=False)
    assert is_outdated(Reach(None, 0), Reach(later, 2), rewritten=False)
    assert is_outdated(Reach(later, 1), Reach(later, 2), rewritten=False), "several rows fell into one second"
    assert not is_outdated(Reach(later, 2), Reach(later, 2), rewritten=False)
    assert not is_outdated(Reach(later, 1), Reach(None, 0), rewritten=False)
    assert not is_outdated(Reach(START, 1), Reach(later, 2), rewritten=True)


def test_two_events_in_one_second_stay_two_and_one_event_stays_one() -> None:
    keys = {event_key(row(1, None, text=text)) for text in ("已到达 网点", "已到达网点", "已离开网点")}
    assert len(keys) == 2


def test_rows_of_one_second_keep_the_order_of_their_provider() -> None:
    later, first, second = (
        row(2, None),
        row(1, ParcelState.PICKED_UP, text="a"),
        row(1, ParcelState.PICKED_UP, text="b"),
    )
    assert ranks_of([later, second, first], partial=False) == [1, 2, 1]


def test_rows_of_one_second_told_one_by_one_are_ordered_by_how_far_they_are() -> None:
    undone = replace(row(1, None), undoes="704")
    way = [
        row(1, None),
        row(1, ParcelState.PICKED_UP),
        row(1, ParcelState.IN_TRANSIT),
        row(1, ParcelState.DELIVERED),
        undone,
    ]
    ranks = [rank for event in way for rank in ranks_of([event], partial=True)]
    assert ranks == sorted(set(ranks))
