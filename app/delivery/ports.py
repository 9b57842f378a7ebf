"""Without this module a parcel could only be followed through one aggregator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

SNAPSHOT_TOPIC = "delivery.snapshot"
"""Topic under which adapters hand over verified pushes; the content is a `TrackingSnapshot` in JSON."""


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
    """One row of a carrier's history. `state` is None for a code we do not know: the parcel keeps its state."""

    at: datetime
    text: str
    place: str
    raw_code: str
    state: ParcelState | None
    delivered_to: DeliveredTo | None = None


@dataclass(frozen=True)
class TrackingSnapshot:
    """The full history as a provider knows it, newest first.

    `rewritten`: the provider replaced its history, ours must follow. `abandoned`: it stopped watching.
    `new_carrier`: it found that another carrier has the parcel.
    """

    tracker: str
    carrier: str
    number: str
    events: tuple[TrackingEvent, ...]
    rewritten: bool = False
    abandoned: bool = False
    new_carrier: str | None = None


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
