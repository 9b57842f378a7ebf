"""Without this module nobody could be recognised in Alipay: authorisation codes and what they are changed for."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

from integrations.sandbox.alipay.gate import Question
from integrations.sandbox.alipay.people import AlipayUser, Users
from integrations.sandbox.alipay.wire import Declined
from integrations.sandbox.clock import beijing
from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World

CODE_LIFE = 300  # a day at most according to Alipay; whoever relies on more than minutes shall notice
TOKEN_LIFE = 15 * 86400
REFRESH_LIFE = 30 * 86400


@dataclass(frozen=True)
class AuthCode:
    """What `my.getAuthCode` gives to the mini-program: good once, for five minutes."""

    text: str
    open_id: str
    issued: float
    used: float = 0.0


@dataclass(frozen=True)
class Grant:
    """A refresh token; the next one takes its place."""

    refresh_token: str
    open_id: str
    issued: float
    spent: float = 0.0


def codes(world: World) -> Shelf[AuthCode]:
    return Shelf(world.records, "alipay_codes", AuthCode, keep=5000)


def make_code(world: World, user: AlipayUser) -> AuthCode:
    code = AuthCode(secrets.token_hex(16), user.open_id, world.clock.now())
    codes(world).put(code.text, code)
    return code


def token(world: World, question: Question) -> dict[str, Any]:
    """alipay.system.oauth.token: parameters at the top level, and an answer without `code`."""
    kind = question.parameters.get("grant_type")
    if kind == "authorization_code":
        return _granted(world, _use_code(world, question.parameters.get("code", "")))
    if kind == "refresh_token":
        return _granted(world, _spend(world, question.parameters.get("refresh_token", "")))
    raise Declined("40002", "isv.grant-type-invalid", "grant_type is authorization_code or refresh_token")


def _use_code(world: World, shown: str) -> AlipayUser:
    now = world.clock.now()
    code = codes(world).get(shown)
    user = Users(world.records).find(code.open_id) if code else None
    if code is None or user is None or code.used or now - code.issued > CODE_LIFE:
        raise Declined("40002", "isv.code-invalid", "授权码code无效")
    codes(world).put(code.text, replace(code, used=now))
    return user


def _spend(world: World, shown: str) -> AlipayUser:
    now = world.clock.now()
    grant = _grants(world).get(shown)
    user = Users(world.records).find(grant.open_id) if grant else None
    if grant is None or user is None or grant.spent:
        raise Declined("40002", "isv.refresh-token-invalid", "刷新令牌refresh_token无效")
    if now - grant.issued > REFRESH_LIFE:
        raise Declined("40002", "isv.refresh-token-time-out", "刷新令牌refresh_token超时")
    _grants(world).put(grant.refresh_token, replace(grant, spent=now))
    return user


def _granted(world: World, user: AlipayUser) -> dict[str, Any]:
    """An old app is told the user_id, a migrating one both, a new one the open_id only."""
    now = world.clock.now()
    grant = Grant("authbseB" + secrets.token_hex(16), user.open_id, now)
    _grants(world).put(grant.refresh_token, grant)
    told: dict[str, Any] = {
        "access_token": "authbseB" + secrets.token_hex(16),
        "auth_start": beijing(now),
        "expires_in": TOKEN_LIFE,
        "re_expires_in": REFRESH_LIFE,
        "refresh_token": grant.refresh_token,
    }
    shown = world.dice.now.alipay_ids
    if shown != "user_id":
        told["open_id"] = user.open_id
    if shown != "open_id":
        told["user_id"] = user.user_id
    return told


def _grants(world: World) -> Shelf[Grant]:
    return Shelf(world.records, "alipay_grants", Grant, keep=5000)
