"""Without this module the post's side could neither open what it is sent nor refuse by retCode."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qsl

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from integrations.sandbox.front import Answer, Call, Provider, Refused

PREFIX = "|$4|"
JSON = {"content-type": "application/json;charset=UTF-8"}
FIELDS = ("apiCode", "senderNo", "authorization", "msgType", "timeStamp", "version", "logitcsInterface")


class EmsError(Refused):
    """Open platform: `{retCode, retMsg, retBody, success: false}` with HTTP 200."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(failure(code, message))


def failure(code: str, message: str) -> Answer:
    body = orjson.dumps({"retCode": code, "retMsg": message, "retBody": "", "success": False})
    return Answer(200, body, JSON, f"retCode {code}: {message}")


def success(items: list[dict[str, Any]]) -> Answer:
    """`retBody` is JSON as text."""
    inner = orjson.dumps({"responseItems": items}).decode()
    body = orjson.dumps({"retCode": "00000", "retMsg": "成功", "retBody": inner, "success": True})
    return Answer(200, body, JSON)


def posted_form(call: Call) -> dict[str, str]:
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.method != "POST" or kind != "application/x-www-form-urlencoded":
        raise EmsError("B0009", "请以表单POST提交")
    form = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
    missing = [name for name in FIELDS if not form.get(name)]
    if missing:
        raise EmsError("B0009", f"缺少{missing[0]}")
    return form


def decrypted(sealed: str, key: str) -> Any:
    """The JSON of a body; its prefix and the key at its end are both checked."""
    if not sealed.startswith(PREFIX):
        raise EmsError("E0003", "报文前缀错误")
    try:
        decryptor = Cipher(algorithms.SM4(base64.b64decode(key)), modes.ECB()).decryptor()  # noqa: S305 - theirs
        raw = decryptor.update(base64.b64decode(sealed[len(PREFIX) :])) + decryptor.finalize()
        text = raw[: -raw[-1]].decode()
    except (ValueError, IndexError):
        raise EmsError("E0003", "报文解密失败") from None
    if not text.endswith(key):
        raise EmsError("E0003", "报文密钥校验失败")
    try:
        return orjson.loads(text[: -len(key)])
    except ValueError:
        raise EmsError("B0009", "报文不是JSON") from None


def encrypted(content: object, key: str) -> str:
    raw = (orjson.dumps(content).decode() + key).encode()
    pad = 16 - len(raw) % 16
    encryptor = Cipher(algorithms.SM4(base64.b64decode(key)), modes.ECB()).encryptor()  # noqa: S305 - theirs
    return PREFIX + base64.b64encode(encryptor.update(raw + bytes([pad]) * pad) + encryptor.finalize()).decode()


def text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    return str(value).strip() if isinstance(value, str | int) else ""


def subject(call: Call) -> str:
    return dict(parse_qsl(call.body.decode(errors="replace"))).get("apiCode", "")


EMS = Provider(
    "ems",
    failures=(
        failure("S0001", "系统繁忙"),
        Answer(502, b"<html><body>502 Bad Gateway</body></html>", {"content-type": "text/html"}, "502"),
    ),
    subject=subject,
)
