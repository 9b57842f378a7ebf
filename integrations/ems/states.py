"""Without this module a resident would read the post's numbers instead of where the parcel is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.delivery.ports import DeliveredTo, ParcelState, TrackingEvent
from app.kernel.clock.moments import lent, moment_of

_CODES: dict[ParcelState, str] = {
    ParcelState.CREATED: "764",
    ParcelState.PICKED_UP: "203 208",
    ParcelState.IN_TRANSIT: "305 389 423 954",
    ParcelState.CUSTOMS: "466 467 468 469 470 486 487",
    ParcelState.TRANSFERRED: "404 950",
    ParcelState.AT_DESTINATION: "516 713",
    ParcelState.OUT_FOR_DELIVERY: "702 749",
    ParcelState.DELIVERY_FAILED: "705",
    ParcelState.AWAITING_COLLECTION: "723 747",
    ParcelState.EXCEPTION: "013 651 751 756 802 803 993",
    ParcelState.RETURNING: "312 405 708 741 750",
    ParcelState.DELIVERED: "704 748",
    ParcelState.RETURNED: "711",
    ParcelState.CANCELLED: "801",
    ParcelState.LOST: "987 988",
}
STATES = {code: state for state, codes in _CODES.items() for code in codes.split()}
"""Dictionary of `opCode`; other codes of the three hundreds and nine hundreds are somewhere on the way."""

UNDOES = {
    "207": "203", "212": "208", "304": "305", "424": "423", "448": "447", "472": "471", "474": "473", "483": "482",
    "492": "491", "742": "702", "743": "704", "744": "705",
}  # fmt: skip
"""Cancelling events and what they take back. Of those on the way only 424 is known for certain."""

_RECEIVERS: dict[DeliveredTo, str] = {
    DeliveredTo.ADDRESSEE: "10",
    DeliveredTo.OTHER_PERSON: "20 60 70 160",
    DeliveredTo.LOCKER: "30 50 80 90 150",
}
RECEIVERS = {code: receiver for receiver, codes in _RECEIVERS.items() for code in codes.split()}
"""`deliverCode`: mail room, property office and village committee are other people; the rest is nobody in person."""

_NO_DELIVERY = {"180": ParcelState.LOST}
"""A claim that was settled is told as a delivery."""

_ATTEMPTS = {"7": ParcelState.REFUSED, "8": ParcelState.AWAITING_COLLECTION, "9": ParcelState.AWAITING_COLLECTION,
             "13": ParcelState.LOST}  # fmt: skip


def events_of(items: Sequence[Mapping[str, Any]]) -> tuple[TrackingEvent, ...]:
    """The rows of an answer or a push, newest first."""
    rows = list(reversed(items))
    timed = [(at, row) for at, row in zip(lent([_moment(row) for row in rows]), rows, strict=True) if at is not None]
    timed.sort(key=lambda pair: pair[0], reverse=True)
    return tuple(_event(at, row) for at, row in timed)


def is_untimed(items: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the time of a row cannot be read."""
    return any(_moment(row) is None for row in items)


def _event(at: datetime, row: Mapping[str, Any]) -> TrackingEvent:
    code, detail = text_of(row, "opCode"), ""
    state = STATES.get(code) or (ParcelState.IN_TRANSIT if _is_on_the_way(code) else None)
    receiver = None
    if code == "704":
        detail = text_of(row, "deliverCode")
        state = _NO_DELIVERY.get(detail, state)
        receiver = RECEIVERS.get(detail, DeliveredTo.UNKNOWN) if state is ParcelState.DELIVERED else None
    elif code == "748":
        receiver = DeliveredTo.ADDRESSEE
    elif code in {"705", "723"}:
        detail = text_of(row, "attemptDeliveryCode")
        state = _ATTEMPTS.get(detail, state)
    undoes = UNDOES.get(code, "")
    return TrackingEvent(
        at=at,
        text=text_of(row, "opDesc") or text_of(row, "opName"),
        place=text_of(row, "opOrgCity") or text_of(row, "opOrgName"),
        raw_code=f"{code}+{detail}"[:30] if detail else code[:30],
        state=None if undoes else state,
        delivered_to=receiver,
        undoes=undoes,
    )


def _is_on_the_way(code: str) -> bool:
    return len(code) == 3 and code.isascii() and code.isdigit() and code[0] in "39" and code not in UNDOES


def _moment(row: Mapping[str, Any]) -> datetime | None:
    return moment_of(text_of(row, "opTime"))


def text_of(content: Mapping[str, Any], name: str) -> str:
    """Codes come as text or as a number; without the null character, which PostgreSQL does not take."""
    value = content.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).replace("\0", "").strip()
