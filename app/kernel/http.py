"""Without this module every adapter would invent its own timeout, its own retry and its own leak into the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from app.kernel import db
from app.kernel.logging import get_logger
from app.kernel.metrics import OUTBOUND

_log = get_logger(__name__)
_TIMEOUT = httpx.Timeout(8.0, connect=3.0)
_LIMITS = httpx.Limits(max_connections=50, max_keepalive_connections=10, keepalive_expiry=6.0)
_RETRY_WAITS = (0.2, 0.8)
_RETRIED_STATUSES = frozenset({500, 502, 503})
MAX_ANSWER_BYTES = 4 * 1024 * 1024


class ProviderSilent(Exception):
    """No usable answer came. `outcome_unknown` says the request may still have taken effect there."""

    def __init__(self, provider: str, operation: str, cause: str, *, outcome_unknown: bool) -> None:
        super().__init__(f"{provider} {operation}: {cause}")
        self.provider = provider
        self.operation = operation
        self.outcome_unknown = outcome_unknown


@dataclass(frozen=True)
class Answer:
    """A provider's answer: status, headers by lower-case name, body as raw bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OutboundClient:
    """The one way out to providers: pooled, timed, counted, and logged without query or body."""

    def __init__(self, client: httpx.AsyncClient | None = None) -> None:
        self._client = client or httpx.AsyncClient(timeout=_TIMEOUT, limits=_LIMITS, follow_redirects=False)

    async def send(
        self,
        provider: str,
        operation: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        may_repeat: bool = False,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """Send one request with the URL and body bytes exactly as given.

        An answer is read up to `most_bytes` and given up beyond; what is larger by nature (a bill) says so.
        With `may_repeat` a lost connection, a timeout or a 500, 502 or 503 is tried again at most twice; use
        it only where the provider answers a repetition alike. Raises `ProviderSilent`, and `RuntimeError` inside a
        transaction: whoever wants its locks would wait for the provider too.
        """
        if db.in_open_transaction():
            raise RuntimeError(f"{provider} {operation} must be asked outside the transaction")
        waits = (*_RETRY_WAITS, None) if may_repeat else (None,)
        for wait in waits:
            try:
                answer = await self._once(provider, operation, method, url, headers, content, most_bytes)
            except ProviderSilent:
                if wait is None:
                    raise
            else:
                if wait is None or answer.status not in _RETRIED_STATUSES:
                    return answer
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def _once(
        self,
        provider: str,
        operation: str,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        content: bytes | None,
        most_bytes: int,
    ) -> Answer:
        begun = time.perf_counter()
        outcome = "failed"
        try:
            async with self._client.stream(method, url, headers=dict(headers or {}), content=content) as response:
                outcome = str(response.status_code)
                body = await _read(response, most_bytes)
            if body is None:
                raise ProviderSilent(provider, operation, "the answer is too large", outcome_unknown=True)
            lowered = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, lowered, body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            raise ProviderSilent(provider, operation, type(error).__name__, outcome_unknown=False) from None
        except httpx.HTTPError as error:
            raise ProviderSilent(provider, operation, type(error).__name__, outcome_unknown=True) from None
        finally:
            seconds = time.perf_counter() - begun
            OUTBOUND.labels(provider, operation, outcome).observe(seconds)
            _log.info(
                "asked provider",
                provider=provider,
                operation=operation,
                outcome=outcome,
                ms=round(seconds * 1000),
            )

    async def close(self) -> None:
        await self._client.aclose()


async def _read(response: httpx.Response, most_bytes: int) -> bytes | None:
    """The body as it was before any compression on the way; None once it is larger than that."""
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > most_bytes:
            return None
    return bytes(body)
