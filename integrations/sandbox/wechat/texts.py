"""Without this module whatever a user writes would be fine: it plays "msgSecCheck" of version 2."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

from integrations.sandbox.front import Answer, Call
from integrations.sandbox.records import Shelf
from integrations.sandbox.text_words import judged, words_in
from integrations.sandbox.wechat.login import last_login
from integrations.sandbox.wechat.messages import Door, doors, passed
from integrations.sandbox.wechat.people import People
from integrations.sandbox.wechat.wire import WechatError, success, text
from integrations.sandbox.world import World

DOOR = "texts"
A_DAY = 2_000_000
LONGEST = 2500
RECENTLY = 2 * 3600
SCENES = range(1, 5)
PROFILE = 1
FIELDS = {"version", "openid", "scene", "content", "title", "nickname", "signature"}


@dataclass(frozen=True)
class Judged:
    """`body` is what was sent, character by character."""

    trace_id: str
    openid: str
    scene: int
    body: str
    suggest: str
    label: int


def judgements(world: World) -> Shelf[Judged]:
    return Shelf(world.records, "wechat_texts", Judged, keep=20_000)


def door(world: World) -> Door:
    return doors(world).get(DOOR) or Door(left=A_DAY)


def check(world: World, call: Call) -> Answer:
    present = door(world)
    content = passed(world, call, present)
    openid, scene = _asked(world, content)
    if present.left <= 0:
        raise WechatError(45009)
    if world.clock.now() - last_login(world, openid) > RECENTLY:
        raise WechatError(61010)
    doors(world).put(DOOR, replace(present, left=present.left - 1))
    body = call.body.decode()
    suggest, label = judged(body)
    one = Judged(secrets.token_hex(16), openid, scene, body, suggest, label)
    judgements(world).put(one.trace_id, one)
    strategy = {"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}
    detail = [strategy, *({**strategy, "strategy": "keyword", "keyword": word} for word in words_in(body))]
    told = {"result": {"suggest": suggest, "label": label}, "detail": detail, "trace_id": one.trace_id}
    return success(told)


def _asked(world: World, content: dict[str, Any]) -> tuple[str, int]:
    """Whom and where it is about; nothing but the documented fields, each as documented."""
    if set(content) - FIELDS or content.get("version") != 2:
        raise WechatError(40097, "version 2 and its fields")
    scene = content.get("scene")
    if type(scene) is not int or scene not in SCENES or ("signature" in content and scene != PROFILE):
        raise WechatError(40129)
    if len(text(content, "content", 47001)) > LONGEST:
        raise WechatError(47001, f"content is longer than {LONGEST}")
    openid = text(content, "openid", 40003)
    if People(world.records).find(openid) is None:
        raise WechatError(40003)
    return openid, scene
