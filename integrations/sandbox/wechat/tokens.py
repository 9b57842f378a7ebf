"""Without this module anybody could call the mini-program API: it issues access tokens and judges those shown."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from integrations.sandbox.front import Answer, Call
from integrations.sandbox.records import Shelf
from integrations.sandbox.wechat.wire import WechatError, posted_json, require_get, success
from integrations.sandbox.world import World

LIFE = 7200
OVERLAP = 300
FORCED_GAP = 30
FORCED_A_DAY = 20
DAY = 86400
STABLE, LEGACY = "stable", "legacy"


@dataclass(frozen=True)
class Token:
    text: str
    family: str
    issued: float
    expires: float
    killed: bool = False


@dataclass(frozen=True)
class ForcedRefreshes:
    times: list[float]


def shelf(world: World) -> Shelf[Token]:
    return Shelf(world.records, "tokens", Token, keep=500)


def stable_token(world: World, call: Call) -> Answer:
    """getStableAccessToken: the same token until its last five minutes; `force_refresh` kills the old one."""
    content = posted_json(call)
    _check_account(world, content)
    now = world.clock.now()
    newest = _newest(world, STABLE)
    force = content.get("force_refresh", False)
    if not isinstance(force, bool):
        raise WechatError(47001, "force_refresh is not a boolean")
    if force:
        newest = _forced(world, newest, now)
    elif newest is None or newest.killed or newest.expires - now <= OVERLAP:
        newest = _issue(world, STABLE, now)
    return _told(newest, now)


def legacy_token(world: World, call: Call) -> Answer:
    """getAccessToken: every call makes a new token, the one before lives five more minutes."""
    require_get(call)
    _check_account(world, call.query)
    now = world.clock.now()
    previous = _newest(world, LEGACY)
    if previous is not None and previous.expires > now + OVERLAP:
        shelf(world).put(previous.text, replace(previous, expires=now + OVERLAP))
    return _told(_issue(world, LEGACY, now), now)


def check_token(world: World, call: Call) -> None:
    shown = call.query.get("access_token", "")
    if not shown:
        raise WechatError(41001)
    token = shelf(world).get(shown)
    if token is None or token.killed or token.issued > world.clock.now():
        raise WechatError(40001)
    if token.expires <= world.clock.now():
        raise WechatError(42001)


def _check_account(world: World, shown: Mapping[str, Any]) -> None:
    account = world.keys.account
    if shown.get("grant_type") != "client_credential":
        raise WechatError(40002)
    if not shown.get("appid"):
        raise WechatError(41002)
    if shown["appid"] != account.wechat_app_id:
        raise WechatError(40013)
    if not shown.get("secret"):
        raise WechatError(41004)
    if shown["secret"] != account.wechat_app_secret:
        raise WechatError(40001, "invalid appsecret")


def _forced(world: World, newest: Token | None, now: float) -> Token:
    log = Shelf(world.records, "forced_refreshes", ForcedRefreshes, keep=8)
    before = log.get(STABLE) or ForcedRefreshes([])
    times = [moment for moment in before.times if moment > now - DAY]
    if newest is not None and times and now - times[-1] < FORCED_GAP:
        return newest
    if len(times) >= FORCED_A_DAY:
        raise WechatError(45009)
    log.put(STABLE, ForcedRefreshes([*times, now]))
    for token in shelf(world).every():
        if token.family == STABLE:
            shelf(world).put(token.text, replace(token, killed=True))
    return _issue(world, STABLE, now)


def _newest(world: World, family: str) -> Token | None:
    """Of what was issued by now: whoever turns the clock back has undone the rest."""
    known = (token for token in reversed(shelf(world).every()) if token.issued <= world.clock.now())
    return next((token for token in known if token.family == family), None)


def _issue(world: World, family: str, now: float) -> Token:
    number = f"{1 if family == STABLE else 2}0_"
    token = Token(number + secrets.token_urlsafe(90), family, now, now + LIFE)
    shelf(world).put(token.text, token)
    return token


def _told(token: Token, now: float) -> Answer:
    left = int(token.expires - now)
    return success({"access_token": token.text, "expires_in": left}, with_errcode=False)
