"""Without this module a request could not be told from another in the logs."""

from __future__ import annotations

import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kernel.logging import get_logger, request_scope

_log = get_logger(__name__)
_ACCEPTABLE_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})


class RequestIds:
    """Give each request an id (the caller's when it sends a sane `X-Request-Id`), return it, log the outcome."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        offered = Headers(scope=scope).get("x-request-id", "")
        begun = time.perf_counter()
        status = 500
        with request_scope(offered if _ACCEPTABLE_ID.fullmatch(offered) else None) as request_id:

            async def send_with_id(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    MutableHeaders(scope=message)["x-request-id"] = request_id
                await send(message)

            try:
                await self.app(scope, receive, send_with_id)
            finally:
                if scope["path"] not in _QUIET:
                    milliseconds = round((time.perf_counter() - begun) * 1000)
                    _log.info("request", method=scope["method"], path=scope["path"], status=status, ms=milliseconds)
