"""Without this module a query and a notice could give two different accounts of the same order or refund."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.payments.ports import PaymentState, PaymentTruth, RefundStanding, RefundTruth
from integrations.wechat.settings import WechatSettings

CHANNEL = "wechat"
ORDER_NO = re.compile(r"[0-9A-Za-z]{6,32}")
REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
_PROVIDER_REF = re.compile(r"[0-9A-Za-z_\-]{1,32}")
_STATES = {
    "SUCCESS": PaymentState.PAID,
    "REFUND": PaymentState.PAID,  # at least one refund, perhaps of a part: it was paid
    "NOTPAY": PaymentState.NOT_PAID,
    "USERPAYING": PaymentState.NOT_PAID,
    "PAYERROR": PaymentState.NOT_PAID,
    "CLOSED": PaymentState.CLOSED,
    "REVOKED": PaymentState.CLOSED,
}
_REFUND_STATES = {
    "PROCESSING": RefundStanding.PROCESSING,
    "SUCCESS": RefundStanding.SUCCEEDED,
    "ABNORMAL": RefundStanding.ABNORMAL,
    "CLOSED": RefundStanding.CLOSED,
}


class NotOurs(Exception):
    """A genuine message of WeChat Pay, but not for this merchant and mini-program."""


def truth_of(transaction: Mapping[str, Any], settings: WechatSettings) -> PaymentTruth:
    """WeChat Pay API v3, "query order" and "payment notification", whose fields are the same.

    Raises `NotOurs`, and `ValueError` for what we cannot read. Whether the amount is right is for the
    domain to say.
    """
    if transaction.get("mchid") != settings.pay_mch_id or transaction.get("appid") != settings.app_id:
        raise NotOurs
    state = _STATES.get(_text(transaction, "trade_state"))
    if state is None:
        raise ValueError("unknown trade_state")
    amount = transaction.get("amount")
    paid = state is PaymentState.PAID
    if paid and not isinstance(amount, Mapping):
        raise ValueError("a payment without its amount")
    return PaymentTruth(
        channel=CHANNEL,
        order_no=matching(ORDER_NO, transaction, "out_trade_no"),
        state=state,
        amount_fen=fen(amount, "total") if isinstance(amount, Mapping) and "total" in amount else None,
        currency=_text(amount, "currency", "CNY") if isinstance(amount, Mapping) else "CNY",
        provider_ref=matching(_PROVIDER_REF, transaction, "transaction_id") if paid else None,
        payer_open_id=_payer(transaction),
        paid_at=moment(transaction, "success_time") if paid else None,
    )


def refund_truth_of(refund: Mapping[str, Any]) -> RefundTruth:
    """WeChat Pay API v3, "refund", "query refund" and "refund notification": an answer calls its state `status`, a
    notification `refund_status`. Raises `ValueError` for what we cannot read.
    """
    state = _REFUND_STATES.get(_text(refund, "refund_status" if "refund_status" in refund else "status"))
    if state is None:
        raise ValueError("unknown status of a refund")
    amount = refund.get("amount")
    if not isinstance(amount, Mapping) or amount.get("currency", "CNY") != "CNY":
        raise ValueError("a refund without its amount")
    through = state is RefundStanding.SUCCEEDED
    return RefundTruth(
        channel=CHANNEL,
        refund_no=matching(REFUND_NO, refund, "out_refund_no"),
        state=state,
        amount_fen=fen(amount, "refund"),
        provider_ref=matching(_PROVIDER_REF, refund, "refund_id"),
        refunded_at=moment(refund, "success_time") if through else None,
    )


def matching(pattern: re.Pattern[str], content: Mapping[str, Any], name: str) -> str:
    value = _text(content, name)
    if not pattern.fullmatch(value):
        raise ValueError(f"{name} has a form it cannot have")
    return value


def fen(amount: Mapping[str, Any], name: str) -> int:
    """A JSON integer; a float, a text or a boolean is no amount."""
    value = amount.get(name)
    if type(value) is not int or value < 0:
        raise ValueError(f"{name} is not a whole number of fen")
    return value


def moment(content: Mapping[str, Any], name: str) -> datetime:
    """RFC 3339 with an offset, as a UTC moment."""
    value = datetime.fromisoformat(_text(content, name))
    if value.tzinfo is None or value.year < 2000:
        raise ValueError(f"{name} is no moment with an offset")
    return value.astimezone(UTC)


def _text(content: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = content.get(name, default)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing")
    return value


def _payer(transaction: Mapping[str, Any]) -> str | None:
    payer = transaction.get("payer")
    open_id = payer.get("openid") if isinstance(payer, Mapping) else None
    return open_id if isinstance(open_id, str) and open_id else None
