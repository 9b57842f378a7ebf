"""A subscription ends when it is told to, also one that does not hear it the first time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import Operation

from graphql_schema.socket.conversation import Conversation


async def swallow_once(heard: list[str]) -> None:
    """As a driver does whose connection is lost at the moment it is cancelled."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    heard.append("once")
    await asyncio.sleep(60)


async def talking(heard: list[str]) -> tuple[Conversation, Operation[Any, None]]:
    """A socket with one subscription that runs. Neither is asked for anything else here."""
    nobody: Any = None
    conversation = Conversation(nobody, nobody, nobody, nobody, nobody, timedelta(seconds=60), None)
    operation: Operation[Any, None] = Operation(conversation, "1", "", None, None)
    operation.task = asyncio.create_task(swallow_once(heard))
    conversation.operations["1"] = operation
    await asyncio.sleep(0)
    return conversation, operation


async def test_a_socket_that_goes_does_not_wait_for_who_did_not_hear_it() -> None:
    heard: list[str] = []
    conversation, operation = await talking(heard)
    going = asyncio.create_task(conversation.shutdown())
    await asyncio.wait({going}, timeout=10)  # a timeout around it would cancel what it waits for once more
    assert going.done()
    assert operation.task
    assert operation.task.cancelled()
    assert heard == ["once"]


async def test_a_subscription_that_is_completed_says_nothing_any_more_and_its_name_is_free() -> None:
    conversation, operation = await talking([])
    await conversation.handle_complete({"id": "1", "type": "complete"})
    assert conversation.operations == {}
    await operation.send_operation_message({"id": "1", "type": "complete"})  # there is no socket it could go to
    assert operation.task
    async with asyncio.timeout(10):
        await asyncio.wait({operation.task})
        await conversation.shutdown()
    assert conversation.ending == set()
