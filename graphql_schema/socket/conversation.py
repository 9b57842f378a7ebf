"""Without this module a socket would run any document of anybody, and tell the phone of bugs in our own words."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import GraphQLError, GraphQLFormattedError, OperationDefinitionNode, OperationType
from starlette.websockets import WebSocket
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ErrorMessage,
    Message,
    NextMessage,
    NextMessagePayload,
    SubscribeMessage,
)
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType as StrawberryOperationType

from app.kernel.actor import ANONYMOUS, Actor
from app.kernel.logging import current_request_id, get_logger
from graphql_schema.answers import tell, tell_faults
from graphql_schema.asked import BadRequest, Invalid, from_json, prepare
from graphql_schema.context import Context
from graphql_schema.socket.open_sockets import Line

_log = get_logger(__name__)
MOST_MESSAGES_A_MINUTE = 120
_LONGEST_ID = 128
_A_SECOND = 1.0


@dataclass
class Connection:
    """One socket: what it said of itself, and who that is."""

    socket: WebSocket
    line: Line
    language: str = "zh"
    actor: Actor = ANONYMOUS
    connection_params: dict[str, Any] = field(default_factory=dict)
    """What `connection_init` carried; the protocol's handler puts it here."""

    def context(self) -> Context:
        return Context(
            actor=self.actor,
            language=self.language,
            request_id=current_request_id() or "",
            address=self.line.address,
        )


class Conversation(BaseGraphQLTransportWSHandler[Connection, None]):
    """The protocol, by the library; what may be asked, and how faults are told, as for requests."""

    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(*args, **arguments)
        self.minute, self.messages = 0, 0
        self.ending: set[asyncio.Task[None]] = set()

    async def handle_message(self, message: Message) -> None:
        if not isinstance(message, dict):
            await self.handle_invalid_message("A message is an object")
        elif self._is_flooding():
            await self.websocket.close(code=4429, reason="TOO_MANY_MESSAGES")
        else:
            await super().handle_message(message)

    def _is_flooding(self) -> bool:
        minute = int(time.monotonic() // 60)
        self.messages = self.messages + 1 if minute == self.minute else 1
        self.minute = minute
        return self.messages > MOST_MESSAGES_A_MINUTE

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        name, payload = message.get("id"), message.get("payload")
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_ID or not isinstance(payload, dict):
            await self.handle_invalid_message("`id` is text and `payload` an object")
            return
        if self.connection_acknowledged and (faults := self._read(payload)):
            await self.send_message({"id": name, "type": "error", "payload": faults})
            return
        await super().handle_subscribe(message)

    def _read(self, payload: Any) -> list[Any]:
        """Check what is asked and put it in plain words; gives what is wrong with it."""
        try:
            asked = from_json(payload)
            _check_place(prepare(asked))
        except BadRequest as bad:
            return tell_faults([GraphQLError(str(bad), extensions={"code": bad.code})])
        except Invalid as invalid:
            return tell_faults(invalid.errors)
        payload.update(query=asked.document, variables=asked.variables, operationName=asked.operation_name)
        return []

    async def cleanup_operation(self, operation_id: str) -> None:
        """End one subscription for certain. The library cancels once: whoever swallows that (a driver that loses its
        connection at the same moment) would go on telling, and hold the socket's place for ever.
        """
        operation = self.operations.pop(operation_id, None)
        if operation is not None and operation.task is not None:
            operation.completed = True  # it has nothing to say any more
            ending = asyncio.create_task(end(operation.task))
            self.ending.add(ending)
            ending.add_done_callback(self.ending.discard)

    async def shutdown(self) -> None:
        await super().shutdown()
        if self.ending:
            await asyncio.wait(self.ending)

    async def handle_complete(self, message: Any) -> None:
        if isinstance(message.get("id"), str):
            await super().handle_complete(message)
        else:
            await self.handle_invalid_message("`id` is text")

    async def run_operation(self, operation: Operation[Connection, None]) -> None:
        """One subscription to its end, in a context of its own."""
        context = self.context.context()
        try:
            await self._tell_all(operation, context)
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
        except WebSocketDisconnected:
            self.operations.pop(operation.id, None)
        except Exception:  # noqa: BLE001 - whatever it is, the phone hears that this one is over
            _log.exception("bug in a subscription")
            await self.websocket.close(code=1011, reason="INTERNAL_ERROR")

    async def _tell_all(self, operation: Operation[Connection, None], context: Context) -> None:
        results = await self.schema.stream(
            operation.query,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.operation_name,
            allowed_operation_types=(StrawberryOperationType.SUBSCRIPTION,),
        )
        async with aclosing(results):
            async for result in results:
                assert isinstance(result, ExecutionResult), "nothing here is answered in parts"
                faults = cast("list[GraphQLFormattedError]", [tell(error, context) for error in result.errors or ()])
                if isinstance(result, PreExecutionError):
                    await operation.send_operation_message(ErrorMessage(id=operation.id, type="error", payload=faults))
                    return
                payload = NextMessagePayload(data=result.data)
                if faults:
                    payload["errors"] = faults
                await operation.send_operation_message(NextMessage(id=operation.id, type="next", payload=payload))


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task until it is over; what it does on its way out has a second each time."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_A_SECOND)


def _check_place(operation: OperationDefinitionNode) -> None:
    if operation.operation is not OperationType.SUBSCRIPTION:
        raise BadRequest("SUBSCRIPTIONS_ONLY", "Only subscriptions go over a socket; send the others by POST.")
