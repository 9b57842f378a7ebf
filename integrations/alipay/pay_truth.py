"""Without this module a query and a notice could give two different accounts of the same trade."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.kernel.clock import SHANGHAI
from app.kernel.money import fen_of_yuan
from app.payments.ports import PaymentState, PaymentTruth

CHANNEL = "alipay"
ORDER_NO = re.compile(r"[0-9A-Za-z]{6,32}")
REFUND_NO = re.compile(r"[0-9A-Za-z_\-]{1,64}")
TRADE_NO = re.compile(r"[0-9A-Za-z]{1,40}")
CLOSED = "TRADE_CLOSED"
_USER_ID = re.compile(r"2088\d{12}")
_YUAN = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")
_LONGEST_OPEN_ID = 128
_STATES = {
    "WAIT_BUYER_PAY": PaymentState.NOT_PAID,
    "TRADE_SUCCESS": PaymentState.PAID,
    "TRADE_FINISHED": PaymentState.PAID,
    CLOSED: PaymentState.CLOSED,
}


def truth_of(trade: Mapping[str, Any], *, paid_at: str, user_id: str) -> PaymentTruth:
    """A trade as a query or a notice tells it; `paid_at` and `user_id` are what the two call these fields.

    A closed trade that has a moment of payment was paid, and all of it went back. Raises `ValueError` for what we
    cannot read. Whether the amount is right is for the domain to say.
    """
    state = _STATES.get(text(trade, "trade_status"))
    if state is None:
        raise ValueError("unknown trade_status")
    if state is PaymentState.CLOSED and trade.get(paid_at):
        state = PaymentState.PAID
    paid = state is PaymentState.PAID
    open_id, by_user_id = _payer(trade, "buyer_open_id"), _payer(trade, user_id)
    return PaymentTruth(
        channel=CHANNEL,
        order_no=matching(ORDER_NO, trade, "out_trade_no"),
        state=state,
        amount_fen=fen(trade, "total_amount") if paid or trade.get("total_amount") else None,
        currency=_currency(trade),
        provider_ref=matching(TRADE_NO, trade, "trade_no") if paid else None,
        payer_open_id=open_id or by_user_id,
        paid_at=moment(trade, paid_at) if paid else None,
        payer_other_id=by_user_id if open_id else None,
    )


def is_user_id(payer: str) -> bool:
    """Whether we know somebody by the id that is the same for every application: older ones are told no other."""
    return _USER_ID.fullmatch(payer) is not None


def matching(pattern: re.Pattern[str], content: Mapping[str, Any], name: str) -> str:
    value = text(content, name)
    if not pattern.fullmatch(value):
        raise ValueError(f"{name} has a form it cannot have")
    return value


def fen(content: Mapping[str, Any], name: str) -> int:
    """Yuan as text with at most two decimals; a JSON number is no amount."""
    value = text(content, name)
    if not _YUAN.fullmatch(value):
        raise ValueError(f"{name} is no amount in yuan")
    return fen_of_yuan(value)


def moment(content: Mapping[str, Any], name: str) -> datetime:
    """Beijing's time on the wall, perhaps with milliseconds, as a UTC moment."""
    value = datetime.fromisoformat(text(content, name)[:19])
    if value.tzinfo is not None or value.year < 2000:
        raise ValueError(f"{name} is no Beijing time")
    return value.replace(tzinfo=SHANGHAI).astimezone(UTC)


def text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing")
    return value


def _payer(trade: Mapping[str, Any], name: str) -> str | None:
    """Merchants between the two ids are told both; which one an order was bound to is for the domain to know."""
    value = trade.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_OPEN_ID else None


def _currency(trade: Mapping[str, Any]) -> str:
    """Only trades across a border name one."""
    told = trade.get("trans_currency")
    return told[:16] if isinstance(told, str) and told else "CNY"
