"""Without this module a bill could only be paid by one provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

NOTICE_TOPIC = "payments.notice"
"""Topic under which adapters hand over verified payment notices; the content is a `PaymentTruth` in JSON."""

REFUND_TOPIC = "payments.refund_notice"
"""Topic of verified refund notices; the content is a `RefundTruth` in JSON."""


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
    payer_other_id: str | None = None
    """The same person under another name, where a provider tells two; an order is bound to one of them."""


class OrderRefused(Exception):
    """The provider will not take this order; `code` is its word, for the log. `already_paid` and
    `already_closed` are the two refusals that tell the state of the order.
    """

    def __init__(self, code: str, *, already_paid: bool = False, already_closed: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.already_paid = already_paid
        self.already_closed = already_closed


@dataclass(frozen=True)
class RefundOrder:
    """One repayment, as the provider is told of it. Repeating it with equal values repays once.

    `amount_fen` of the `total_fen` the order was paid with; `refund_no` has at most 64 characters of [0-9A-Za-z];
    `reason` is shown to the payer, at most 80 characters.
    """

    refund_no: str
    order_no: str
    amount_fen: int
    total_fen: int
    reason: str


class RefundStanding(StrEnum):
    """What a provider can say about a refund."""

    UNKNOWN = "UNKNOWN"
    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    ABNORMAL = "ABNORMAL"
    CLOSED = "CLOSED"


@dataclass(frozen=True)
class RefundTruth:
    """A provider's verified word on one refund, from a notice, an answer or a query."""

    channel: str
    refund_no: str
    state: RefundStanding
    amount_fen: int | None = None
    provider_ref: str | None = None
    refunded_at: datetime | None = None


class RefundRefused(Exception):
    """The provider will not take this refund; `code` is its word. `later` says that the same request may be taken
    another time (the merchant's balance is too low, a frequency limit): repeat it with equal values.
    """

    def __init__(self, code: str, *, later: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.later = later


@dataclass(frozen=True)
class AccountLine:
    """One payment or refund in a provider's account of a day.

    `refund_no` is empty for a payment. `amount_fen` is positive for both. `fee_e5` is the channel's fee in
    hundred-thousandths of a yuan, negative when it gives one back. `settled` is False for a refund that is not
    through. `at` is a UTC moment.
    """

    order_no: str
    refund_no: str
    provider_ref: str
    amount_fen: int
    fee_e5: int
    at: datetime
    settled: bool = True


@dataclass(frozen=True)
class DayAccount:
    """A provider's verified account of one day (交易账单), as it came and as we read it; no lines on a quiet day."""

    day: date
    digest: str
    file: bytes
    lines: Sequence[AccountLine]


@dataclass(frozen=True)
class FundsAccount:
    """A provider's verified account of the money it holds for us (资金账单): what came in and went out that day with
    payments, refunds and fees. Our own money that was drawn out, paid in or moved is among the `entries` only.
    """

    day: date
    digest: str
    file: bytes
    income_fen: int
    outgo_fen: int
    entries: int


class AccountNotReady(Exception):
    """The provider has not made the account of this day yet; ask again in half an hour."""


class AccountBroken(Exception):
    """An account that cannot be believed: its sums are not those of its lines, a line cannot be read, or it is
    of another merchant or day. `cause` says which, for the task; asked again it may be whole.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class PaymentChannel(Protocol):
    """A way to pay, registered by its code (`wechat`)."""

    name_zh: str
    name_en: str

    sign_in_channel: str
    """Code of the sign-in channel (and host app) whose users can pay here; empty at a window."""

    at_window: bool
    """Whether a cashier takes the money; nothing can be opened or asked then."""

    keeps_accounts: bool
    """Whether the provider gives an account of each day."""

    async def open_payment(self, order: PaymentOrder) -> OpenedPayment:
        """Tell the provider of the order. Raises `OrderRefused` or `ProviderUnavailable` (the outcome may then
        be unknown: repeat with equal values).
        """

    async def client_parameters(self, prepay_ref: str) -> Mapping[str, str]:
        """What the phone needs to ask for the payment, signed afresh (WeChat: `wx.requestPayment`). An adapter may ask
        its provider which of our keys is in force; nothing is raised when that stays unknown.
        """

    async def ask(self, order_no: str) -> PaymentTruth:
        """The provider's present truth about an order; `UNKNOWN` when it never heard of it. Raises
        `ProviderUnavailable`.
        """

    async def close(self, order_no: str) -> None:
        """End an unpaid order so that it can no longer be paid. Raises `OrderRefused` (paid meanwhile) or
        `ProviderUnavailable`.
        """

    async def refund(self, order: RefundOrder) -> RefundTruth:
        """Ask for a repayment. Raises `RefundRefused` or `ProviderUnavailable` (the outcome may then be unknown:
        repeat with equal values).
        """

    async def ask_refund(self, order: RefundOrder) -> RefundTruth:
        """The provider's present truth about a refund; `UNKNOWN` when it never heard of it. Raises
        `ProviderUnavailable`.
        """

    async def day_account(self, day: date) -> DayAccount:
        """The account of a past day in Shanghai, its hash checked where there is one and its sums against its lines.
        Raises `AccountNotReady`, `AccountBroken` or `ProviderUnavailable`.
        """

    async def funds_account(self, day: date) -> FundsAccount:
        """The movements of the merchant's money on a past day. Raises `AccountNotReady`, `AccountBroken` or
        `ProviderUnavailable`.
        """


@dataclass(frozen=True)
class ReceiptOrder:
    """What a fiscal receipt says. Amounts in fen; `lines` are (code of the non-tax item, name, amount).

    `order_id` makes a repeat harmless: the platform gives the same receipt again.
    """

    order_id: str
    unit_code: str
    unit_name: str
    division_code: str
    payer_name: str
    total_fen: int
    lines: Sequence[tuple[str, str, int]]
    paid_at: datetime
    payment_code: str


@dataclass(frozen=True)
class IssuedReceipt:
    """A fiscal e-receipt (财政电子票据): code 8 digits, number 10 digits, check code 6 characters; amount in fen."""

    code: str
    number: str
    check_code: str
    total_fen: int
    issued_at: datetime


class ReceiptRefused(Exception):
    """The platform will not issue or take back this receipt; `code` is its word, for the task."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class FiscalPlatform(Protocol):
    """A province's platform for fiscal e-receipts, registered by its code (`fiscal`). At most one is live."""

    name_zh: str
    name_en: str

    async def issue(self, order: ReceiptOrder) -> IssuedReceipt:
        """Raises `ReceiptRefused` or `ProviderUnavailable` (ask or repeat: an order is answered with one receipt)."""

    async def ask(self, order_id: str) -> IssuedReceipt | None:
        """The receipt an order was answered with; None for an order never heard of. Raises `ReceiptRefused` or
        `ProviderUnavailable`.
        """

    async def take_back(self, receipt: IssuedReceipt, reason: str) -> IssuedReceipt:
        """Issue the red-letter receipt (冲红) that takes another one back; again gives the same. Raises
        `ReceiptRefused` or `ProviderUnavailable`.
        """
