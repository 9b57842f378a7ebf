"""Without this module nothing would open the mini-program from outside: it makes URL links and draws codes."""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from typing import Any

import orjson
import segno
from PIL import Image

from integrations.sandbox.front import Answer, Call
from integrations.sandbox.records import Shelf
from integrations.sandbox.wechat.messages import ONLY, PAGES, Door, passed
from integrations.sandbox.wechat.wire import JSON, WechatError, success
from integrations.sandbox.world import World

VERSIONS = {"release", "trial", "develop"}
SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
QUERY = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~%]{0,1024}")
A_DAY = 86_400
LONGEST_DAYS = 30


@dataclass(frozen=True)
class UrlLink:
    url: str
    path: str
    query: str
    version: str
    made: float
    expires: float


def links(world: World) -> Shelf[UrlLink]:
    return Shelf(world.records, "wechat_links", UrlLink, keep=20_000)


def doors(world: World) -> Shelf[Door]:
    """What both endpoints do to everybody, as at messages; `left` of what may be made."""
    return Shelf(world.records, "wechat_link_door", Door, keep=8)


def generate_url_link(world: World, call: Call) -> Answer:
    content = passed(world, call, _door(world))
    path, query = content.get("path", ""), content.get("query", "")
    if not isinstance(path, str) or (path and path not in PAGES):
        raise WechatError(40165, "no leading slash, no query, and in the published version")
    if not isinstance(query, str) or not QUERY.fullmatch(query):
        raise WechatError(40212)
    token, now = secrets.token_urlsafe(8), world.clock.now()
    link = UrlLink(
        url=f"{world.base_url}/urllink/{token}",
        path=path,
        query=query,
        version=_version(content),
        made=now,
        expires=_expiry(content, now),
    )
    _spend(world)
    links(world).put(token, link)
    return success({"url_link": link.url})


def open_url_link(world: World, call: Call) -> Answer:
    """What a phone does with it, as a test can read it: which page it opens, with which query."""
    link = links(world).get(call.variables["token"])
    if link is None or world.clock.now() >= link.expires:
        return Answer(404, orjson.dumps({"error": "no such link, or it has ended"}), JSON, "ended")
    return Answer(200, orjson.dumps({"appid": world.keys.account.wechat_app_id, **asdict(link)}), JSON)


def draw_code(world: World, call: Call) -> Answer:
    content = passed(world, call, _door(world))
    scene, page, width = content.get("scene"), content.get("page", ""), content.get("width", 430)
    if not isinstance(scene, str) or not SCENE.fullmatch(scene):
        raise WechatError(40129)
    is_path = isinstance(page, str) and not page.startswith("/") and "?" not in page
    if not is_path or (content.get("check_path", True) and page and page not in PAGES):
        raise WechatError(41030)
    if type(width) is not int or not 280 <= width <= 1280:
        raise WechatError(40097, "width is 280 to 1280")
    _version(content)
    _spend(world)
    return _picture(scene, width, see_through=content.get("is_hyaline") is True)


def _version(content: dict[str, Any]) -> str:
    version = content.get("env_version", "release")
    if version not in VERSIONS:
        raise WechatError(40097, "env_version")
    return str(version)


def _expiry(content: dict[str, Any], now: float) -> float:
    """Every link ends; one that nobody gave an end to does so after thirty days (our reading)."""
    if content.get("is_expire") is False:
        raise WechatError(85400)
    if content.get("expire_type", 0) == 1:
        days = content.get("expire_interval")
        if type(days) is not int or not 1 <= days <= LONGEST_DAYS:
            raise WechatError(85401)
        return now + days * A_DAY
    until = content.get("expire_time", int(now) + LONGEST_DAYS * A_DAY)
    if type(until) is not int or not now < until <= now + LONGEST_DAYS * A_DAY:
        raise WechatError(85401)
    return float(until)


def _door(world: World) -> Door:
    return doors(world).get(ONLY) or Door()


def _spend(world: World) -> None:
    door = _door(world)
    if door.left <= 0:
        raise WechatError(45009)
    doors(world).put(ONLY, replace(door, left=door.left - 1))


def _picture(scene: str, width: int, *, see_through: bool) -> Answer:
    """A QR code of the scene, which is also the comment of a JPEG, for whoever has no eyes for codes."""
    drawn, told = BytesIO(), BytesIO()
    segno.make_qr(scene).save(drawn, kind="png", scale=10)
    drawn.seek(0)
    image = Image.open(drawn).convert("L").resize((width, width))
    if see_through:
        image.save(told, "PNG")
        return Answer(200, told.getvalue(), {"content-type": "image/png"})
    image.save(told, "JPEG", comment=scene.encode())
    return Answer(200, told.getvalue(), {"content-type": "image/jpeg"})
