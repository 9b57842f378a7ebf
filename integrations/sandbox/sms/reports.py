"""Without this module nobody would learn that a text message arrived, or did not."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

from integrations.sandbox.messenger import Callback, Sealed
from integrations.sandbox.sms.wire import mac
from integrations.sandbox.world import World

CHANNEL = "sms"
OLD = 3600
ReportMode = Literal["normal", "forged", "stale", "tampered"]


class ReportChannel:
    """Delivery reports: ten seconds for a 200, then three repeats a minute apart."""

    name = CHANNEL
    timeout = 10.0
    gaps: tuple[float, ...] = (60.0, 60.0, 60.0)

    def __init__(self, world: World) -> None:
        self._world = world

    def seal(self, callback: Callback) -> Sealed:
        how, body = callback.seal, callback.payload
        secret = "nobody-agreed-on-this" if how == "forged" else self._world.keys.messages.sms_secret
        timestamp, nonce = str(int(time.time()) - (OLD if how == "stale" else 0)), secrets.token_hex(16)
        signed = mac(secret, "POST", urlsplit(callback.url).path, timestamp, nonce, body=body.encode())
        headers = {
            "content-type": "application/json",
            "sms-timestamp": timestamp,
            "sms-nonce": nonce,
            "sms-signature": signed,
        }
        return Sealed(headers, body.replace("DELIVERED", "FAILED") if how == "tampered" else body)

    def accepts(self, status: int, body: bytes) -> bool:  # noqa: ARG002 - the status says it
        return status == 200

    def spoil(self, callback: Callback, how: str) -> Callback | None:
        return replace(callback, seal="forged") if how == "forge" else None
