"""Without this module the platform would not listen to us, and we would believe anybody who answers in its place."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from app.kernel.errors import ProviderUnavailable
from app.kernel.http import Answer, OutboundClient, ProviderSilent
from app.kernel.logging import get_logger
from app.payments.ports import ReceiptRefused
from integrations.fiscal.settings import FiscalSettings

_log = get_logger(__name__)

PROVIDER = "fiscal"
WINDOW_SECONDS = 300
_WAITS = (0.3, None)


def unavailable(cause: str) -> ProviderUnavailable:
    """The resident reads a sentence, the operator the cause: it is a note, and never holds a secret."""
    refusal = ProviderUnavailable(service_zh="财政电子票据平台", service_en="The fiscal receipt platform")
    refusal.add_note(cause)
    return refusal


class _Unusable(Exception):
    """An answer nobody may rely on, with one short word for the log."""


class FiscalApi:
    """JSON over HTTPS, signed on both sides (README.md)."""

    def __init__(self, http: OutboundClient, settings: FiscalSettings) -> None:
        self._http = http
        self._base_url = settings.base_url
        self._app_id = settings.app_id
        self._key = settings.private_key()
        self._platform_key = settings.platform_key()

    async def request(
        self, operation: str, method: str, path: str, content: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask, twice when no usable answer comes, and give the verified answer.

        Every request may be repeated. Raises `ReceiptRefused` for a refusal the platform has signed, and
        `ProviderUnavailable` for everything else: who cannot sign cannot refuse either.
        """
        body = b"" if content is None else orjson.dumps(content)
        cause = ""
        for wait in _WAITS:
            try:
                return await self._exchange(operation, method, path, body)
            except (ProviderSilent, _Unusable) as failure:
                cause = str(failure)
                _log.warning("fiscal platform gave no usable answer", operation=operation, cause=cause)
            if wait is not None:
                await asyncio.sleep(wait)
        raise unavailable(f"{operation}: {cause}")

    async def _exchange(self, operation: str, method: str, path: str, body: bytes) -> dict[str, Any]:
        nonce, timestamp = secrets.token_hex(16), str(int(time.time()))
        url = self._base_url + path
        message = request_message(method, urlsplit(url).path, timestamp, nonce, body)
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Fiscal-App": self._app_id,
            "Fiscal-Timestamp": timestamp,
            "Fiscal-Nonce": nonce,
            "Fiscal-Signature": base64.b64encode(self._key.sign(message, PKCS1v15(), SHA256())).decode(),
        }
        answer = await self._http.send(PROVIDER, operation, method, url, headers=headers, content=body)
        self._verify(answer, nonce)
        content = _object(answer)
        if answer.status == 200:
            return content
        code = content.get("code")
        if answer.status in {429, 500, 502, 503} or not isinstance(code, str) or not code:
            raise _Unusable(f"status {answer.status}")
        raise ReceiptRefused(code[:40])

    def _verify(self, answer: Answer, nonce: str) -> None:
        """The signature covers our nonce: an answer to another question is none to this one."""
        timestamp, given = (answer.headers.get(f"fiscal-{name}", "") for name in ("timestamp", "signature"))
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
            raise _Unusable(f"unsigned, status {answer.status}")
        if abs(time.time() - int(timestamp)) > WINDOW_SECONDS:
            raise _Unusable("stale")
        message = answer_message(answer.status, timestamp, nonce, answer.body)
        try:
            signature = base64.b64decode(given, validate=True)
            self._platform_key.verify(signature, message, PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            raise _Unusable("signature wrong") from None


def request_message(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """Five lines, each ended by a line feed; of the body its SHA-256 in hexadecimal."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n".encode()


def answer_message(status: int, timestamp: str, nonce: str, body: bytes) -> bytes:
    """Four lines: the status, the platform's clock, the nonce of the request, the body's hash."""
    return f"{status}\n{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n".encode()


def _object(answer: Answer) -> dict[str, Any]:
    try:
        content = orjson.loads(answer.body)
    except ValueError:
        raise _Unusable("not JSON") from None
    if not isinstance(content, dict):
        raise _Unusable("not an object")
    return content
