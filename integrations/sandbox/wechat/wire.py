"""Without this module the mini-program API would not sound like itself: HTTP 200 always, the verdict in `errcode`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import orjson

from integrations.sandbox.front import Answer, Call, Provider, Refused

JSON = {"content-type": "application/json; charset=utf-8"}

MEANINGS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40029: "invalid code",
    40037: "invalid template_id",
    40097: "invalid args",
    40129: "invalid scene",
    40125: "invalid appsecret",
    40163: "code been used",
    40165: "invalid path",
    40212: "invalid query",
    40226: "code blocked",
    41001: "access_token missing",
    41030: "invalid page",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43101: "user refuse to accept the msg",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    61010: "code is expired",
    85400: "links without an end are not made",
    85401: "invalid expire_time or expire_interval",
    87009: "invalid signature",
    10060001: "pay order not exist",
    10060003: "pay order has used its reshipping chance",
    10060004: "pay order cannot be shipped in its state",
    10060014: "param error",
    10060031: "pay order does not belong to openid",
}


class WechatError(Refused):
    """Global return codes of the mini-program server API, as `{errcode, errmsg}` with HTTP 200."""

    def __init__(self, errcode: int, hint: str = "") -> None:
        super().__init__(failure(errcode, hint))


def failure(errcode: int, hint: str = "") -> Answer:
    rid = f"{secrets.token_hex(4)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
    message = f"{MEANINGS[errcode]}{', hint: ' + hint if hint else ''} rid: {rid}"
    body = orjson.dumps({"errcode": errcode, "errmsg": message})
    return Answer(200, body, JSON, f"errcode {errcode}{': ' + hint if hint else ''}")


def success(content: Mapping[str, Any], *, with_errcode: bool = True) -> Answer:
    """Login answers leave out `errcode` when all is well; most others say 0."""
    told = {"errcode": 0, "errmsg": "ok", **content} if with_errcode else dict(content)
    return Answer(200, orjson.dumps(told), JSON)


def require_get(call: Call) -> None:
    if call.method != "GET":
        raise WechatError(43001)


def posted_json(call: Call) -> dict[str, Any]:
    """The body of a POST, whatever its Content-Type says."""
    if call.method != "POST":
        raise WechatError(43002)
    if not call.body:
        raise WechatError(44002)
    try:
        content = orjson.loads(call.body)
    except ValueError:
        raise WechatError(47001) from None
    if not isinstance(content, dict):
        raise WechatError(47001)
    return content


def text(content: Mapping[str, Any], name: str, missing: int = 40097) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise WechatError(missing, f"{name} missing or not a string")
    return value


WECHAT = Provider(
    "wechat",
    failures=(
        failure(-1),
        Answer(502, b"<html><body>502 Bad Gateway</body></html>", {"content-type": "text/html"}, "502"),
    ),
)
