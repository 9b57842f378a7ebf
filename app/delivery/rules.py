"""Without this module a late push could undo a delivery, and a locker could close a case."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.delivery.errors import CheckDigitWrong, TrackingNumberInvalid
from app.delivery.numbers import has_wrong_check_digit
from app.delivery.ports import DeliveredTo, ParcelState, TrackingEvent

END_STATES = frozenset({ParcelState.DELIVERED, ParcelState.RETURNED, ParcelState.CANCELLED, ParcelState.LOST})
WAITING_STATES = frozenset({ParcelState.CREATED, ParcelState.AWAITING_PICKUP})
"""Nobody has carried the parcel anywhere yet."""

_AFTER = {end: END_STATES | {ParcelState.RETURNING} for end in END_STATES} | {
    ParcelState.CANCELLED: frozenset(ParcelState) - WAITING_STATES
}
"""What a scan after an end can still make of a parcel."""

SILENT_AFTER = timedelta(hours=24)
AHEAD = timedelta(hours=1)
"""How far a carrier's clock may be ahead of ours; what is dated later counts only once it is due."""

STUCK_WAITING, STUCK_MOVING = timedelta(days=3), timedelta(days=5)
LOCKER_FOLLOWED = timedelta(days=30)
"""How long couriers are asked who took a parcel out of its locker."""

_WAY: Mapping[ParcelState | None, int] = {state: place for place, state in enumerate(ParcelState)}
_TRACKING_NUMBER = re.compile(r"[0-9A-Z]{6,32}")


class Watch(StrEnum):
    """Whether a tracker tells us of a parcel's moves."""

    NO_NUMBER = "NO_NUMBER"
    """The carrier has not given one yet: there is nothing to watch."""

    ASKED = "ASKED"
    WATCHED = "WATCHED"
    REFUSED = "REFUSED"
    ENDED = "ENDED"


STATE_WORDS: dict[ParcelState, tuple[str, str]] = {
    ParcelState.CREATED: ("已登记,等待揽收", "Registered, waiting for the courier"),
    ParcelState.AWAITING_PICKUP: ("等待揽收", "Waiting for the courier"),
    ParcelState.PICKED_UP: ("快递员已揽收", "Picked up"),
    ParcelState.IN_TRANSIT: ("运输途中", "On its way"),
    ParcelState.CUSTOMS: ("清关中", "At customs"),
    ParcelState.TRANSFERRED: ("已转其他快递公司", "Handed to another carrier"),
    ParcelState.AT_DESTINATION: ("已到达派送网点", "At the delivery office"),
    ParcelState.OUT_FOR_DELIVERY: ("正在派送,请留意电话", "Out for delivery"),
    ParcelState.DELIVERY_FAILED: ("派送未成功,将再次派送", "Delivery failed, will be tried again"),
    ParcelState.AWAITING_COLLECTION: ("已到自提点,请凭取件码领取", "Waiting at a pick-up point"),
    ParcelState.EXCEPTION: ("运输异常,正在处理", "Delayed by a problem"),
    ParcelState.REFUSED: ("已拒收", "Refused"),
    ParcelState.RETURNING: ("退回大厅途中", "On its way back to the hall"),
    ParcelState.DELIVERED: ("已签收", "Signed for"),
    ParcelState.RETURNED: (
        "已退回大厅,将再次寄出,也可到大厅领取",
        "Back at the hall; it is sent again, or collect it there",
    ),
    ParcelState.CANCELLED: ("已取消", "Cancelled"),
    ParcelState.LOST: ("已遗失,大厅将与您联系", "Lost; the hall will contact you"),
}


_BY_ANOTHER = ("已由他人签收,没有拿到请联系大厅", "Signed for by somebody else; ask the hall if you do not have it")
_IN_LOCKER = ("已放入快递柜或驿站,取件后请确认收到", "In a locker or at a station; confirm once you have it")

_NOT_TO_THEM = {DeliveredTo.LOCKER: _IN_LOCKER, DeliveredTo.OTHER_PERSON: _BY_ANOTHER}


def check_tracking_number(text: str) -> str:
    """The number folded and in upper case. Raises `TrackingNumberInvalid` or `CheckDigitWrong`."""
    number = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).upper()
    if not _TRACKING_NUMBER.fullmatch(number):
        raise TrackingNumberInvalid(field="trackingNumber")
    if has_wrong_check_digit(number):
        raise CheckDigitWrong(field="trackingNumber")
    return number


def event_key(event: TrackingEvent) -> str:
    """What makes two rows of one parcel the same event: its moment and its normalised text."""
    text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", event.text))
    return hashlib.sha256(f"{event.at.isoformat()}|{text}".encode()).hexdigest()


def ranks_of(events: Sequence[TrackingEvent], *, partial: bool) -> list[int]:
    """The order of rows (newest first) among those of their second; higher is newer.

    As the provider gives them; told one by one, by how far each is on the way, so that arrival decides nothing.
    """
    if partial:
        return [len(_WAY) if event.undoes else _WAY.get(event.state, 0) for event in events]
    ranks, within = [], Counter[datetime]()
    for event in reversed(events):
        within[event.at] += 1
        ranks.append(within[event.at])
    return ranks[::-1]


@dataclass(frozen=True)
class Standing:
    """Where a parcel stands: its state, since when, and who has it."""

    state: ParcelState
    at: datetime
    delivered_to: DeliveredTo | None = None


def in_force(events: Sequence[TrackingEvent]) -> list[TrackingEvent]:
    """A history (newest first) without what later rows take back, and without those rows; oldest first.

    A row takes back the newest earlier one of the code it names (EMS 743 the signature 704); one that finds none
    takes back nothing.
    """
    counted: list[TrackingEvent] = []
    for event in reversed(events):
        if not event.undoes:
            counted.append(event)
            continue
        place = next((at for at in reversed(range(len(counted))) if _main_code(counted[at]) == event.undoes), None)
        if place is not None:
            del counted[place]
    return counted


def _main_code(event: TrackingEvent) -> str:
    return event.raw_code.partition("+")[0]


def standing_of(events: Sequence[TrackingEvent], registered_at: datetime) -> Standing:
    """The state told by a history of valid rows, newest first; rows with unknown codes tell nothing.

    A mere scan after an end (`DELIVERED`, then a sorting scan) does not reopen a parcel; a return does, a row that
    takes the end back, and after `CANCELLED` any that shows the parcel carried all the same. Who signs for what is
    on its way back is the sender, whatever the code says.
    """
    standing, on_its_way_back = Standing(ParcelState.CREATED, registered_at), False
    for event in in_force(events):
        if event.state is None:
            continue
        if event.state not in _AFTER.get(standing.state, ParcelState):
            continue
        on_its_way_back = on_its_way_back or event.state in {ParcelState.RETURNING, ParcelState.RETURNED}
        if on_its_way_back and event.state is ParcelState.DELIVERED:
            standing = Standing(ParcelState.RETURNED, event.at)
        else:
            standing = Standing(event.state, event.at, event.delivered_to)
    return standing


def picked_up_at(events: Sequence[TrackingEvent]) -> datetime | None:
    """When the carrier had it first: the oldest row in force that tells of more than waiting. Newest first in."""
    moving = (
        event.at for event in in_force(events) if event.state not in WAITING_STATES | {ParcelState.CANCELLED, None}
    )
    return next(moving, None)


def is_due(at: datetime, now: datetime) -> bool:
    """Whether an event counts already: carriers do date rows in the future."""
    return at <= now + AHEAD


@dataclass(frozen=True)
class Reach:
    """How far a history reaches: its newest moment, and its length, because a carrier's second holds several rows."""

    newest: datetime | None
    rows: int

    @classmethod
    def of(cls, events: Sequence[TrackingEvent]) -> Reach:
        return cls(max((event.at for event in events), default=None), len(events))


def is_outdated(told: Reach, known: Reach, *, rewritten: bool) -> bool:
    """Whether a snapshot arrived after a newer one and must not void what that brought."""
    if rewritten or known.newest is None:
        return False
    if told.newest is None or told.newest < known.newest:
        return True
    return told.newest == known.newest and told.rows < known.rows


def ends_watch(standing: Standing) -> bool:
    """Nothing more is to be told; of a locker the last word is who took the parcel out."""
    return standing.state in END_STATES and standing.delivered_to is not DeliveredTo.LOCKER


def closes_case(standing: Standing, *, needs_identity: bool) -> bool:
    """A person has signed, where papers are to be shown the addressee; a locker is not receipt."""
    receivers = {DeliveredTo.ADDRESSEE} if needs_identity else {DeliveredTo.ADDRESSEE, DeliveredTo.OTHER_PERSON}
    return standing.state is ParcelState.DELIVERED and standing.delivered_to in receivers


def may_confirm(state: ParcelState) -> bool:
    """Whether the applicant may say that they have it: once it can be in their hands."""
    return state in {ParcelState.DELIVERED, ParcelState.AWAITING_COLLECTION}


def state_words(state: ParcelState, delivered_to: DeliveredTo | None) -> tuple[str, str]:
    """Where a parcel is, in plain words; put into a locker nobody has signed for it, or somebody else has."""
    if state is ParcelState.DELIVERED and delivered_to in _NOT_TO_THEM:
        return _NOT_TO_THEM[delivered_to]
    return STATE_WORDS[state]


def needs_identity(guide: Mapping[str, Any]) -> bool:
    """Whether the result of an item is a licence (it has a type of e-licence): then only its holder may sign."""
    result = guide.get("result")
    return isinstance(result, Mapping) and bool(result.get("elicense_type"))


def materials_by_post(guide: Mapping[str, Any]) -> bool:
    """Whether the materials of an item may be sent to the hall, as its list says."""
    delivery = guide.get("delivery")
    return isinstance(delivery, Mapping) and bool(delivery.get("materials_by_post"))


def missing_materials(materials: Sequence[Mapping[str, Any]], found: Sequence[int]) -> list[int]:
    """Orders of an item's list that have to be there and are not; what is only sometimes needed is for a person."""
    return [
        material["order"]
        for material in materials
        if material["necessity"] == "REQUIRED" and material["order"] not in found
    ]
