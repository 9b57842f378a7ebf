"""Without this module a resident would read Kuaidi100's numbers instead of where the parcel is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.delivery.ports import DeliveredTo, ParcelState, TrackingEvent
from app.kernel.clock.moments import lent, moment_of

_CODES: dict[ParcelState, str] = {
    ParcelState.CREATED: "101",
    ParcelState.AWAITING_PICKUP: "102",
    ParcelState.PICKED_UP: "1 103",
    ParcelState.IN_TRANSIT: "0 1002 1003",
    ParcelState.CUSTOMS: "8 10 11 12 13",
    ParcelState.TRANSFERRED: "7",
    ParcelState.AT_DESTINATION: "1001",
    ParcelState.OUT_FOR_DELIVERY: "5",
    ParcelState.DELIVERY_FAILED: "204",
    ParcelState.AWAITING_COLLECTION: "501 205",
    ParcelState.EXCEPTION: "2 201 202 206 207 208 209",
    ParcelState.REFUSED: "14 203",
    ParcelState.RETURNING: "6",
    ParcelState.DELIVERED: "3 301 302 303 304",
    ParcelState.RETURNED: "4",
    ParcelState.CANCELLED: "210 401",
}
STATES = {code: state for state, codes in _CODES.items() for code in codes.split()}
"""Enterprise API, table of `state` and of the sub-states `statusCode`; both kinds of code are distinct."""

_RECEIVERS = {
    "3": DeliveredTo.ADDRESSEE,
    "301": DeliveredTo.ADDRESSEE,
    "302": DeliveredTo.ADDRESSEE,
    "303": DeliveredTo.OTHER_PERSON,
    "304": DeliveredTo.LOCKER,
}


def events_of(result: Mapping[str, Any]) -> tuple[TrackingEvent, ...]:
    """The rows of a query's result or of a push's `lastResult`, newest first.

    `state` of the whole parcel speaks for its newest row only.
    """
    rows = _rows(result)
    timed = [(at, row) for at, row in zip(lent([_moment(row) for row in rows]), rows, strict=True) if at is not None]
    timed.sort(key=lambda pair: pair[0], reverse=True)
    whole = _code(result, "state")
    return tuple(_event(at, row, whole if place == 0 else "") for place, (at, row) in enumerate(timed))


def is_untimed(result: Mapping[str, Any]) -> bool:
    """Whether the time of a row cannot be read."""
    return any(_moment(row) is None for row in _rows(result))


def _rows(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What says anything."""
    data = result.get("data")
    rows = data if isinstance(data, list) else []
    return [row for row in rows if isinstance(row, Mapping) and (_text(row, "context") or _code(row, "statusCode"))]


def _event(at: datetime, row: Mapping[str, Any], whole: str) -> TrackingEvent:
    """Sub-code first, then the main code; when neither is known the parcel keeps its state."""
    detailed, general = _code(row, "statusCode"), _code(row, "state") or whole
    known = next((code for code in (detailed, general) if code in STATES), "")
    state = STATES.get(known)
    receiver = None
    if state is ParcelState.DELIVERED:
        # A sub-code we do not know may mean a locker: then nobody in person is said to have it.
        receiver = _RECEIVERS[known] if known == detailed or not detailed else DeliveredTo.UNKNOWN
    return TrackingEvent(
        at=at,
        text=_text(row, "context"),
        place=_text(row, "areaName") or _text(row, "location"),
        raw_code=(detailed or general)[:20],
        state=state,
        delivered_to=receiver,
    )


def _moment(row: Mapping[str, Any]) -> datetime | None:
    """`ftime`, else `time`."""
    return moment_of(_text(row, "ftime")) or moment_of(_text(row, "time"))


def _code(content: Mapping[str, Any], name: str) -> str:
    """Codes come as text or as a number."""
    value = content.get(name)
    return str(value).strip() if type(value) is int else _text(content, name).strip()


def _text(content: Mapping[str, Any], name: str) -> str:
    """Without the null character, which is JSON but which PostgreSQL does not take."""
    value = content.get(name)
    return value.replace("\0", "") if isinstance(value, str) else ""
