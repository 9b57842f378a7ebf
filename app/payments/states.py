"""Without this module money could jump from any state to any other, and nobody would hear of it.

Every allowed edge of a bill, an attempt and a refund, with the fact it emits. A provider may know better than we:
then, and only then, one of the named corrections bends our state to its truth, each with a fact of its own.
"""

from __future__ import annotations

from enum import StrEnum

from app.kernel.transitions import Graph, edge
from app.payments import events as told


class BillState(StrEnum):
    CREATED = "CREATED"
    PAYING = "PAYING"
    PAID = "PAID"
    RECEIPTED = "RECEIPTED"
    WAIVED = "WAIVED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    FULLY_REFUNDED = "FULLY_REFUNDED"


_B = BillState
_WAITING = (_B.CREATED, _B.PAYING)
_HAS_MONEY = (_B.PAID, _B.RECEIPTED, _B.PARTIALLY_REFUNDED)

BILL_WORDS: dict[BillState, tuple[str, str]] = {
    _B.CREATED: ("待缴费", "To be paid"),
    _B.PAYING: ("支付中", "Being paid"),
    _B.PAID: ("已缴费", "Paid"),
    _B.RECEIPTED: ("已缴费,票据已开具", "Paid, with a receipt"),
    _B.WAIVED: ("已免缴", "Nothing to pay: exempted"),
    _B.EXPIRED: ("已过期", "Expired"),
    _B.CANCELLED: ("已作废", "Cancelled"),
    _B.PARTIALLY_REFUNDED: ("已部分退款", "Partly refunded"),
    _B.FULLY_REFUNDED: ("已全额退款", "Refunded in full"),
}

CONFIRMING_WORDS = (
    "正在向{channel}确认付款结果,请稍候,不必重复支付",
    "We are confirming with {channel} whether it is paid; please wait and do not pay again.",
)
"""Of a bill that is being paid, once the phone has said that it is: a hint, which only the provider makes true."""

BILL_LIFE: Graph[BillState] = Graph(
    [
        edge("open", _WAITING, _B.PAYING, told.BillOpened),
        edge("release", _B.PAYING, _B.CREATED, told.BillReleased),
        edge("settle", _WAITING, _B.PAID, told.BillPaid),
        edge("expire", _WAITING, _B.EXPIRED, told.BillExpired),
        edge("cancel", (_B.CREATED, _B.EXPIRED), _B.CANCELLED, told.BillCancelled),
        edge("waive", _B.CREATED, _B.WAIVED, told.BillWaived),
        edge("reissue", _B.EXPIRED, _B.CREATED, told.BillReissued),
        edge("receipt", _B.PAID, _B.RECEIPTED, told.BillReceipted),
        edge("unreceipt", _B.RECEIPTED, _B.PAID, told.BillUnreceipted),
        edge("refund_part", _HAS_MONEY, _B.PARTIALLY_REFUNDED, told.BillPartlyRefunded),
        edge("refund_all", _HAS_MONEY, _B.FULLY_REFUNDED, told.BillFullyRefunded),
    ],
    BILL_WORDS,
)
_GAVE_BACK = (_B.PARTIALLY_REFUNDED, _B.FULLY_REFUNDED)
BILL_CORRECTIONS: Graph[BillState] = Graph(
    [
        edge("revive", _B.EXPIRED, _B.PAID, told.ExpiredBillPaid),
        edge("bounce_part", _GAVE_BACK, _B.PARTIALLY_REFUNDED, told.PartOfBillBounced),
        edge("bounce_all", _GAVE_BACK, _B.PAID, told.AllOfBillBounced),
    ],
    BILL_WORDS,
)


class AttemptState(StrEnum):
    PREPARING = "PREPARING"
    OPEN = "OPEN"
    SUCCEEDED = "SUCCEEDED"
    CLOSED = "CLOSED"
    SURPLUS = "SURPLUS"
    RETURNED = "RETURNED"


_A = AttemptState
_UNDECIDED = (_A.PREPARING, _A.OPEN)

ATTEMPT_WORDS: dict[AttemptState, tuple[str, str]] = {
    _A.PREPARING: ("正在下单", "Being prepared"),
    _A.OPEN: ("等待支付", "Waiting for the payment"),
    _A.SUCCEEDED: ("已支付", "Paid"),
    _A.CLOSED: ("已关闭", "Closed"),
    _A.SURPLUS: ("多付,退款中", "Paid for nothing, being returned"),
    _A.RETURNED: ("多付,已退回", "Paid for nothing, returned"),
}

ATTEMPT_LIFE: Graph[AttemptState] = Graph(
    [
        edge("open", _UNDECIDED, _A.OPEN, told.PaymentOpened),
        edge("succeed", _UNDECIDED, _A.SUCCEEDED, told.PaymentSucceeded),
        edge("close", _UNDECIDED, _A.CLOSED, told.PaymentClosed),
        edge("exceed", _UNDECIDED, _A.SURPLUS, told.SurplusReceived),
        edge("return", _A.SURPLUS, _A.RETURNED, told.SurplusReturned),
    ],
    ATTEMPT_WORDS,
)
ATTEMPT_CORRECTIONS: Graph[AttemptState] = Graph(
    [
        edge("succeed", _A.CLOSED, _A.SUCCEEDED, told.ClosedPaymentSucceeded),
        edge("exceed", _A.CLOSED, _A.SURPLUS, told.LateMoneyReceived),
        edge("disown", (*_UNDECIDED, _A.CLOSED), _A.SURPLUS, told.PaymentDisowned),
        edge("bounce", _A.RETURNED, _A.SURPLUS, told.SurplusBounced),
    ],
    ATTEMPT_WORDS,
)


class RefundState(StrEnum):
    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    DECLINED = "DECLINED"
    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    ABNORMAL = "ABNORMAL"
    CLOSED = "CLOSED"


_R = RefundState
_AT_PROVIDER = (_R.APPROVED, _R.PROCESSING, _R.ABNORMAL)
"""APPROVED too: the provider's answer may have been lost."""

REFUND_WORDS: dict[RefundState, tuple[str, str]] = {
    _R.REQUESTED: ("退款审核中", "Refund being reviewed"),
    _R.APPROVED: ("退款已同意,等待支付平台受理", "Refund agreed, waiting for the payment platform"),
    _R.DECLINED: ("退款未获同意", "Refund declined"),
    _R.PROCESSING: ("支付平台退款中", "The payment platform is returning the money"),
    _R.SUCCEEDED: ("已退款", "Refunded"),
    _R.ABNORMAL: ("退款异常,工作人员处理中", "The refund did not arrive; the staff are seeing to it"),
    _R.CLOSED: ("退款未成功,将重新发起", "The refund did not go through and is started again"),
}

REFUND_LIFE: Graph[RefundState] = Graph(
    [
        edge("approve", _R.REQUESTED, _R.APPROVED, told.RefundApproved),
        edge("decline", _R.REQUESTED, _R.DECLINED, told.RefundDeclined),
        edge("send", (_R.APPROVED, _R.PROCESSING), _R.PROCESSING, told.RefundSent),
        edge("succeed", _AT_PROVIDER, _R.SUCCEEDED, told.RefundSucceeded),
        edge("fail", (_R.APPROVED, _R.PROCESSING), _R.ABNORMAL, told.RefundAbnormal),
        edge("close", _AT_PROVIDER, _R.CLOSED, told.RefundClosed),
    ],
    REFUND_WORDS,
)
REFUND_CORRECTIONS: Graph[RefundState] = Graph(
    [
        edge("bounce", _R.SUCCEEDED, _R.ABNORMAL, told.RefundBounced),
        edge("succeed", _R.CLOSED, _R.SUCCEEDED, told.ClosedRefundSucceeded),
    ],
    REFUND_WORDS,
)

UNDER_WAY = frozenset({_R.REQUESTED, _R.APPROVED, _R.PROCESSING, _R.ABNORMAL})
"""Refunds whose money is promised and not yet back."""
