"""Without this module the product would have to ask for every payment in Alipay: it composes and signs the notices."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from integrations.sandbox.alipay.live_keys import platform_key
from integrations.sandbox.alipay.trade_checks import yuan
from integrations.sandbox.alipay.trade_records import (
    CLOSED,
    FINISHED,
    SUCCESS,
    Trade,
    TradeRefund,
    buyer,
    logon_id,
    trades,
)
from integrations.sandbox.alipay.wire import inner_json, sign, signed_text
from integrations.sandbox.clock import BEIJING, beijing
from integrations.sandbox.messenger import Callback, Sealed
from integrations.sandbox.world import World

CHANNEL = "alipay"
MINUTE, HOUR = 60.0, 3600.0
GAPS = (4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR)
YES = b"success"
HEADERS = {
    "content-type": "application/x-www-form-urlencoded; charset=utf-8",
    "accept": "*/*",
    "user-agent": "Mozilla/4.0",
}
PAID, REFUNDED = "TRADE_SUCCESS", "REFUND"

LIES: dict[str, dict[str, str]] = {
    "other_app": {"app_id": "2021000000000000", "auth_app_id": "2021000000000000"},
    "other_seller": {"seller_id": "2088000000000000"},
    "other_buyer": {"buyer_open_id": "0000000000000000000000000000000000000000000000", "buyer_id": "2088999999999999"},
    "unknown_order": {"out_trade_no": "UNKNOWN0000000000001"},
    "extra_field": {"field_of_tomorrow": "100%+1 & 明天"},
}
MISSEALED = frozenset({"forged", "tampered", "truncated", "garbage", "sign_type_kept"})
MODES = ("normal", *sorted(MISSEALED), "wrong_amount", *LIES)


class TradeChannel:
    """Asynchronous notices of trades: eight sends in about a day, stopped by exactly `success`."""

    name = CHANNEL
    timeout = 5.0
    gaps: tuple[float, ...] = GAPS

    def __init__(self, world: World) -> None:
        self._world = world

    def seal(self, callback: Callback) -> Sealed:
        """The payload is what stays the same over repeats, `notify_id` too; the time of sending is each one's own."""
        if callback.seal == "garbage":
            return Sealed(dict(HEADERS), "<html><body>502 Bad Gateway</body></html>")
        fields: dict[str, str] = orjson.loads(callback.payload)
        fields["notify_time"] = beijing(self._world.clock.now())
        body = urlencode(self._signed(fields, callback.seal))
        return Sealed(dict(HEADERS), body[: len(body) // 2] if callback.seal == "truncated" else body)

    def accepts(self, status: int, body: bytes) -> bool:
        return status == 200 and body == YES

    def spoil(self, callback: Callback, how: str) -> Callback | None:
        if how == "forge":
            return replace(callback, seal="forged")
        if how == "garbage":
            return replace(callback, seal="garbage")
        trade = trades(self._world).get(callback.subject)
        if callback.event != PAID or trade is None:
            return None
        return payment_callback(self._world, trade, "wrong_amount")

    def _signed(self, fields: dict[str, str], how: str) -> dict[str, str]:
        """`sign`, `sign_type` and in certificate mode the serial stay outside the signed text (protocol 1.5)."""
        keys, key = self._world.keys, platform_key(self._world)
        serial = fields.pop("alipay_cert_sn", "")
        if serial:
            shown = keys.alipay.renewed if self._world.dice.now.alipay_new_certificate else keys.alipay.certified
            key, serial = shown.key, shown.sn
        if how == "forged":
            key = keys.stranger
        text = signed_text(fields | {"sign_type": "RSA2"} if how == "sign_type_kept" else fields)
        told = {**fields, "sign_type": "RSA2", "sign": sign(key, text)}
        if serial:
            told["alipay_cert_sn"] = serial
        return told | {"total_amount": "0.01", "subject": "篡改"} if how == "tampered" else told


def post_payment(world: World, trade: Trade) -> None:
    """The notice of a payment, unless the sandbox was told to keep quiet or the trade names no address."""
    if trade.notify_url and world.dice.now.notify_by_itself:
        world.messenger.post(payment_callback(world, trade, "normal"))


def post_state(world: World, trade: Trade) -> None:
    """A trade that was closed without money, or can no longer be refunded, tells of it as well."""
    if trade.notify_url and world.dice.now.notify_by_itself:
        fields = _fields(world, trade, trade.status)
        if trade.status == CLOSED:
            fields["gmt_close"] = beijing(trade.closed)
        world.messenger.post(_callback(world, trade, trade.status, fields))


def post_refund(world: World, trade: Trade, refund: TradeRefund, so_far: int, *, after: float) -> None:
    """There is no address for refunds: their notice goes where the payment's went."""
    if trade.notify_url and world.dice.now.notify_by_itself:
        world.messenger.post(refund_callback(world, trade, refund, so_far, "normal"), after=max(after, 0.0))


def payment_callback(world: World, trade: Trade, mode: str) -> Callback:
    """TRADE_SUCCESS, true or lying in one of the MODES. A lie may claim a payment nobody made."""
    claimed = trade if trade.was_paid else replace(trade, paid=world.clock.now())
    fields = _fields(world, claimed, FINISHED if claimed.status == FINISHED else SUCCESS)
    return _callback(world, trade, PAID, _lie(fields, mode, trade.total), mode)


def refund_callback(world: World, trade: Trade, refund: TradeRefund, so_far: int, mode: str) -> Callback:
    """A part leaves the trade TRADE_SUCCESS, the whole closes it. `refund_fee` counts all refunds up to this one."""
    whole = so_far == trade.total
    fields = _fields(world, trade, CLOSED if whole else SUCCESS) | {
        "out_biz_no": refund.out_request_no,
        "refund_fee": yuan(so_far),
        "send_back_fee": yuan(refund.amount),
        "gmt_refund": f"{beijing(refund.created)}.{secrets.randbelow(1000):03d}",
    }
    if whole:
        fields["gmt_close"] = beijing(refund.created)
    return _callback(world, trade, REFUNDED, _lie(fields, mode, trade.total), mode)


def _lie(fields: dict[str, str], mode: str, total: int) -> dict[str, str]:
    if mode == "wrong_amount":
        return fields | {"total_amount": yuan(total + 1)}
    lie = LIES.get(mode, {})
    if mode == "other_buyer":
        lie = {name: value for name, value in lie.items() if name in fields}
    return fields | lie


def _callback(world: World, trade: Trade, event: str, fields: dict[str, str], mode: str = "normal") -> Callback:
    day = datetime.fromtimestamp(world.clock.now(), BEIJING).strftime("%Y%m%d")
    whole = fields | {"notify_id": f"{day}00222{secrets.token_hex(10)}"}
    payload = orjson.dumps(whole).decode()
    return Callback(CHANNEL, event, trade.out_trade_no, trade.notify_url, payload, seal=mode)


def _fields(world: World, trade: Trade, status: str) -> dict[str, str]:
    fields: dict[str, Any] = {
        "notify_type": "trade_status_sync",
        "app_id": trade.app_id,
        "auth_app_id": trade.app_id,
        "charset": "utf-8",
        "version": "1.0",
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "seller_id": trade.seller_id,
        "buyer_logon_id": logon_id(world, trade),
        **buyer(world, trade, "buyer_id"),
        "trade_status": status,
        "total_amount": yuan(trade.total),
        "subject": trade.subject,
        "body": trade.body,
        "gmt_create": beijing(trade.created),
        "passback_params": trade.passback,
    }
    if trade.certified:
        fields["alipay_cert_sn"] = "certified"
    if not trade.was_paid:
        return fields
    sums = dict.fromkeys(("receipt_amount", "invoice_amount", "buyer_pay_amount"), yuan(trade.total))
    funds = inner_json([{"amount": yuan(trade.total), "fundChannel": "ALIPAYACCOUNT"}])
    return {
        **fields,
        **sums,
        "point_amount": "0.00",
        "gmt_payment": beijing(trade.paid),
        "fund_bill_list": funds,
    }
