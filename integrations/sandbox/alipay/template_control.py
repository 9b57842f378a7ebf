"""Without this module nobody could tap "allow" in Alipay, nor look at what a user was sent or wrote."""

from __future__ import annotations

import secrets
from dataclasses import asdict, replace
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.alipay.people import Users
from integrations.sandbox.alipay.template_messages import (
    Template,
    agreement,
    keep_agreement,
    sent,
    templates,
)
from integrations.sandbox.alipay.texts import judgements
from integrations.sandbox.desk import Form, Unacceptable, control_route, read_form
from integrations.sandbox.world import World


class NewTemplate(Form):
    keys: Annotated[list[str], Field(min_length=1, max_length=10)]
    long_term: bool = False


class Tap(Form):
    """`my.requestSubscribeMessage`: at most three templates, each answered."""

    templates: Annotated[dict[str, Literal["accept", "reject"]], Field(min_length=1, max_length=3)]


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/alipay/templates", "POST", add_template),
        control_route(world, "/alipay/users/{open_id}/subscribe", "POST", tap),
        control_route(world, "/alipay/users/{open_id}/messages", "GET", list_messages),
        control_route(world, "/alipay/texts", "GET", list_texts),
    ]


async def add_template(world: World, request: Request) -> object:
    wanted = await read_form(request, NewTemplate)
    template = Template(secrets.token_hex(16), list(wanted.keys), wanted.long_term)
    templates(world).put(template.id, template)
    return asdict(template)


async def tap(world: World, request: Request) -> object:
    open_id = _user(world, request)
    wanted = await read_form(request, Tap)
    for name, answer in wanted.templates.items():
        template = templates(world).get(name)
        if template is None:
            raise Unacceptable("No such template.", 404)
        if answer == "accept":
            agreed = agreement(world, open_id, name)
            left = agreed.left if template.long_term else agreed.left + 1
            keep_agreement(world, replace(agreed, left=left, for_good=template.long_term))
    return dict(wanted.templates)


async def list_messages(world: World, request: Request) -> object:
    open_id = _user(world, request)
    return [asdict(message) for message in sent(world).every() if message.open_id == open_id]


async def list_texts(world: World, _: Request) -> object:
    return [asdict(one) for one in judgements(world).every()]


def _user(world: World, request: Request) -> str:
    user = Users(world.records).find(request.path_params["open_id"])
    if user is None:
        raise Unacceptable("No Alipay user has this open_id.", 404)
    return user.open_id
