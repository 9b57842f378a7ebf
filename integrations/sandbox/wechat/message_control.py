"""Without this module nobody could tap "allow", look at what a phone was sent, or take the platform down."""

from __future__ import annotations

import secrets
from dataclasses import asdict, replace
from typing import Annotated, Literal
from urllib.parse import urlencode

import httpx
from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.delivering import Delivery, deliver
from integrations.sandbox.desk import Form, Unacceptable, control_route, read_form
from integrations.sandbox.records import Shelf
from integrations.sandbox.wechat import links, texts
from integrations.sandbox.wechat.events import (
    CHANNEL,
    ONLY,
    Console,
    EventMode,
    console,
    consoles,
    digest,
    event,
)
from integrations.sandbox.wechat.messages import (
    Door,
    Template,
    agreement,
    agreements,
    door,
    doors,
    keep_agreement,
    sent,
    templates,
)
from integrations.sandbox.wechat.people import People
from integrations.sandbox.world import World

POPUP, CHANGE, REPORT = "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"


class NewTemplate(Form):
    keys: Annotated[list[str], Field(min_length=1, max_length=10)]
    long_term: bool = False
    title: str = ""


class Tap(Form):
    """`wx.requestSubscribeMessage`: at most three templates, each answered."""

    templates: Annotated[dict[str, Literal["accept", "reject"]], Field(min_length=1, max_length=3)]


class Switch(Form):
    """The user's settings of this mini-program: these templates are on or off."""

    templates: Annotated[list[str], Field(min_length=1)]
    on: bool


class DoorState(Form):
    state: Literal["open", "busy", "unauthorised"] = "open"
    left: Annotated[int, Field(ge=0)] | None = None


class Address(Form):
    url: str
    format: Literal["json", "xml"] = "json"


class Report(Delivery):
    """An asynchronous result, as `subscribe_msg_sent_event` tells it."""

    mode: EventMode = "normal"
    error_code: int = 0
    error_status: str = "success"


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/wechat/templates", "POST", add_template),
        control_route(world, "/wechat/templates/{id}", "DELETE", drop_template),
        control_route(world, "/wechat/messages/door", "POST", set_door),
        control_route(world, "/wechat/texts/door", "POST", set_text_door),
        control_route(world, "/phones/{openid}/texts", "GET", list_texts),
        control_route(world, "/wechat/links/door", "POST", set_link_door),
        control_route(world, "/wechat/links", "GET", list_links),
        control_route(world, "/wechat/console", "POST", set_console),
        control_route(world, "/phones/{openid}/subscribe", "POST", tap),
        control_route(world, "/phones/{openid}/settings", "POST", switch),
        control_route(world, "/phones/{openid}/messages", "GET", list_messages),
        control_route(world, "/phones/{openid}/agreements", "GET", list_agreements),
        control_route(world, "/wechat/messages/{msgid}/report", "POST", report),
        control_route(world, "/phones/{openid}/event", "POST", push_event),
    ]


async def add_template(world: World, request: Request) -> object:
    wanted = await read_form(request, NewTemplate)
    template = Template(secrets.token_urlsafe(32), list(wanted.keys), wanted.long_term, wanted.title)
    templates(world).put(template.id, template)
    return asdict(template)


async def drop_template(world: World, request: Request) -> object:
    """Taken off the list: whoever still sends by it is told 40037."""
    templates(world).drop(request.path_params["id"])
    return {}


async def set_door(world: World, request: Request) -> object:
    return _set(doors(world), ONLY, door(world), await read_form(request, DoorState))


async def set_text_door(world: World, request: Request) -> object:
    return _set(doors(world), texts.DOOR, texts.door(world), await read_form(request, DoorState))


async def set_link_door(world: World, request: Request) -> object:
    return _set(links.doors(world), ONLY, links.doors(world).get(ONLY) or Door(), await read_form(request, DoorState))


def _set(shelf: Shelf[Door], name: str, present: Door, wanted: DoorState) -> object:
    changed = replace(present, state=wanted.state, left=present.left if wanted.left is None else wanted.left)
    shelf.put(name, changed)
    return asdict(changed)


async def list_links(world: World, _: Request) -> object:
    """Every URL link that was made, oldest first."""
    return [asdict(link) for link in links.links(world).every()]


async def list_texts(world: World, request: Request) -> object:
    openid = _openid(world, request)
    return [asdict(one) for one in texts.judgements(world).every() if one.openid == openid]


async def set_console(world: World, request: Request) -> object:
    """Set the address of message push: the platform asks for the echo first and keeps nothing without it."""
    wanted = await read_form(request, Address)
    timestamp, nonce, echo = "1700000000", str(secrets.randbelow(10**9)), secrets.token_hex(8)
    signature = digest(world.keys.messages.push_token, timestamp, nonce)
    query = urlencode({"signature": signature, "timestamp": timestamp, "nonce": nonce, "echostr": echo})
    async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
        try:
            answer = await client.get(f"{wanted.url}?{query}")
        except httpx.HTTPError as failure:
            raise Unacceptable(f"The address did not answer: {type(failure).__name__}.", 409) from None
    if answer.status_code != 200 or answer.text != echo:
        raise Unacceptable(f"The address did not give the echo back: {answer.status_code}.", 409)
    consoles(world).put(ONLY, Console(wanted.url, wanted.format))
    return {"format": wanted.format}


async def tap(world: World, request: Request) -> object:
    """Answers as the phone gets them; the platform tells of the tap too."""
    openid = _openid(world, request)
    wanted = await read_form(request, Tap)
    known = [_template(world, name) for name in wanted.templates]
    if len({template.long_term for template in known}) > 1:
        raise Unacceptable("One-time and long-term templates cannot be asked for together.", 409)
    for template in known:
        if wanted.templates[template.id] == "accept":
            agreed = agreement(world, openid, template.id)
            more = {"for_good": True} if template.long_term else {"left": agreed.left + 1}
            keep_agreement(world, replace(agreed, off=False, **more))
    rows = [
        {"TemplateId": name, "SubscribeStatusString": answer, "PopupScene": "0"}
        for name, answer in wanted.templates.items()
    ]
    _post(world, openid, POPUP, rows)
    return dict(wanted.templates)


async def switch(world: World, request: Request) -> object:
    """Only what is switched off is pushed."""
    openid = _openid(world, request)
    wanted = await read_form(request, Switch)
    for name in wanted.templates:
        agreed = agreement(world, openid, _template(world, name).id)
        kept = {"off": False} if wanted.on else {"off": True, "left": 0, "for_good": False}
        keep_agreement(world, replace(agreed, **kept))
    if not wanted.on:
        rows = [{"TemplateId": name, "SubscribeStatusString": "reject"} for name in wanted.templates]
        _post(world, openid, CHANGE, rows)
    return {}


async def list_messages(world: World, request: Request) -> object:
    openid = _openid(world, request)
    return [asdict(message) for message in sent(world).every() if message.openid == openid]


async def list_agreements(world: World, request: Request) -> object:
    openid = _openid(world, request)
    return [asdict(one) for one in agreements(world).every() if one.openid == openid]


async def report(world: World, request: Request) -> object:
    """A late result of one message, delivered at once in one of the ways of `EventMode`."""
    wanted = await read_form(request, Report)
    message = sent(world).get(request.path_params["msgid"])
    if message is None:
        raise Unacceptable("No such message was sent.", 404)
    row = {
        "TemplateId": message.template,
        "MsgID": str(message.msgid),
        "ErrorCode": str(wanted.error_code),
        "ErrorStatus": wanted.error_status,
    }
    callback = event(world, message.openid, REPORT, [row], at=message.at)
    if callback is None:
        raise Unacceptable("No address is set for message push.", 409)
    return await deliver(world, CHANNEL, replace(callback, seal=wanted.mode), wanted, "message")


class AnyEvent(Delivery):
    mode: EventMode = "normal"
    name: str
    entries: Annotated[list[dict[str, str]], Field(max_length=50)] = Field(default_factory=list)


async def push_event(world: World, request: Request) -> object:
    """Any event about a user, at once."""
    wanted = await read_form(request, AnyEvent)
    callback = event(world, request.path_params["openid"], wanted.name, wanted.entries)
    if callback is None:
        raise Unacceptable("No address is set for message push.", 409)
    return await deliver(world, CHANNEL, replace(callback, seal=wanted.mode), wanted, "event")


def _post(world: World, openid: str, name: str, rows: list[dict[str, str]]) -> None:
    callback = event(world, openid, name, rows) if console(world).url else None
    if callback is not None and world.dice.now.notify_by_itself:
        world.messenger.post(callback)


def _openid(world: World, request: Request) -> str:
    phone = People(world.records).find(request.path_params["openid"])
    if phone is None:
        raise Unacceptable("No phone has this openid.", 404)
    return phone.openid


def _template(world: World, name: str) -> Template:
    template = templates(world).get(name)
    if template is None:
        raise Unacceptable("No such template.", 404)
    return template
