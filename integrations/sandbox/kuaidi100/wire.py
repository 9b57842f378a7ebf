"""Without this module Kuaidi100 could neither read a form, check a signature nor refuse by returnCode."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qsl

import orjson

from integrations.sandbox.front import Answer, Call, Provider, Refused

JSON = {"content-type": "application/json;charset=UTF-8"}
HASHES = {"MD5": hashlib.md5, "SHA256": hashlib.sha256}


class TrackError(Refused):
    """Kuaidi100 enterprise API: `{result: false, returnCode, message}` with HTTP 200."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(failure(code, message))


def failure(code: str, message: str) -> Answer:
    body = orjson.dumps({"result": False, "returnCode": code, "message": message})
    return Answer(200, body, JSON, f"returnCode {code}: {message}")


def success(content: Any) -> Answer:
    return Answer(200, orjson.dumps(content), JSON)


def posted_form(call: Call, wrong_code: str) -> dict[str, str]:
    """The form as decoded once; what was signed is exactly this text."""
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.method != "POST" or kind != "application/x-www-form-urlencoded":
        raise TrackError(wrong_code, "请以表单POST提交")
    try:
        return dict(parse_qsl(call.body.decode(), keep_blank_values=True, errors="strict"))
    except ValueError:
        raise TrackError(wrong_code, "表单编码错误") from None


def read_param(form: dict[str, str], wrong_code: str) -> dict[str, Any]:
    try:
        content = orjson.loads(form.get("param", ""))
    except ValueError:
        raise TrackError(wrong_code, "param不是有效的JSON") from None
    if not isinstance(content, dict):
        raise TrackError(wrong_code, "param不是JSON对象")
    return content


def text(content: dict[str, Any], name: str) -> str:
    """A field as text; numbers are taken too, as the real side does."""
    value = content.get(name)
    return str(value).strip() if isinstance(value, str | int) else ""


def digest(message: str, kind: str = "MD5") -> str:
    """Upper-case hexadecimal over UTF-8, the only form Kuaidi100 signs in."""
    return HASHES[kind](message.encode()).hexdigest().upper()


KUAIDI100 = Provider(
    "kuaidi100",
    # Not 501: on a query it is a server error, on a subscription it means "already subscribed".
    failures=(
        failure("502", "服务器繁忙"),
        Answer(502, b"<html><body>502 Bad Gateway</body></html>", {"content-type": "text/html"}, "502"),
    ),
)
