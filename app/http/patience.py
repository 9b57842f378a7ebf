"""Without this module a provider or a browser that comes while the database is away would be told of a bug."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kernel import db
from app.kernel.errors import PleaseRetry


class Patience:
    """Answer 503, and when to come again, wherever the database is missed. Whoever tells us of something repeats it.

    GraphQL says it in its own form before it gets here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answering = False

        async def noting(message: Message) -> None:
            nonlocal answering
            answering = True
            await send(message)

        try:
            with db.told_when_lost():
                await self.app(scope, receive, noting)
        except PleaseRetry as retry:
            if answering or scope["type"] != "http":
                raise
            headers = {"retry-after": str(retry.retry_after_seconds), "cache-control": "no-store"}
            await PlainTextResponse(retry.sentence("zh"), 503, headers)(scope, receive, send)
