"""Without this module nobody could approve a sentence, look at a phone, or report what became of a message."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Annotated, Literal

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.delivering import Delivery, deliver
from integrations.sandbox.desk import Form, Unacceptable, control_route, read_form
from integrations.sandbox.messenger import Callback
from integrations.sandbox.sms.gateway import Number, Template, numbers, sent, templates
from integrations.sandbox.sms.reports import CHANNEL, ReportMode
from integrations.sandbox.sms.wire import ONLY, Door, doors
from integrations.sandbox.world import World


class NewTemplate(Form):
    text: Annotated[str, Field(min_length=1, max_length=500)]


class DoorState(Form):
    state: Literal["open", "closed", "busy"] = "open"


class NumberState(Form):
    unsubscribed: bool = False


class Report(Delivery):
    mode: ReportMode = "normal"
    url: str
    state: Literal["DELIVERED", "FAILED"] = "DELIVERED"
    code: str = ""


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/sms/templates", "POST", add_template),
        control_route(world, "/sms/door", "POST", set_door),
        control_route(world, "/sms/numbers/{mobile}", "POST", set_number),
        control_route(world, "/sms/messages", "GET", list_messages),
        control_route(world, "/sms/messages/{id}/report", "POST", report),
    ]


async def add_template(world: World, request: Request) -> object:
    template = Template(f"SMS_{secrets.token_hex(6)}", (await read_form(request, NewTemplate)).text)
    templates(world).put(template.id, template)
    return asdict(template)


async def set_door(world: World, request: Request) -> object:
    state = (await read_form(request, DoorState)).state
    doors(world).put(ONLY, Door(state))
    return {"state": state}


async def set_number(world: World, request: Request) -> object:
    wanted = await read_form(request, NumberState)
    numbers(world).put(request.path_params["mobile"], Number(unsubscribed=wanted.unsubscribed))
    return {"unsubscribed": wanted.unsubscribed}


async def list_messages(world: World, _: Request) -> object:
    return [asdict(message) for message in sent(world).every()]


async def report(world: World, request: Request) -> object:
    wanted = await read_form(request, Report)
    known = {message.id for message in sent(world).every()}
    number = request.path_params["id"]
    if number not in known:
        raise Unacceptable("No such message was sent.", 404)
    payload = orjson.dumps({"id": number, "state": wanted.state, "code": wanted.code}).decode()
    callback = Callback(CHANNEL, wanted.state, number, wanted.url, payload, seal=wanted.mode)
    return await deliver(world, CHANNEL, callback, wanted, "message")
