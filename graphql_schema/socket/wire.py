"""Without this module a phone that hung up, or that sends what is no message, would look like a bug of ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.http.async_base_view import AsyncBaseHTTPView, AsyncWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected

from graphql_schema.asked import BadRequest, read_json
from graphql_schema.limits import MAX_BODY_BYTES

_TOO_BIG = 1009


class Wire(AsyncWebSocketAdapter):
    """One socket: JSON in and out, closed once however many want to close it."""

    def __init__(
        self, view: AsyncBaseHTTPView[Any, Any, Any, Any, Any, Any, Any], _request: WebSocket, response: WebSocket
    ) -> None:
        super().__init__(view)
        self.socket = response

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:  # noqa: ARG002
        """What the phone sends, until it hangs up. Raises what the protocol's handler closes the socket for."""
        while self.socket.client_state is WebSocketState.CONNECTED:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                raise NonTextMessageReceived
            if len(text) > MAX_BODY_BYTES:
                await self.close(_TOO_BIG, "MESSAGE_TOO_BIG")
                return
            try:
                read = read_json(text.encode(), "A message")
            except BadRequest as error:
                raise NonJsonMessageReceived from error
            yield read

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Raises `WebSocketDisconnected` when nobody is there any more."""
        if self.socket.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnected
        try:
            await self.socket.send_text(orjson.dumps(message).decode())
        except (WebSocketDisconnect, RuntimeError) as error:  # closed by us while this waited for a slow reader
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        await hang_up(self.socket, code, reason)


async def hang_up(socket: WebSocket, code: int, reason: str) -> None:
    """Close a socket; harmless when it is closed already."""
    if socket.application_state is WebSocketState.CONNECTED:
        try:
            await socket.close(code, reason[:120])
        except (WebSocketDisconnect, RuntimeError):
            return
