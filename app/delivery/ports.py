"""Without this module a parcel could only be followed through one aggregator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

SNAPSHOT_TOPIC = "delivery.snapshot"
"""Topic under which adapters hand over verified pushes; the content is a `TrackingSnapshot` in JSON."""

ORDER_TOPIC = "delivery.order"
"""Topic of a carrier's news about an order; the content is an `OrderNews` in JSON."""


class Payer(StrEnum):
    """Who pays the carrier."""

    CITY = "CITY"
    SENDER = "SENDER"
    RECIPIENT_ON_DELIVERY = "RECIPIENT_ON_DELIVERY"


class ParcelState(StrEnum):
    """Where a parcel can be, in our words, whoever carries it."""

    CREATED = "CREATED"
    AWAITING_PICKUP = "AWAITING_PICKUP"
    PICKED_UP = "PICKED_UP"
    IN_TRANSIT = "IN_TRANSIT"
    CUSTOMS = "CUSTOMS"
    TRANSFERRED = "TRANSFERRED"
    AT_DESTINATION = "AT_DESTINATION"
    OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY"
    DELIVERY_FAILED = "DELIVERY_FAILED"
    AWAITING_COLLECTION = "AWAITING_COLLECTION"
    EXCEPTION = "EXCEPTION"
    REFUSED = "REFUSED"
    RETURNING = "RETURNING"
    DELIVERED = "DELIVERED"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"
    LOST = "LOST"


class DeliveredTo(StrEnum):
    """Who has the parcel after `DELIVERED`. Only the first two close a case."""

    ADDRESSEE = "ADDRESSEE"
    OTHER_PERSON = "OTHER_PERSON"
    LOCKER = "LOCKER"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class TrackingEvent:
    """One row of a carrier's history. `state` is None for a code we do not know.

    `undoes` is the raw code (up to a `+`) whose newest event this row takes back, as EMS 743 does with 704.
    """

    at: datetime
    text: str
    place: str
    raw_code: str
    state: ParcelState | None
    delivered_to: DeliveredTo | None = None
    undoes: str = ""


@dataclass(frozen=True)
class TrackingSnapshot:
    """The history as a provider knows it, newest first; all of it unless it is `partial`.

    `rewritten`: the provider replaced its history, ours must follow. `abandoned`: it stopped watching.
    `new_carrier`: it found that another carrier has the parcel. `partial`: only what is new was told, as EMS does.
    `untimed`: the time of a row could not be read; it has that of the row beside it, or is missing where there is none.
    """

    tracker: str
    carrier: str
    number: str
    events: tuple[TrackingEvent, ...]
    rewritten: bool = False
    abandoned: bool = False
    new_carrier: str | None = None
    partial: bool = False
    untimed: bool = False


class SubscriptionRefused(Exception):
    """The tracker will not watch this number; `reason_zh` can be shown to staff, `code` is for the log."""

    def __init__(self, code: str, reason_zh: str) -> None:
        super().__init__(code)
        self.code = code
        self.reason_zh = reason_zh


class ParcelTracker(Protocol):
    """A service that watches parcels and tells us, registered by its code (`kuaidi100`)."""

    carriers: Mapping[str, str]
    """Carriers it can watch: code → Chinese name."""

    def needs_phone_tail(self, carrier: str) -> bool:
        """Whether this carrier is only watched with the last four digits of a party's phone."""

    async def subscribe(self, carrier: str, number: str, phone_tail: str | None) -> None:
        """Ask to be told of every move; already watched counts as done. Raises `SubscriptionRefused` or
        `ProviderUnavailable`.
        """

    async def query(self, carrier: str, number: str, phone_tail: str | None) -> TrackingSnapshot | None:
        """The history right now, at most once in 30 minutes per number; None while nothing is known. Raises
        `SubscriptionRefused` or `ProviderUnavailable`.
        """


@dataclass(frozen=True)
class Party:
    """Who sends or receives. `region` names province, city and county; `detail` is the rest of the line."""

    name: str
    phone: str
    region: tuple[str, str, str]
    detail: str

    @property
    def address(self) -> str:
        """The whole line as a courier reads it, without saying a name twice."""
        return "".join(name for name in self.region if name and name not in self.detail) + self.detail


@dataclass(frozen=True)
class CourierOrder:
    """What a courier is wanted for. `order_no` is ours: the same again is the same order."""

    order_no: str
    carrier: str
    sender: Party
    receiver: Party
    payer: Payer
    cargo: str
    weight_g: int | None = None
    pickup_from: datetime | None = None
    pickup_until: datetime | None = None
    remark: str = ""


@dataclass(frozen=True)
class Placed:
    """`ref` is how the carrier calls the order; the number may come later."""

    ref: str
    number: str | None = None


class OrderStep(StrEnum):
    """What a carrier tells of an order; parcels have their own news."""

    PLACED = "PLACED"
    FAILED = "FAILED"
    ACCEPTED = "ACCEPTED"
    PICKED_UP = "PICKED_UP"
    CANCELLED = "CANCELLED"
    CARRIER_CANCELLED = "CARRIER_CANCELLED"
    SETTLED = "SETTLED"
    """Weight and price; the prices of several add up."""

    CORRECTED = "CORRECTED"
    """Weight and price as they are now, instead of all that was told before."""

    OTHER = "OTHER"


@dataclass(frozen=True)
class OrderNews:
    """Verified news of an order of ours; what it does not tell is None. Weights in g, prices in fen."""

    agent: str
    order_no: str
    step: OrderStep
    ref: str = ""
    number: str | None = None
    courier_name: str = ""
    courier_phone: str = ""
    weight_g: int | None = None
    fee_fen: int | None = None
    code: str = ""
    remark: str = ""


class OrderRefused(Exception):
    """The carrier will not do it; `reason_zh` can be shown, `code` is for the log."""

    def __init__(self, code: str, reason_zh: str) -> None:
        super().__init__(code)
        self.code = code
        self.reason_zh = reason_zh


class CarrierOrders(Protocol):
    """A carrier, or somebody who orders at several, registered by its code (`kuaidi100`, `ems`)."""

    carriers: Mapping[str, str]
    """Carriers it orders at: code → Chinese name."""

    payers: frozenset[Payer]
    """Who may pay; the city pays what the sender pays when the hall sends."""

    by_appointment: frozenset[str]
    """Those of its carriers that come only in a window that was named."""

    async def place(self, order: CourierOrder) -> Placed:
        """Order once, however often it is asked within two days. Raises `OrderRefused` or `ProviderUnavailable`."""

    async def cancel(self, ref: str, order_no: str, number: str | None) -> None:
        """Before the courier has it; cancelled already counts as done. Raises `OrderRefused` or
        `ProviderUnavailable`.
        """

    async def ask(self, ref: str, order_no: str) -> OrderNews | None:
        """How an order stands; None while there is nothing to tell. Weight and price are those of now (`CORRECTED`).
        Raises `ProviderUnavailable`.
        """

    async def price(self, order: CourierOrder) -> int | None:
        """What it will cost about, in fen; None when the carrier does not say. Raises `ProviderUnavailable`."""
