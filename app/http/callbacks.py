"""Without this module providers would have nowhere to call back.

Verified on the raw bytes, stored, answered, and only then processed by the worker from the stored row.
"""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from app.http import open_to
from app.kernel import audit, db, ports
from app.kernel.actor import provider_actor
from app.kernel.callbacks import (
    MAX_CALLBACK_BYTES,
    CallbackAnswer,
    CallbackGreeter,
    CallbackReader,
    CallbackRefused,
    RawCallback,
)
from app.kernel.errors import TooManyRequests
from app.kernel.inbox.notices import keep
from app.kernel.logging import get_logger
from app.kernel.metrics import CALLBACKS
from app.kernel.ratelimit import check_rate

_log = get_logger(__name__)
_REFUSALS_ALLOWED = "60/minute"


@open_to("providers")
async def callback(request: Request) -> Response:
    """One provider event: 2xx in the provider's own form once it is stored, its own refusal otherwise."""
    provider, kind = request.path_params["provider"], request.path_params["kind"]
    if request.method != "POST":
        return await _greeting(request, provider, kind)
    try:
        reader = ports.get(CallbackReader, f"{provider}/{kind}")
    except ports.NoSuchAdapter:
        return Response(status_code=404)
    try:
        raw = await _raw(request, provider, kind)
        received = await reader.read(raw)
    except CallbackRefused as refused:
        return _answer(await _refused(request, reader, provider, kind, refused.reason))
    fresh = await keep(raw, received)
    verdict = "accepted" if fresh else "repeated"
    CALLBACKS.labels(provider, kind, verdict).inc()
    _log.info("callback", provider=provider, kind=kind, verdict=verdict)
    return _answer(reader.acknowledge())


async def _greeting(request: Request, provider: str, kind: str) -> Response:
    """What a provider asks for before it calls back, where it does."""
    try:
        greeter = ports.get(CallbackGreeter, f"{provider}/{kind}")
    except ports.NoSuchAdapter:
        return Response(status_code=405, headers={"allow": "POST"})
    try:
        return _answer(greeter.greet(await _raw(request, provider, kind)))
    except CallbackRefused:
        return Response(status_code=403)


async def _raw(request: Request, provider: str, kind: str) -> RawCallback:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body.extend(chunk)
            if len(body) > MAX_CALLBACK_BYTES:
                raise CallbackRefused("too large")
    except ClientDisconnect:
        raise CallbackRefused("cut off") from None
    headers = {name.lower(): value for name, value in request.headers.items()}
    return RawCallback(provider, kind, headers, dict(request.query_params), bytes(body))


async def _refused(request: Request, reader: CallbackReader, provider: str, kind: str, reason: str) -> CallbackAnswer:
    """Count and audit a refusal; beyond sixty a minute of one address only count it."""
    address = request.client.host if request.client else "unknown"
    CALLBACKS.labels(provider, kind, "refused").inc()
    _log.warning("callback refused", provider=provider, kind=kind, reason=reason)
    try:
        await check_rate(_REFUSALS_ALLOWED, "callback-refusal", address)
    except TooManyRequests:
        return reader.refuse(reason)
    async with db.transaction():
        await audit.record(
            provider_actor(provider),
            "callback.refused",
            f"callback:{provider}/{kind}",
            result=reason[:60],
            detail={"address": address},
        )
    return reader.refuse(reason)


def _answer(answer: CallbackAnswer) -> Response:
    media_type = answer.media_type if answer.body else None
    return Response(answer.body, answer.status, media_type=media_type)


callback_routes = [Route("/callbacks/{provider}/{kind}", callback, methods=["GET", "POST"])]
