"""Without this module a text message to a dead number would count as told."""

from __future__ import annotations

import time
from dataclasses import asdict

import orjson

from app.kernel.callbacks import CallbackAnswer, CallbackRefused, RawCallback, Received
from app.messages.ports import RECEIPT_TOPIC, Receipt
from integrations.sms.settings import SmsSettings
from integrations.sms.signing import is_fresh, is_same, signature

_PATH = "/callbacks/sms/reports"


class SmsReports:
    """`CallbackReader` of delivery reports (状态报告)."""

    def __init__(self, settings: SmsSettings) -> None:
        self._key = settings.key()

    async def read(self, raw: RawCallback) -> Received:
        timestamp, nonce, given = (raw.headers.get(f"sms-{name}", "") for name in ("timestamp", "nonce", "signature"))
        if not is_same(signature(self._key, "POST", _PATH, timestamp, nonce, body=raw.body), given):
            raise CallbackRefused("signature wrong")
        if not is_fresh(timestamp, time.time()):
            raise CallbackRefused("stale")
        try:
            content = orjson.loads(raw.body)
            number, state, code = content["id"], content["state"], content.get("code", "")
        except (ValueError, KeyError, TypeError):
            raise CallbackRefused("not a report") from None
        if not all(isinstance(text, str) for text in (number, state, code)) or state not in {"DELIVERED", "FAILED"}:
            raise CallbackRefused("not a report")
        receipt = Receipt("sms", number[:100], state == "DELIVERED", code[:60])
        return Received(f"report/{number[:100]}/{state}", RECEIPT_TOPIC, {"told": [asdict(receipt)]})

    def acknowledge(self) -> CallbackAnswer:
        return CallbackAnswer(200, b'{"code":"OK"}')

    def refuse(self, reason: str) -> CallbackAnswer:  # noqa: ARG002 - nothing an attacker could use
        return CallbackAnswer(401, b'{"code":"REFUSED"}')
