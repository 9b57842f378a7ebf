"""One request through the whole application, without a network in between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import orjson
from starlette.types import ASGIApp, Message


class Knock:
    """The same request again and again."""

    def __init__(self, app: ASGIApp, query: str, token: str = "", **variables: object) -> None:
        self._app = app
        self._path = "/graphql"
        self._body = orjson.dumps({"query": query, "variables": variables})
        headers = [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")]
        self._headers = [*headers, (b"authorization", f"Bearer {token}".encode())] if token else headers
        self.answer = b""
        self.status = 0

    @classmethod
    def at(cls, app: ASGIApp, path: str, body: bytes, headers: Mapping[str, str]) -> Self:
        """Any other request, byte by byte."""
        knock = cls(app, "")
        knock._path, knock._body = path, body
        knock._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        return knock

    async def __call__(self) -> None:
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": self._headers,
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
        }
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.answer = message.get("body", b"")
