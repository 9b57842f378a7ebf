"""Without this module a platform that holds money back until it is told what was handed over could not be told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Way(StrEnum):
    """How what was paid for comes to its payer."""

    POSTED = "POSTED"
    AT_THE_HALL = "AT_THE_HALL"
    NOTHING_TO_HAND_OVER = "NOTHING_TO_HAND_OVER"


@dataclass(frozen=True)
class PostedParcel:
    """A parcel the carrier has: its carrier in our codes, its number, and the last four digits of the resident's phone
    (empty when they are not kept any more).
    """

    carrier: str
    number: str
    phone_tail: str


@dataclass(frozen=True)
class Fulfilment:
    """What one payment brought. `what` is what was paid for, in the words of the order; it names nobody."""

    order_no: str
    payer_open_id: str
    what: str
    way: Way
    parcels: tuple[PostedParcel, ...] = ()


class FulfilmentRegister(Protocol):
    """A platform that wants to know, registered by the code of its payment channel (`wechat`)."""

    async def tell(self, fulfilment: Fulfilment) -> bool:
        """Say what a payment brought; gives False when the platform knows already, or the money has gone back. Raises
        `ProviderUnavailable`, also when the platform will not take it: asked again it may.
        """
