"""Without this module no message would reach an Alipay user: `alipay.open.app.mini.templatemessage.send` (5.1).

The sub codes of its refusals are our reading: none is published.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

import orjson

from integrations.sandbox.alipay.gate import Question
from integrations.sandbox.alipay.people import AlipayUser, Users
from integrations.sandbox.alipay.wire import not_done
from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World

LONGEST = 200


@dataclass(frozen=True)
class Template:
    """Made in the merchant's console; `keys` are all needed."""

    id: str
    keys: list[str]
    long_term: bool = False


@dataclass(frozen=True)
class Agreed:
    open_id: str
    template: str
    left: int = 0
    for_good: bool = False


@dataclass(frozen=True)
class Sent:
    id: str
    open_id: str
    template: str
    values: dict[str, str]
    page: str
    at: float


def templates(world: World) -> Shelf[Template]:
    return Shelf(world.records, "alipay_templates", Template, keep=2000)


def agreements(world: World) -> Shelf[Agreed]:
    return Shelf(world.records, "alipay_agreements", Agreed, keep=50_000)


def sent(world: World) -> Shelf[Sent]:
    return Shelf(world.records, "alipay_sent", Sent, keep=50_000)


def agreement(world: World, open_id: str, template: str) -> Agreed:
    return agreements(world).get(f"{open_id} {template}") or Agreed(open_id, template)


def keep_agreement(world: World, agreed: Agreed) -> None:
    agreements(world).put(f"{agreed.open_id} {agreed.template}", agreed)


def send(world: World, question: Question) -> dict[str, Any]:
    user = _user(world, question)
    template = templates(world).get(question.text("user_template_id"))
    if template is None:
        raise not_done("TEMPLATE_NOT_EXIST", "no such template of this mini-program")
    page = question.text("page")
    if not page.startswith("pages/"):
        raise not_done("INVALID_PARAMETER", "page begins with pages/")
    values = _values(question.text("data"), template)
    agreed = agreement(world, user.open_id, template.id)
    if not (agreed.for_good or agreed.left > 0):
        raise not_done("USER_NOT_SUBSCRIBE", "the user has not subscribed, or it is used up")
    if not agreed.for_good:
        keep_agreement(world, replace(agreed, left=agreed.left - 1))
    message = Sent(secrets.token_hex(16), user.open_id, template.id, values, page, world.clock.now())
    sent(world).put(message.id, message)
    return {}


def _user(world: World, question: Question) -> AlipayUser:
    """By either name, never by both."""
    names = [question.content.get(name) for name in ("to_open_id", "to_user_id")]
    open_id, user_id = (name if isinstance(name, str) and name else "" for name in names)
    if bool(open_id) == bool(user_id):
        raise not_done("INVALID_PARAMETER", "one of to_open_id and to_user_id")
    for user in Users(world.records).every():
        if (open_id and user.open_id == open_id) or (user_id and user.user_id == user_id):
            return user
    raise not_done("USER_NOT_EXIST", "no such user")


def _values(text: str, template: Template) -> dict[str, str]:
    """JSON text inside the JSON."""
    try:
        data = orjson.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict) or set(data) != set(template.keys):
        raise not_done("INVALID_PARAMETER", "data is the template's keywords as JSON text")
    values = {}
    for name, given in data.items():
        value = given.get("value") if isinstance(given, dict) else None
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
            raise not_done("INVALID_PARAMETER", f"{name} is not a text of at most {LONGEST} characters")
        values[name] = value
    return values
