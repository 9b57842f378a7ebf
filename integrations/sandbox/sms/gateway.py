"""Without this module the gateway would send anything to anybody: it checks a message as a carrier would."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any

import orjson

from integrations.sandbox.front import Answer, Call
from integrations.sandbox.records import Shelf
from integrations.sandbox.sms.wire import SmsError, told
from integrations.sandbox.world import World

MOBILE = re.compile(r"1[3-9]\d{9}")
REFERENCE = re.compile(r"[0-9A-Za-z-]{8,64}")
LONGEST = 35


@dataclass(frozen=True)
class Template:
    """A sentence the carrier approved; words in braces are parameters."""

    id: str
    text: str


@dataclass(frozen=True)
class Number:
    """A number that wants nothing any more (退订), or that nobody has."""

    unsubscribed: bool = False
    dead: bool = False


@dataclass(frozen=True)
class Sent:
    id: str
    reference: str
    mobile: str
    text: str
    at: float


def templates(world: World) -> Shelf[Template]:
    return Shelf(world.records, "sms_templates", Template, keep=1000)


def numbers(world: World) -> Shelf[Number]:
    return Shelf(world.records, "sms_numbers", Number, keep=20_000)


def sent(world: World) -> Shelf[Sent]:
    """By our reference: what was sent once is not sent again."""
    return Shelf(world.records, "sms_sent", Sent, keep=50_000)


def send(world: World, call: Call) -> Answer:
    content = _object(call.body)
    reference, mobile = _text(content, "reference"), _text(content, "mobile")
    if not REFERENCE.fullmatch(reference):
        raise SmsError(400, "PARAMETERS_INVALID", "reference应为8至64位字母、数字或连字符")
    known = sent(world).get(reference)
    if known is not None:
        return told({"id": known.id})
    if not MOBILE.fullmatch(mobile):
        raise SmsError(400, "NUMBER_INVALID", "不是手机号")
    if (numbers(world).get(mobile) or Number()).unsubscribed:
        raise SmsError(403, "NUMBER_UNSUBSCRIBED", "用户已退订")
    template = templates(world).get(_text(content, "template"))
    if template is None:
        raise SmsError(400, "TEMPLATE_UNKNOWN", "模板不存在或未审核通过")
    message = Sent(secrets.token_hex(12), reference, mobile, _filled(template, content), world.clock.now())
    sent(world).put(reference, message)
    return told({"id": message.id})


def health(_: World, __: Call) -> Answer:
    return told({})


def _filled(template: Template, content: dict[str, Any]) -> str:
    given = content.get("parameters")
    wanted = set(re.findall(r"\{(\w+)\}", template.text))
    if not isinstance(given, dict) or set(given) != wanted:
        raise SmsError(400, "PARAMETERS_INVALID", "参数与模板不符")
    for value in given.values():
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST or "\n" in value:
            raise SmsError(400, "PARAMETERS_INVALID", f"参数应为1至{LONGEST}字")
    return template.text.format(**given)


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise SmsError(400, "NOT_JSON", "请求不是JSON对象")
    return content


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str):
        raise SmsError(400, "PARAMETERS_INVALID", f"{name}应为字符串")
    return value
