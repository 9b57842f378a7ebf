"""Without this module a parcel in a locker could close a case."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.delivery.ports import DeliveredTo, ParcelState, TrackingEvent
from integrations.kuaidi100.states import STATES, events_of, is_untimed


def only(state: object, code: object = None) -> TrackingEvent:
    row = {"ftime": "2026-11-25 08:00:00", "context": "到达", "statusCode": code}
    [event] = events_of({"state": state, "data": [row]})
    return event


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("101", ParcelState.CREATED),
        ("102", ParcelState.AWAITING_PICKUP),
        ("1", ParcelState.PICKED_UP),
        ("103", ParcelState.PICKED_UP),
        ("0", ParcelState.IN_TRANSIT),
        ("1002", ParcelState.IN_TRANSIT),
        ("1003", ParcelState.IN_TRANSIT),
        ("8", ParcelState.CUSTOMS),
        ("10", ParcelState.CUSTOMS),
        ("13", ParcelState.CUSTOMS),
        ("7", ParcelState.TRANSFERRED),
        ("1001", ParcelState.AT_DESTINATION),
        ("5", ParcelState.OUT_FOR_DELIVERY),
        ("204", ParcelState.DELIVERY_FAILED),
        ("501", ParcelState.AWAITING_COLLECTION),
        ("205", ParcelState.AWAITING_COLLECTION),
        ("2", ParcelState.EXCEPTION),
        ("201", ParcelState.EXCEPTION),
        ("209", ParcelState.EXCEPTION),
        ("14", ParcelState.REFUSED),
        ("203", ParcelState.REFUSED),
        ("6", ParcelState.RETURNING),
        ("3", ParcelState.DELIVERED),
        ("4", ParcelState.RETURNED),
        ("401", ParcelState.CANCELLED),
        ("210", ParcelState.CANCELLED),
    ],
)
def test_a_code_names_a_state_as_text_and_as_number_in_either_place(code: str, state: ParcelState) -> None:
    assert only("99", code).state is state
    assert only("99", int(code)).state is state
    assert only(code).state is state
    assert only(int(code)).state is state


@pytest.mark.parametrize(
    ("state", "code", "receiver"),
    [
        ("3", None, DeliveredTo.ADDRESSEE),
        ("3", "3", DeliveredTo.ADDRESSEE),
        ("3", "301", DeliveredTo.ADDRESSEE),
        ("3", "302", DeliveredTo.ADDRESSEE),
        ("3", "303", DeliveredTo.OTHER_PERSON),
        ("3", "304", DeliveredTo.LOCKER),
        ("3", "399", DeliveredTo.UNKNOWN),
    ],
)
def test_delivered_says_to_whom(state: str, code: str | None, receiver: DeliveredTo) -> None:
    event = only(state, code)
    assert (event.state, event.delivered_to) == (ParcelState.DELIVERED, receiver)


def test_a_code_nobody_knows_leaves_the_parcel_where_it_is() -> None:
    event = only("99", "9999")
    assert (event.state, event.delivered_to, event.raw_code) == (None, None, "9999")
    assert only(None).raw_code == ""
    assert only(True, []).state is None


def test_the_state_of_the_parcel_speaks_for_its_newest_row_only() -> None:
    rows = [
        {"ftime": "2026-11-24 08:00:00", "context": "older"},
        {"ftime": "2026-11-25 08:00:00", "context": "newest"},
    ]
    assert [(event.text, event.state) for event in events_of({"state": "5", "data": rows})] == [
        ("newest", ParcelState.OUT_FOR_DELIVERY),
        ("older", None),
    ]


def test_beijing_time_becomes_utc_and_rows_of_one_second_keep_their_order() -> None:
    rows = [
        {"ftime": "2026-01-01 07:59:59", "context": "c", "areaName": "北京"},
        {"time": "2026-01-01 08:00:00", "ftime": "nonsense", "context": "a", "location": "站"},
        {"time": "2026-01-01 08:00:00", "context": "b"},
    ]
    events = events_of({"data": rows})
    assert [(event.text, event.place, event.at) for event in events] == [
        ("a", "站", datetime(2026, 1, 1, 0, 0, 0, tzinfo=UTC)),
        ("b", "", datetime(2026, 1, 1, 0, 0, 0, tzinfo=UTC)),
        ("c", "北京", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ]


@pytest.mark.parametrize("result", [{}, {"data": None}, {"data": "x"}, {"data": [None, 1, "x", {}, {"ftime": 5}]}])
def test_rows_that_are_none_are_left_out(result: dict[str, Any]) -> None:
    assert events_of(result) == ()


def test_another_zone_is_honoured_and_what_cannot_be_read_stands_beside_its_neighbour() -> None:
    rows = [
        {"ftime": "昨天", "context": "newest", "statusCode": "301"},
        {"ftime": "2026-01-01T08:00:00+00:00", "context": "abroad"},
        {"ftime": "2026-01-01 08:00:00", "context": "here"},
    ]
    events, at = events_of({"data": rows}), datetime(2026, 1, 1, 8, tzinfo=UTC)
    assert [(event.text, event.at) for event in events] == [
        ("newest", at), ("abroad", at), ("here", datetime(2026, 1, 1, 0, tzinfo=UTC)),
    ]  # fmt: skip
    assert (is_untimed({"data": rows}), is_untimed({"data": rows[1:]})) == (True, False)


def test_a_time_before_all_times_and_a_null_character_do_no_harm() -> None:
    rows = [
        {"ftime": "0001-01-01 00:00:00", "context": "no time"},
        {"ftime": "2026-01-01 08:00:00", "context": "a\0b", "statusCode": "1\0"},
    ]
    assert [(event.text, event.raw_code) for event in events_of({"data": rows})] == [("no time", ""), ("ab", "1")]


def test_no_state_is_forgotten_but_those_kuaidi100_has_no_code_for() -> None:
    assert set(ParcelState) - set(STATES.values()) == {ParcelState.LOST}
