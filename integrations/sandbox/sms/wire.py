"""Without this module the gateway would believe any caller, and nobody could believe it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from integrations.sandbox.front import Answer, Call, Handler, Provider
from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World

WINDOW = 300
JSON = {"content-type": "application/json"}
ONLY = "only"


class SmsError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.answer = Answer(status, orjson.dumps({"code": code, "message": message}), JSON, code)


@dataclass(frozen=True)
class Door:
    """`open`, `closed` (503 to everybody) or `busy` (429)."""

    state: str = "open"


@dataclass(frozen=True)
class UsedNonce:
    at: float


def doors(world: World) -> Shelf[Door]:
    return Shelf(world.records, "sms_door", Door, keep=8)


def mac(secret: str, *lines: str, body: bytes) -> str:
    text = "\n".join([*lines, hashlib.sha256(body).hexdigest()]) + "\n"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def told(content: Mapping[str, Any]) -> Answer:
    return Answer(200, orjson.dumps(content), JSON)


def guarded(handler: Callable[[World, Call], Answer]) -> Handler:
    """An endpoint behind the gate; whatever it says is signed, over the caller's nonce."""

    def handle(world: World, call: Call) -> Answer:
        nonce = call.headers.get("sms-nonce", "")
        try:
            _admit(world, call, nonce)
            answer = handler(world, call)
        except SmsError as refusal:
            answer = refusal.answer
        timestamp = str(int(time.time()))
        signed = mac(world.keys.messages.sms_secret, str(answer.status), timestamp, nonce, body=answer.body)
        return Answer(
            answer.status,
            answer.body,
            {**answer.headers, "sms-timestamp": timestamp, "sms-signature": signed},
            answer.verdict,
        )

    return handle


def _admit(world: World, call: Call, nonce: str) -> None:
    keys, headers = world.keys.messages, call.headers
    state = (doors(world).get(ONLY) or Door()).state
    if state == "closed":
        raise SmsError(503, "MAINTENANCE", "网关维护中")
    if headers.get("sms-app") != keys.sms_app_id:
        raise SmsError(401, "APP_UNKNOWN", "应用未登记")
    timestamp = headers.get("sms-timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit() or abs(time.time() - int(timestamp)) > WINDOW:
        raise SmsError(401, "TIMESTAMP_INVALID", "时间戳无效")
    path = call.target.partition("?")[0]
    expected = mac(keys.sms_secret, call.method, path, timestamp, nonce, body=call.body)
    if not nonce or not secrets.compare_digest(expected, headers.get("sms-signature", "")):
        raise SmsError(401, "SIGNATURE_INVALID", "签名错误")
    used = Shelf(world.records, "sms_nonces", UsedNonce, keep=20_000)
    if used.get(nonce) is not None and world.dice.now.nonce_strict:
        raise SmsError(401, "NONCE_REUSED", "随机串重复使用")
    used.put(nonce, UsedNonce(time.time()))
    if state == "busy":
        raise SmsError(429, "TOO_OFTEN", "超过频次")


def _failing(_: World, __: Call) -> Answer:
    return Answer(500, b"<html>500</html>", {"content-type": "text/html"}, "500")


SMS = Provider("sms", failures=(_failing, Answer(502, b"<html>502</html>", {"content-type": "text/html"}, "502")))
