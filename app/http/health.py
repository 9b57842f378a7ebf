"""Without this module the platform would send residents to a process that cannot serve them."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.http import open_to
from app.kernel import db, metrics, redis
from app.kernel.logging import get_logger
from app.kernel.settings import get_settings

Pending = Callable[[], Awaitable[Sequence[str]]]
"""Answers which migrations the database lacks; raises when it cannot be asked."""

_log = get_logger(__name__)
_SECONDS = 3.0
T = TypeVar("T")


class MonitoringSettings(BaseSettings):
    """Without `PORTAL_METRICS_TOKEN` there are no figures in production; with it, only for its bearer."""

    model_config = SettingsConfigDict(env_prefix="PORTAL_", frozen=True)

    metrics_token: SecretStr = SecretStr("")


def health_routes(pending: Pending) -> list[Route]:
    """`/livez`, `/readyz` and `/metrics`."""
    return [
        Route("/livez", livez, methods=["GET"]),
        Route("/readyz", _make_readyz(pending), methods=["GET"]),
        Route("/metrics", _make_metrics(MonitoringSettings()), methods=["GET"]),
    ]


@open_to("everyone")
async def livez(_request: Request) -> Response:
    """The process is alive; asks nobody, so that a lost database does not restart every process."""
    return PlainTextResponse("alive\n")


def _make_readyz(pending: Pending) -> Callable[[Request], Awaitable[Response]]:
    up_to_date = False

    async def missing() -> Sequence[str]:
        # Migrations are never unapplied under a running process: a clean answer stays true.
        nonlocal up_to_date
        names = () if up_to_date else await pending()
        up_to_date = not names
        return names

    @open_to("everyone")
    async def readyz(_request: Request) -> Response:
        """503 without database or with migrations missing; a lost Redis is told but costs only speed."""
        database, cache = await asyncio.gather(_answers(db.reachable), _answers(redis.reachable))
        names: Sequence[str] | None = None
        if database:
            names = await _within(missing)
        ready = database and names is not None and not names
        told = {
            "ready": ready,
            "database": "ok" if database else "lost",
            "migrations": "unknown" if names is None else f"{len(names)} missing" if names else "ok",
            "redis": "ok" if cache else "lost",
        }
        return JSONResponse(told, 200 if ready else 503, {"cache-control": "no-store"})

    return readyz


def _make_metrics(monitoring: MonitoringSettings) -> Callable[[Request], Awaitable[Response]]:
    @open_to("monitoring")
    async def figures(request: Request) -> Response:
        """The figures for Prometheus. 404 to everybody else: behind a proxy all callers look private."""
        if get_settings().in_production and not _bears(request, monitoring.metrics_token):
            return PlainTextResponse("Not Found", 404)
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return figures


def _bears(request: Request, token: SecretStr) -> bool:
    expected = f"Bearer {token.get_secret_value()}".encode()
    given = request.headers.get("authorization", "").encode()
    return bool(token.get_secret_value()) and hmac.compare_digest(given, expected)


async def _answers(question: Callable[[], Awaitable[None]]) -> bool:
    async def ask() -> bool:
        await question()
        return True

    return bool(await _within(ask))


async def _within(question: Callable[[], Awaitable[T]]) -> T | None:
    try:
        async with asyncio.timeout(_SECONDS):
            return await question()
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is "not reachable"
        _log.warning("not reachable", error=repr(error))
        return None
