"""Without this module a bill could only be paid by one provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

NOTICE_TOPIC = "payments.notice"
"""Topic under which adapters hand over verified payment notices; the content is a `PaymentTruth` in JSON."""


@dataclass(frozen=True)
class PaymentOrder:
    """One attempt to pay a bill, as the provider is told of it. Repeating it with equal values is harmless.

    `amount_fen` is in fen; `expires_at` is a UTC moment; `order_no` has at most 32 characters of [0-9A-Za-z].
    """

    order_no: str
    amount_fen: int
    description: str
    payer_open_id: str
    expires_at: datetime


@dataclass(frozen=True)
class OpenedPayment:
    """The provider knows the order; `prepay_ref` is its handle for the phone."""

    prepay_ref: str


class PaymentState(StrEnum):
    """What a provider can say about an order."""

    UNKNOWN = "UNKNOWN"
    NOT_PAID = "NOT_PAID"
    PAID = "PAID"
    CLOSED = "CLOSED"


@dataclass(frozen=True)
class PaymentTruth:
    """A provider's verified word on one order, from a notice or from a query."""

    channel: str
    order_no: str
    state: PaymentState
    amount_fen: int | None = None
    currency: str = "CNY"
    provider_ref: str | None = None
    payer_open_id: str | None = None
    paid_at: datetime | None = None


class OrderRefused(Exception):
    """The provider will not take this order; `code` is its word, for the log. `already_paid` and
    `already_closed` are the two refusals that tell the state of the order.
    """

    def __init__(self, code: str, *, already_paid: bool = False, already_closed: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.already_paid = already_paid
        self.already_closed = already_closed


class PaymentChannel(Protocol):
    """A way to pay, registered by its code (`wechat`)."""

    name_zh: str
    name_en: str

    sign_in_channel: str
    """Code of the sign-in channel whose users can pay here."""

    async def open_payment(self, order: PaymentOrder) -> OpenedPayment:
        """Tell the provider of the order. Raises `OrderRefused` or `ProviderUnavailable` (the outcome may then
        be unknown: repeat with equal values).
        """

    def client_parameters(self, prepay_ref: str) -> Mapping[str, str]:
        """What the phone needs to ask for the payment, signed afresh (WeChat: `wx.requestPayment`)."""

    async def ask(self, order_no: str) -> PaymentTruth:
        """The provider's present truth about an order; `UNKNOWN` when it never heard of it. Raises
        `ProviderUnavailable`.
        """

    async def close(self, order_no: str) -> None:
        """End an unpaid order so that it can no longer be paid. Raises `OrderRefused` (paid meanwhile) or
        `ProviderUnavailable`.
        """
