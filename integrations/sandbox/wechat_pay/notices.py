"""Without this module the product would have to ask for every payment: it composes and seals the notifications."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson

from integrations.sandbox.clock import rfc3339
from integrations.sandbox.messenger import Callback, Sealed
from integrations.sandbox.wechat_pay.live_keys import api_v3_key, notice_signer
from integrations.sandbox.wechat_pay.orders import Order, find_order, transaction
from integrations.sandbox.wechat_pay.wire import SIGN_TEST, signature_headers, wrap
from integrations.sandbox.world import World

CHANNEL = "wechat_pay"
MINUTE, HOUR = 60.0, 3600.0
GAPS = (
    15.0, 15.0, 30.0, 3 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE, 30 * MINUTE, 30 * MINUTE,
    60 * MINUTE, 3 * HOUR, 3 * HOUR, 3 * HOUR, 6 * HOUR, 6 * HOUR,
)  # fmt: skip
STALE_SECONDS = 600
UNKNOWN_SERIAL = "PUB_KEY_ID_0100000000000000000000000000"
SUMMARIES = {"TRANSACTION": "支付成功", "REFUND": "退款状态变更"}

LIES: dict[str, dict[str, Any]] = {
    "other_merchant": {"mchid": "1900000000"},
    "other_app": {"appid": "wx0000000000000000"},
    "unknown_order": {"out_trade_no": "UNKNOWN0000000000001"},
}
MISSEALED = frozenset({"forged", "tampered", "expired", "unknown_serial", "signtest"})
MODES = ("normal", *sorted(MISSEALED), "wrong_amount", "wrong_currency", *LIES)


class PayChannel:
    """Payment and refund notifications of WeChat Pay API v3: five seconds, then fifteen repeats."""

    name = CHANNEL
    timeout = 5.0
    gaps: tuple[float, ...] = GAPS

    def __init__(self, world: World) -> None:
        self._world = world

    def seal(self, callback: Callback) -> Sealed:
        serial, key = notice_signer(self._world)
        if callback.seal == "forged":
            key = self._world.keys.stranger
        elif callback.seal == "unknown_serial":
            serial = UNKNOWN_SERIAL
        moment = time.time() - (STALE_SECONDS if callback.seal == "expired" else 0)
        headers = signature_headers(key, serial, callback.payload.encode(), moment=moment)
        if callback.seal == "signtest":
            headers["Wechatpay-Signature"] = SIGN_TEST + headers["Wechatpay-Signature"]
        headers |= {"content-type": "application/json", "accept": "*/*", "user-agent": "Mozilla/4.0"}
        body = _tampered(callback.payload) if callback.seal == "tampered" else callback.payload
        return Sealed(headers, body)

    def accepts(self, status: int, body: bytes) -> bool:  # noqa: ARG002 - the platform ignores the body
        return status in {200, 204}

    def spoil(self, callback: Callback, how: str) -> Callback | None:
        if how == "forge":
            return replace(callback, seal="forged")
        if how == "garbage":
            return replace(callback, seal="garbage", payload=callback.payload[: len(callback.payload) // 2])
        order = find_order(self._world, out_trade_no=callback.subject)
        if not callback.event.startswith("TRANSACTION") or order is None:
            return None
        return payment_callback(self._world, order, "wrong_amount")


def post_payment(world: World, order: Order) -> None:
    """The automatic notification of a payment, unless the sandbox was told to keep quiet."""
    if world.dice.now.notify_by_itself:
        world.messenger.post(payment_callback(world, order, "normal"))


def post_refund(world: World, plaintext: Mapping[str, Any], outcome: str, url: str, *, after: float) -> None:
    """The automatic notification of a refund's outcome; without a notify_url there is none."""
    if url and world.dice.now.notify_by_itself:
        world.messenger.post(refund_callback(world, plaintext, outcome, url, "normal"), after=after)


def payment_callback(world: World, order: Order, mode: str) -> Callback:
    """TRANSACTION.SUCCESS, true or lying in one of the MODES. A lie may claim a payment nobody made."""
    claimed = order
    if not order.is_paid:
        claimed = replace(order, trade_state="SUCCESS", transaction_id="42000" + "9" * 23, paid=world.clock.now())
    plaintext = transaction(claimed) | LIES.get(mode, {})
    if mode == "wrong_amount":
        plaintext["amount"] |= {"total": order.total + 1, "payer_total": order.total + 1}
    elif mode == "wrong_currency":
        plaintext["amount"] |= {"currency": "USD", "payer_currency": "USD"}
    payload = _envelope(world, "TRANSACTION.SUCCESS", "transaction", plaintext)
    return Callback(CHANNEL, "TRANSACTION.SUCCESS", order.out_trade_no, order.notify_url, payload, seal=mode)


def refund_callback(world: World, plaintext: Mapping[str, Any], outcome: str, url: str, mode: str) -> Callback:
    content = dict(plaintext) | LIES.get(mode, {})
    if mode == "wrong_amount":
        content["amount"] = content["amount"] | {"refund": content["amount"]["refund"] + 1}
    event = f"REFUND.{outcome}"
    payload = _envelope(world, event, "refund", content)
    return Callback(CHANNEL, event, plaintext["out_trade_no"], url, payload, seal=mode)


def _envelope(world: World, event: str, original_type: str, plaintext: Mapping[str, Any]) -> str:
    sealed = wrap(api_v3_key(world), orjson.dumps(plaintext), original_type)
    content = {
        "id": str(uuid4()),
        "create_time": rfc3339(time.time()),
        "resource_type": "encrypt-resource",
        "event_type": event,
        "summary": SUMMARIES[event.partition(".")[0]],
        "resource": {"original_type": original_type, **sealed},
    }
    return orjson.dumps(content).decode()


def _tampered(payload: str) -> str:
    """One character of the ciphertext changed after signing."""
    content = orjson.loads(payload)
    ciphertext = content["resource"]["ciphertext"]
    content["resource"]["ciphertext"] = ("B" if ciphertext[0] == "A" else "A") + ciphertext[1:]
    return orjson.dumps(content).decode()
