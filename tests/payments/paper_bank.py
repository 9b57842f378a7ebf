"""A provider that lives on paper, in this process: what it says is what it holds, and a person decides what happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from app.kernel import clock, db
from app.kernel.errors import ProviderUnavailable
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
    RefundRefused,
    RefundStanding,
    RefundTruth,
)

BACK = frozenset({RefundStanding.SUCCEEDED})
HOLDS = frozenset({RefundStanding.SUCCEEDED, RefundStanding.PROCESSING, RefundStanding.ABNORMAL})


@dataclass(frozen=True)
class PaperOrder:
    order: PaymentOrder
    state: PaymentState = PaymentState.NOT_PAID
    paid_at: datetime | None = None
    beyond_fen: int = 0
    """What it says to have got beyond what was ordered: it is mistaken and stays so."""

    @property
    def came_fen(self) -> int:
        return self.order.amount_fen + self.beyond_fen


@dataclass(frozen=True)
class PaperRefund:
    order: RefundOrder
    standing: RefundStanding = RefundStanding.PROCESSING


@dataclass
class PaperBank:
    """`PaymentChannel`. `silence`: whether the next request goes unanswered, before or after it did its work."""

    code: str
    name_zh: str = "纸上银行"
    name_en: str = "Paper bank"
    sign_in_channel: str = "wechat"
    at_window: bool = False
    keeps_accounts: bool = False
    silence: str = ""
    orders: dict[str, PaperOrder] = field(default_factory=dict)
    refunds: dict[str, PaperRefund] = field(default_factory=dict)

    # what happens there

    def pay(self, order_no: str, beyond_fen: int = 0) -> bool:
        """The payer enters the password; the money may arrive although the order was closed meanwhile."""
        known = self.orders[order_no]
        if known.state is PaymentState.PAID:
            return False
        self.orders[order_no] = replace(known, state=PaymentState.PAID, paid_at=clock.now(), beyond_fen=beyond_fen)
        return True

    def move_refund(self, refund_no: str, standing: RefundStanding) -> bool:
        """What becomes of a refund: what is through may still bounce, but is not given up; what was given up comes back
        to life only while there is money for it.
        """
        known = self.refunds[refund_no]
        if known.standing is RefundStanding.SUCCEEDED and standing is RefundStanding.CLOSED:
            return False
        if known.standing not in HOLDS and known.order.amount_fen > self._left(known.order):
            return False
        self.refunds[refund_no] = replace(known, standing=standing)
        return True

    def held_fen(self, order_no: str) -> int:
        """What it holds of an order for us."""
        known = self.orders.get(order_no)
        if known is None or known.state is not PaymentState.PAID:
            return 0
        back = [one.order.amount_fen for one in self._refunds_of(order_no) if one.standing in BACK]
        return known.came_fen - sum(back)

    def _refunds_of(self, order_no: str) -> list[PaperRefund]:
        return [one for one in self.refunds.values() if one.order.order_no == order_no]

    def _left(self, order: RefundOrder) -> int:
        holding = [one.order.amount_fen for one in self._refunds_of(order.order_no) if one.standing in HOLDS]
        return order.total_fen - sum(holding)

    # the port

    async def open_payment(self, order: PaymentOrder) -> OpenedPayment:
        self._may_stay_silent("before")
        known = self.orders.setdefault(order.order_no, PaperOrder(order))
        assert known.order == order, "a repeat differs from the first request"
        self._may_stay_silent("after")
        if known.state is not PaymentState.NOT_PAID:
            paid = known.state is PaymentState.PAID
            raise OrderRefused(known.state.value, already_paid=paid, already_closed=not paid)
        return OpenedPayment(f"paper-{order.order_no}")

    async def client_parameters(self, prepay_ref: str) -> Mapping[str, str]:
        return {"paper": prepay_ref}

    async def ask(self, order_no: str) -> PaymentTruth:
        self._may_stay_silent("before", "after")
        return self.truth(order_no)

    async def close(self, order_no: str) -> None:
        self._may_stay_silent("before")
        known = self.orders.get(order_no)
        if known is not None and known.state is PaymentState.PAID:
            raise OrderRefused("PAID", already_paid=True)
        if known is not None:
            self.orders[order_no] = replace(known, state=PaymentState.CLOSED)
        self._may_stay_silent("after")

    async def refund(self, order: RefundOrder) -> RefundTruth:
        self._may_stay_silent("before")
        known = self.refunds.get(order.refund_no)
        if known is None:
            if order.amount_fen > self._left(order):
                raise RefundRefused("TOO_MUCH")
            self.refunds[order.refund_no] = PaperRefund(order)
        else:
            assert known.order == order, "a repeat differs from the first request"
        self._may_stay_silent("after")
        return self.refund_truth(order.refund_no)

    async def ask_refund(self, order: RefundOrder) -> RefundTruth:
        self._may_stay_silent("before", "after")
        return self.refund_truth(order.refund_no)

    async def day_account(self, day: date) -> DayAccount:  # noqa: ARG002 - it keeps none
        raise AccountNotReady

    async def funds_account(self, day: date) -> FundsAccount:  # noqa: ARG002 - the same
        raise AccountNotReady

    def truth(self, order_no: str) -> PaymentTruth:
        known = self.orders.get(order_no)
        if known is None:
            return PaymentTruth(self.code, order_no, PaymentState.UNKNOWN)
        if known.state is not PaymentState.PAID:
            return PaymentTruth(self.code, order_no, known.state)
        return PaymentTruth(
            self.code,
            order_no,
            PaymentState.PAID,
            known.came_fen,
            provider_ref=f"paper{order_no[:20]}",
            payer_open_id=known.order.payer_open_id,
            paid_at=known.paid_at,
        )

    def refund_truth(self, refund_no: str) -> RefundTruth:
        known = self.refunds.get(refund_no)
        if known is None:
            return RefundTruth(self.code, refund_no, RefundStanding.UNKNOWN)
        return RefundTruth(self.code, refund_no, known.standing, known.order.amount_fen)

    def _may_stay_silent(self, *when: str) -> None:
        assert not db.in_open_transaction(), "nobody is asked inside a transaction"
        if self.silence in when:
            self.silence = ""
            raise ProviderUnavailable(service_zh=self.name_zh, service_en=self.name_en)
