"""Without this module the fiscal platform would believe any caller."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import orjson

from integrations.sandbox.fiscal.control import is_open
from integrations.sandbox.fiscal.wire import FiscalError, digest, is_signed_by, signed
from integrations.sandbox.fiscal_keys import APP_ID
from integrations.sandbox.front import Answer, Call, Handler
from integrations.sandbox.world import World

WINDOW = 300
NONCES_KEPT = 50_000
NONCE = re.compile(r"[0-9A-Za-z]{16,64}")

FiscalHandler = Callable[[World, Call], Answer]


class Nonces:
    """The nonces of correctly signed requests inside the window; in memory, the window outlives nothing."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def is_reused(self, nonce: str) -> bool:
        now = time.time()
        for old in [key for key, moment in self._seen.items() if moment < now - WINDOW][:100]:
            del self._seen[old]
        if nonce in self._seen:
            return True
        if len(self._seen) < NONCES_KEPT:
            self._seen[nonce] = now
        return False


def guarded(nonces: Nonces, handler: FiscalHandler) -> Handler:
    """An endpoint behind the gate; whatever it says is signed."""

    def handle(world: World, call: Call) -> Answer:
        nonce = call.headers.get("fiscal-nonce", "")
        try:
            _admit(world, call, nonces, nonce)
            answer = handler(world, call)
        except FiscalError as refusal:
            answer = refusal.answer
        return signed(world, answer, nonce)

    return handle


def _admit(world: World, call: Call, nonces: Nonces, nonce: str) -> None:
    """Who, when, what, and not twice; in this order. A platform under maintenance asks nobody anything."""
    if not is_open(world):
        raise FiscalError(503, "MAINTENANCE", "平台维护中")
    if call.headers.get("fiscal-app") != APP_ID:
        raise FiscalError(401, "APP_UNKNOWN", "应用未登记")
    timestamp = call.headers.get("fiscal-timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit() or abs(time.time() - int(timestamp)) > WINDOW:
        raise FiscalError(401, "TIMESTAMP_INVALID", "时间戳缺失或与平台时间相差超过5分钟")
    if not NONCE.fullmatch(nonce):
        raise FiscalError(401, "NONCE_INVALID", "随机串应为16至64位字母或数字")
    message = f"{call.method}\n{call.target}\n{timestamp}\n{nonce}\n{digest(call.body)}\n".encode()
    if not is_signed_by(world.keys.fiscal.app, message, call.headers.get("fiscal-signature", "")):
        raise FiscalError(401, "SIGNATURE_INVALID", "签名错误")
    if nonces.is_reused(nonce) and world.dice.now.nonce_strict:
        raise FiscalError(401, "NONCE_REUSED", "随机串重复使用")


def posted_json(call: Call) -> dict[str, Any]:
    if call.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise FiscalError(400, "NOT_JSON", "请以application/json提交")
    try:
        content = orjson.loads(call.body)
    except ValueError:
        raise FiscalError(400, "NOT_JSON", "请求不是有效的JSON") from None
    if not isinstance(content, dict):
        raise FiscalError(400, "NOT_JSON", "请求不是JSON对象")
    return content
