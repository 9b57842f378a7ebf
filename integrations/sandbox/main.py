"""Without this module the parts would not be an application: it puts every provider at the root of one origin."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler, Lifespan

from integrations.sandbox import (
    alipay,
    conditions,
    ems,
    fiscal,
    key_desk,
    kuaidi100,
    page,
    sms,
    wechat,
    wechat_pay,
    wechat_shipping,
)
from integrations.sandbox.desk import answer
from integrations.sandbox.journal import Entry
from integrations.sandbox.world import World

SENTENCES = {404: "There is no such control call.", 405: "This control call has another method."}


def create_sandbox(state: Path, base_url: str) -> Starlette:
    """The providers' side of the wire, with keys and records in `state`, reachable at `base_url`."""
    world = World(state, base_url)
    world.messenger.connect(wechat_pay.PayChannel(world))
    world.messenger.connect(alipay.TradeChannel(world))
    world.messenger.connect(kuaidi100.PushChannel())
    world.messenger.connect(kuaidi100.OrderChannel())
    world.messenger.connect(ems.EventChannel(world))
    world.messenger.connect(wechat.EventChannel(world))
    world.messenger.connect(sms.ReportChannel(world))
    providers = (wechat, wechat_pay, wechat_shipping, alipay, kuaidi100, ems, fiscal, sms)
    app = Starlette(
        routes=[
            *(route for provider in providers for route in provider.routes(world)),
            *(route for provider in providers for route in provider.control_routes(world)),
            *conditions.control_routes(world),
            *key_desk.control_routes(world),
            *page.routes(),
        ],
        exception_handlers={404: _nothing_here(world), 405: _nothing_here(world)},
        lifespan=_lifespan(world),
    )
    app.router.redirect_slashes = False
    return app


def _nothing_here(world: World) -> ExceptionHandler:
    """Providers answer an unknown path or method with an empty body; the control API with a sentence."""

    async def handle(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        path = request.url.path
        if path.startswith("/__ctl"):
            return answer({"error": SENTENCES[status]}, status)
        if path != "/favicon.ico":
            what = f"{request.method} {path}"
            entry = Entry(time.time(), "request", "nobody", what, status, "no such endpoint", "", "", 0)
            world.journal.write(entry)
        return Response(status_code=status)

    return handle


def _lifespan(world: World) -> Lifespan[Starlette]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sending = asyncio.create_task(world.messenger.run())
        try:
            yield
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending
            world.records.close()

    return lifespan
