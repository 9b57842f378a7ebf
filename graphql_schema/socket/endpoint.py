"""Without this module a phone could ask and never be told.

`graphql-transport-ws` on `/graphql`, subscriptions only. A mini-program cannot put headers on a socket, so who speaks
is said in `connection_init`: `{"accessToken": …, "actingFor": …, "language": "zh-CN"}`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UNSET, UnsetType

from app.kernel import db
from app.kernel.errors import NotSignedIn, PleaseRetry, Refusal
from app.kernel.logging import get_logger, request_scope
from graphql_schema.callers import caller
from graphql_schema.context import language_of
from graphql_schema.guards import RESIDENTS
from graphql_schema.schema import schema
from graphql_schema.socket.conversation import Connection, Conversation
from graphql_schema.socket.open_sockets import Line, open_sockets
from graphql_schema.socket.wire import Wire, hang_up

_log = get_logger(__name__)
_SUBSCRIPTIONS_A_SOCKET = 10
_INIT_SECONDS = 10
_NO_ROOM = {"retry-after": "30"}


class _View(GraphQL[Connection, None]):
    websocket_adapter_class = Wire  # type: ignore[assignment] # the base names its own, and needs an adapter
    graphql_transport_ws_handler_class = Conversation

    async def on_ws_connect(self, context: Connection) -> UnsetType:
        """Find out who speaks. Who may not listen hears why in the word the socket is closed with."""
        try:
            with db.told_when_lost():
                await _recognise(context)
        except PleaseRetry as lost:
            await hang_up(context.socket, 1013, lost.code)
        except Refusal as refusal:
            await hang_up(context.socket, 4403, refusal.code)
        else:
            open_sockets.name(context.line, context.actor)
            nothing_to_add: UnsetType = UNSET
            return nothing_to_add
        raise ConnectionRejectionError


async def _recognise(connection: Connection) -> None:
    said = connection.connection_params
    token, principal, language = (_text(said, name) for name in ("accessToken", "actingFor", "language"))
    if not token:
        raise NotSignedIn
    connection.actor = await caller(token, principal)
    RESIDENTS.check(connection.actor)
    connection.language = language_of(language) if language else connection.actor.language or connection.language


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return value.strip() if isinstance(value, str) else ""


_view = _View(
    schema,
    graphql_ide=None,
    subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
    connection_init_wait_timeout=timedelta(seconds=_INIT_SECONDS),
    max_subscriptions_per_connection=_SUBSCRIPTIONS_A_SOCKET,
    # No cookie speaks for anybody here: a page of a stranger has no token to say.
    allowed_origins=("*",),
)


async def graphql_socket(socket: WebSocket) -> None:
    """Hold one socket until its end."""
    address = socket.client.host if socket.client else ""
    if not open_sockets.has_room_for(address):
        await socket.send_denial_response(Response(status_code=503, headers=_NO_ROOM))
        return
    line = Line(address, lambda code, word: hang_up(socket, code, word))
    with request_scope(), open_sockets.opened(line):
        await _view.run(socket, context=Connection(socket, line))
