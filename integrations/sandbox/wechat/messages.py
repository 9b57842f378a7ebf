"""Without this module no message would reach a phone: it plays "subscribeMessage.send" and keeps what was sent."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

from integrations.sandbox.front import Answer, Call
from integrations.sandbox.records import Shelf
from integrations.sandbox.wechat.people import People
from integrations.sandbox.wechat.tokens import check_token
from integrations.sandbox.wechat.values import is_taken
from integrations.sandbox.wechat.wire import WechatError, posted_json, require_get, success, text
from integrations.sandbox.world import World

ONLY = "only"
PAGES = frozenset(
    {
        "pages/index/index",
        "pages/booking/detail",
        "pages/booking/credit",
        "pages/ticket/detail",
        "pages/case/detail",
        "pages/bill/detail",
        "pages/parcel/detail",
        "pages/link/index",
        "pages/account/index",
        "pages/account/mandates",
    }
)
"""Of the published version."""

STATES = {"formal", "trial", "developer"}
LANGUAGES = {"zh_CN", "en_US", "zh_HK", "zh_TW"}
A_DAY = 30_000_000


@dataclass(frozen=True)
class Template:
    """Of our own list; `keys` are all needed. `long_term` is open to public services only."""

    id: str
    keys: list[str]
    long_term: bool = False
    title: str = ""


@dataclass(frozen=True)
class Agreed:
    """What one user agreed to for one template: accepts not used yet, or for good."""

    openid: str
    template: str
    left: int = 0
    for_good: bool = False
    off: bool = False


@dataclass(frozen=True)
class Sent:
    msgid: int
    openid: str
    template: str
    values: dict[str, str]
    page: str
    lang: str
    state: str
    at: float


@dataclass(frozen=True)
class Door:
    """What the endpoint does to everybody: `open`, `busy` (-1), or `unauthorised`; `left` of the day's quota."""

    state: str = "open"
    left: int = A_DAY


def templates(world: World) -> Shelf[Template]:
    return Shelf(world.records, "wechat_templates", Template, keep=2000)


def agreements(world: World) -> Shelf[Agreed]:
    return Shelf(world.records, "wechat_agreements", Agreed, keep=50_000)


def sent(world: World) -> Shelf[Sent]:
    return Shelf(world.records, "wechat_sent", Sent, keep=50_000)


def doors(world: World) -> Shelf[Door]:
    return Shelf(world.records, "wechat_message_door", Door, keep=8)


def door(world: World) -> Door:
    return doors(world).get(ONLY) or Door()


def agreement(world: World, openid: str, template: str) -> Agreed:
    return agreements(world).get(f"{openid} {template}") or Agreed(openid, template)


def keep_agreement(world: World, agreed: Agreed) -> None:
    agreements(world).put(f"{agreed.openid} {agreed.template}", agreed)


def passed(world: World, call: Call, door: Door) -> dict[str, Any]:
    """What is said at a door, by who comes with a token while it is open."""
    check_token(world, call)
    if door.state == "busy":
        raise WechatError(-1)
    if door.state == "unauthorised":
        raise WechatError(48001)
    return posted_json(call)


def send(world: World, call: Call) -> Answer:
    """The order of the checks is the platform's: token, user, template, values, page, quota, consent."""
    present = door(world)
    content = passed(world, call, present)
    openid = text(content, "touser", 40003)
    if People(world.records).find(openid) is None:
        raise WechatError(40003)
    template = templates(world).get(text(content, "template_id", 40037))
    if template is None:
        raise WechatError(40037)
    values = _values(content, template)
    page = _page(content)
    if content.get("miniprogram_state", "formal") not in STATES or content.get("lang", "zh_CN") not in LANGUAGES:
        raise WechatError(40097)
    if present.left <= 0:
        raise WechatError(45009)
    _spend(world, openid, template)
    doors(world).put(ONLY, replace(present, left=present.left - 1))
    message = Sent(
        msgid=secrets.randbelow(9 * 10**17) + 10**17,
        openid=openid,
        template=template.id,
        values=values,
        page=page,
        lang=content.get("lang", "zh_CN"),
        state=content.get("miniprogram_state", "formal"),
        at=world.clock.now(),
    )
    sent(world).put(str(message.msgid), message)
    return success({"msgid": message.msgid})


def list_templates(world: World, call: Call) -> Answer:
    """getMessageTemplateList: our own list."""
    require_get(call)
    check_token(world, call)
    shown = [
        {
            "priTmplId": template.id,
            "title": template.title,
            "content": "\n".join(f"{key}:{{{{{key}.DATA}}}}" for key in template.keys),
            "example": "",
            "type": 3 if template.long_term else 2,
        }
        for template in templates(world).every()
    ]
    return success({"data": shown})


def _values(content: dict[str, Any], template: Template) -> dict[str, str]:
    data = content.get("data")
    if not isinstance(data, dict) or set(data) != set(template.keys):
        raise WechatError(47003, "data does not have the keywords of the template")
    values = {}
    for name, given in data.items():
        value = given.get("value") if isinstance(given, dict) else None
        if not is_taken(name, value):
            raise WechatError(47003, f"data.{name}.value is invalid")
        values[name] = str(value)
    return values


def _page(content: dict[str, Any]) -> str:
    page = content.get("page", "")
    if not isinstance(page, str) or (page and page.partition("?")[0] not in PAGES):
        raise WechatError(41030)
    return page


def _spend(world: World, openid: str, template: Template) -> None:
    agreed = agreement(world, openid, template.id)
    if agreed.off or not (agreed.for_good or agreed.left > 0):
        raise WechatError(43101)
    if not agreed.for_good:
        keep_agreement(world, replace(agreed, left=agreed.left - 1))
