"""Without this module each caller would read Alipay's codes in its own way, and repeat what must not be repeated."""

from __future__ import annotations

from app.kernel.errors import ProviderUnavailable
from app.kernel.logging import get_logger
from app.payments.ports import OrderRefused, RefundRefused
from integrations.alipay.gateway import GatewayRefused, unavailable

_log = get_logger(__name__)

_BUSINESS = "40004"
NOT_EXIST = "ACQ.TRADE_NOT_EXIST"
STATUS_ERRORS = frozenset({"ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID"})
ALREADY_PAID = frozenset({"ACQ.TRADE_HAS_SUCCESS", "ACQ.TRADE_HAS_FINISHED"})
ALREADY_CLOSED = "ACQ.TRADE_HAS_CLOSE"
_NEVER = frozenset(
    {
        NOT_EXIST, *STATUS_ERRORS, *ALREADY_PAID, ALREADY_CLOSED, "ACQ.TRADE_NOT_ALLOW_REFUND",
        "ACQ.REASON_TRADE_REFUND_FEE_ERR", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "ACQ.DISCORDANT_REPEAT_REQUEST",
        "ACQ.CONTEXT_INCONSISTENT", "ACQ.INVALID_PARAMETER",
    }
)  # fmt: skip
"""Refunds that no repetition will bring about; Alipay publishes no list, so a code not here may pass another time."""


def is_about_the_trade(refused: GatewayRefused) -> bool:
    """Whether the question was answered; everything else is about us or the moment, and no word on the trade."""
    return refused.code == _BUSINESS and not refused.outcome_unknown and refused.is_signed


def order_refused(refused: GatewayRefused) -> OrderRefused | ProviderUnavailable:
    if not is_about_the_trade(refused):
        return not_now(refused)
    return OrderRefused(
        refused.sub_code,
        already_paid=refused.sub_code in ALREADY_PAID,
        already_closed=refused.sub_code == ALREADY_CLOSED,
    )


def refund_refused(refused: GatewayRefused) -> RefundRefused | ProviderUnavailable:
    if not is_about_the_trade(refused):
        return not_now(refused)
    return RefundRefused(refused.sub_code, later=refused.sub_code not in _NEVER)


def not_now(refused: GatewayRefused) -> ProviderUnavailable:
    """The outcome may be unknown: whoever asked repeats with equal values, which Alipay answers alike."""
    _log.warning("alipay gave no word on a trade", operation=refused.method, code=refused.code, sub=refused.sub_code)
    return unavailable(str(refused))


def unusable(operation: str, cause: str) -> ProviderUnavailable:
    _log.error("alipay's answer is not usable", operation=operation, cause=cause)
    return unavailable(f"{operation}: {cause}")
