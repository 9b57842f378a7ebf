"""Without this module a cashier would take money that no bill knows of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from app.payments.ports import (
    AccountNotReady,
    DayAccount,
    FundsAccount,
    OpenedPayment,
    OrderRefused,
    PaymentOrder,
    PaymentState,
    PaymentTruth,
    RefundOrder,
    RefundStanding,
    RefundTruth,
)


class WindowChannel:
    """`PaymentChannel` of a window: the cashier's word is the provider's word.

    Nothing can be opened from a phone. What is to be given back waits until a cashier confirms that it was handed
    over. The day's account is the cashier's own count.
    """

    sign_in_channel = ""
    at_window = True
    keeps_accounts = False

    def __init__(self, code: str, name_zh: str, name_en: str) -> None:
        self._code = code
        self.name_zh = name_zh
        self.name_en = name_en

    async def open_payment(self, order: PaymentOrder) -> OpenedPayment:  # noqa: ARG002 - whatever it is
        raise OrderRefused("AT_WINDOW")

    async def client_parameters(self, prepay_ref: str) -> Mapping[str, str]:  # noqa: ARG002 - no phone takes part
        return {}

    async def ask(self, order_no: str) -> PaymentTruth:
        return PaymentTruth(self._code, order_no, PaymentState.UNKNOWN)

    async def close(self, order_no: str) -> None:
        """Nothing stays open at a window."""

    async def refund(self, order: RefundOrder) -> RefundTruth:
        return RefundTruth(self._code, order.refund_no, RefundStanding.PROCESSING, order.amount_fen)

    async def ask_refund(self, order: RefundOrder) -> RefundTruth:
        return RefundTruth(self._code, order.refund_no, RefundStanding.PROCESSING, order.amount_fen)

    async def day_account(self, day: date) -> DayAccount:  # noqa: ARG002 - the cashier counts
        raise AccountNotReady

    async def funds_account(self, day: date) -> FundsAccount:  # noqa: ARG002 - the same
        raise AccountNotReady
