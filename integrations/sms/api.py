"""Without this module every call to the gateway would be signed, and its answer believed, in a way of its own."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from app.kernel.http import Answer, OutboundClient, ProviderSilent
from app.kernel.logging import get_logger
from integrations.sms.settings import SmsSettings
from integrations.sms.signing import is_fresh, is_same, signature

_log = get_logger(__name__)

PROVIDER = "sms"


class SmsRefused(Exception):
    """A signed refusal: `code` is the gateway's word, `status` the HTTP one."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class SmsSilent(Exception):
    """No answer that can be believed. `outcome_unknown` says that the request may have taken effect."""

    def __init__(self, cause: str, *, outcome_unknown: bool) -> None:
        super().__init__(cause)
        self.outcome_unknown = outcome_unknown


class SmsApi:
    """Signed JSON in both directions (README.md, "The wire")."""

    def __init__(self, http: OutboundClient, settings: SmsSettings) -> None:
        self._http = http
        self._settings = settings

    async def request(self, operation: str, method: str, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Ask once. Raises `SmsRefused` or `SmsSilent`; what is refused without a signature is no answer."""
        body = orjson.dumps(content) if method == "POST" else b""
        url = f"{self._settings.base_url}{path}"
        nonce, timestamp = secrets.token_hex(16), str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "Sms-App": self._settings.app_id,
            "Sms-Timestamp": timestamp,
            "Sms-Nonce": nonce,
            "Sms-Signature": signature(self._settings.key(), method, urlsplit(url).path, timestamp, nonce, body=body),
        }
        try:
            answer = await self._http.send(PROVIDER, operation, method, url, headers=headers, content=body)
        except ProviderSilent as silence:
            raise SmsSilent(str(silence), outcome_unknown=silence.outcome_unknown) from None
        return self._believed(answer, nonce)

    def _believed(self, answer: Answer, nonce: str) -> dict[str, Any]:
        """The signature covers our nonce: an answer to another question is none to this one."""
        timestamp, given = (answer.headers.get(f"sms-{name}", "") for name in ("timestamp", "signature"))
        ours = signature(self._settings.key(), str(answer.status), timestamp, nonce, body=answer.body)
        if not is_fresh(timestamp, time.time()) or not is_same(ours, given):
            _log.warning("the gateway's answer is not signed", status=answer.status)
            raise SmsSilent(f"unsigned, status {answer.status}", outcome_unknown=True)
        try:
            content = orjson.loads(answer.body)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise SmsSilent("not an object", outcome_unknown=True)
        if answer.status != 200:
            raise SmsRefused(answer.status, str(content.get("code", ""))[:40])
        return content
