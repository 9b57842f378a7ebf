"""A phone that stays connected, and things of a resident that can change."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.cases.models import Case
from app.cases.rules import CaseState, DeliveryMethod
from app.catalogue.models import ServiceItem
from app.kernel import clock, db
from app.kernel.facts import Fact
from app.kernel.facts.publishing import publish
from graphql_schema.documents import OPERATIONS, document_id
from tests.people import Caller

OPERATION = "Changes"
CHANGES = document_id((OPERATIONS / f"{OPERATION}.graphql").read_text(encoding="utf-8"))
PROTOCOL = Subprotocol("graphql-transport-ws")
Change = dict[str, Any]


@dataclass
class Socket:
    """One socket and what came over it."""

    wire: ClientConnection
    told: list[Change] = field(default_factory=list)

    @classmethod
    async def bare(cls, url: str, protocol: str = PROTOCOL) -> Self:
        """Nobody has said anything yet."""
        address = url.replace("http", "ws", 1) + "/graphql"
        return cls(
            await connect(address, subprotocols=[Subprotocol(protocol)], proxy=None, compression=None, open_timeout=60)
        )

    @classmethod
    async def of(cls, caller: Caller, url: str = "", **more: Any) -> Self:
        """Opened and acknowledged."""
        socket = await cls.bare(url or str(caller.http.base_url).rstrip("/"))
        acting = {"actingFor": caller.acting_for} if caller.acting_for else {}
        await socket.say({"type": "connection_init", "payload": {"accessToken": caller.access, **acting, **more}})
        assert await socket.hear() == {"type": "connection_ack"}
        return socket

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()

    def cut(self) -> None:
        """As in a tunnel: no goodbye."""
        self.wire.transport.abort()

    async def say(self, message: object) -> None:
        await self.wire.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def hear(self, seconds: float = 60.0) -> Any:
        """The next message."""
        return json.loads(await asyncio.wait_for(self.wire.recv(), seconds))

    async def subscribe(self, name: str = "1", **variables: Any) -> None:
        await self.say({"id": name, "type": "subscribe", "payload": {"documentId": CHANGES, "variables": variables}})

    async def change(self, seconds: float = 60.0) -> Change:
        """The next change; fails on anything else."""
        message = await self.hear(seconds)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        self.told.append(message["payload"]["data"]["changes"])
        return self.told[-1]

    async def listen(self, after: str | None = None, **variables: Any) -> Self:
        """Subscribed, and where nothing is to be caught up with, told so."""
        await self.subscribe(after=after, **variables)
        if after is None:
            assert (await self.change())["kind"] == "EVERYTHING"
        return self

    async def closed(self, seconds: float = 60.0) -> tuple[int, str]:
        """The code and word the server closes with; what comes before is skipped."""
        with suppress(ConnectionClosed):
            async with asyncio.timeout(seconds):
                while True:
                    await self.wire.recv()
        return self.wire.close_code or 0, self.wire.close_reason or ""


def seen(changes: list[Change]) -> list[tuple[str, str | None]]:
    """What was told of: the kind and the id of the thing."""
    return [(change["kind"], (change.get(change["kind"].lower()) or {}).get("id")) for change in changes]


async def file_case(resident_id: UUID | None, item: str = "id-card-replace") -> Case:
    """A case that is over already: a resident may have any number of these."""
    found = await ServiceItem.get(key=item, state="IN_FORCE")
    return await Case.create(
        number=f"L{db.new_id().hex}", resident_id=resident_id, item_id=found.id, item_key=item, fees=[],
        state=CaseState.CLOSED, delivery_method=DeliveryMethod.COLLECT, submitted_at=clock.now() - timedelta(days=1),
    )  # fmt: skip


async def happen(*facts: Fact) -> None:
    async with db.transaction():
        for fact in facts:
            await publish(fact)
