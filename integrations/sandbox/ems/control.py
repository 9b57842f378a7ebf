"""Without this module no postman would come: the control calls that scan waybills and push their events."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.clock import BEIJING, beijing
from integrations.sandbox.desk import Form, control_route, read_form
from integrations.sandbox.ems.platform import told
from integrations.sandbox.ems.waybills import Event, Waybill, waybills
from integrations.sandbox.ems.wire import encrypted
from integrations.sandbox.messenger import Callback, Sealed, describe
from integrations.sandbox.world import World

CHANNEL = "ems"
STRANGERS_KEY = "c3RyYW5nZXJzLWtleS0hIQ=="
Code = Annotated[str, Field(pattern=r"^[0-9A-Z]{0,4}$")]


class Scan(Form):
    """`push_to` is our address; empty only keeps the event. `mode` forged closes it with another key."""

    code: Code
    deliver: Code = ""
    attempt: Code = ""
    at: datetime | None = None
    push_to: str = ""
    mode: Literal["normal", "forged"] = "normal"
    times: Annotated[int, Field(ge=1, le=50)] = 1


class EventChannel:
    """The post's call to its customer (040002): a closed form, repeated until `retCode` says it is taken."""

    name = CHANNEL
    timeout = 10.0
    gaps: tuple[float, ...] = (600.0,) * 3

    def __init__(self, world: World) -> None:
        self._keys = world.keys.couriers

    def seal(self, callback: Callback) -> Sealed:
        key = STRANGERS_KEY if callback.seal == "forged" else self._keys.ems_key
        form = {
            "apiCode": "040002",
            "senderNo": self._keys.ems_sender_no,
            "msgType": "0",
            "version": "V1.0.0",
            "timeStamp": beijing(callback.due or 0),
            "logitcsInterface": encrypted(orjson.loads(callback.payload), key),
        }
        return Sealed({"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}, urlencode(form))

    def accepts(self, status: int, body: bytes) -> bool:
        try:
            content = orjson.loads(body)
        except ValueError:
            return False
        return status == 200 and isinstance(content, dict) and content.get("retCode") == "00000"

    def spoil(self, callback: Callback, how: str) -> Callback | None:
        return replace(callback, seal="forged") if how == "forge" else None


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/ems/waybills", "GET", list_waybills),
        control_route(world, "/ems/waybills/{number}/scan", "POST", scan),
    ]


async def list_waybills(world: World, _: Request) -> object:
    return [asdict(waybill) for waybill in waybills(world).every()]


async def scan(world: World, request: Request) -> object:
    """One event; what was sent at a counter is known from its first scan on. Gives what was answered to the push."""
    wanted, number = await read_form(request, Scan), request.path_params["number"]
    known = waybills(world).get(number) or Waybill(number, "", {}, [])
    at = wanted.at
    moment = world.clock.now() if at is None else (at if at.tzinfo else at.replace(tzinfo=BEIJING)).timestamp()
    event = Event(at=moment, code=wanted.code, deliver=wanted.deliver, attempt=wanted.attempt)
    if wanted.mode == "normal":
        waybills(world).put(number, replace(known, events=[*known.events, event]))
    if not wanted.push_to:
        return []
    payload = orjson.dumps([told(number, event)]).decode()
    callback = Callback(CHANNEL, f"event {wanted.code}", number, wanted.push_to, payload, seal=wanted.mode)
    return [describe(await world.messenger.send_now(callback)) for _ in range(wanted.times)]
