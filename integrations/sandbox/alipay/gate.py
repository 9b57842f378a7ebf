"""Without this module the gateway would forgive: it reads the common parameters and checks them in Alipay's order."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

import orjson

from integrations.sandbox.alipay.live_keys import aes_key, aes_keys, app_keys, platform_key
from integrations.sandbox.alipay.wire import Declined, Seal, decrypt, is_signed_by, signed_text
from integrations.sandbox.clock import BEIJING
from integrations.sandbox.front import Call
from integrations.sandbox.world import World

LARGEST_SKEW = 600  # seconds; how far Alipay lets a clock be off is not published
REQUIRED = {
    "method": "isv.missing-method",
    "app_id": "isv.missing-app-id",
    "sign_type": "isv.missing-signature-type",
    "sign": "isv.missing-signature",
    "timestamp": "isv.missing-timestamp",
    "version": "isv.missing-version",
}


@dataclass(frozen=True)
class Question:
    """A call the gate let in. `content` is biz_content in clear, empty for methods that have none."""

    method: str
    parameters: Mapping[str, str]
    content: Mapping[str, Any]

    def text(self, name: str) -> str:
        return text_of(self.content, name)


def text_of(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise Declined("40004", "INVALID_PARAMETER", f"{name} missing or not text")
    return value


def read_parameters(call: Call) -> dict[str, str]:
    """Query and body together. A name in both is no mistake as long as both say the same."""
    parameters: dict[str, str] = {}
    try:
        for name, value in _pairs(call):
            if parameters.setdefault(name, value) != value:
                raise Declined("40002", "isv.invalid-parameter", f"{name} has two values")
    except UnicodeDecodeError:
        raise Declined("40002", "isv.invalid-charset", "the parameters are not UTF-8") from None
    return parameters


def check_caller(world: World, parameters: Mapping[str, str]) -> None:
    """Everything up to the signature; whoever fails here gets an unsigned answer. Raises Declined."""
    keys = world.keys.alipay
    for name, sub_code in REQUIRED.items():
        if not parameters.get(name):
            raise Declined("40001", sub_code, f"{name} missing")
    if parameters["app_id"] != keys.account.app_id:
        raise Declined("40002", "isv.invalid-app-id", "no such app")
    if parameters.get("format", "JSON").upper() != "JSON":
        raise Declined("40002", "isv.invalid-format", "format is JSON")
    if parameters.get("charset", "utf-8").lower() != "utf-8":
        raise Declined("40002", "isv.invalid-charset", "this sandbox reads utf-8 only")
    if parameters["sign_type"] != "RSA2":
        raise Declined("40002", "isv.invalid-signature-type", "sign_type is RSA2")
    if parameters["version"] != "1.0":
        raise Declined("40002", "isv.invalid-version", "version is 1.0")
    _check_timestamp(parameters["timestamp"])
    text = signed_text(parameters)
    live = app_keys(world)
    shown = parameters.get("app_cert_sn", "")
    signers = [live[shown]] if shown in live else live.values()
    if not any(is_signed_by(key, text, parameters["sign"]) for key in signers):
        raise Declined("40002", "isv.invalid-signature", f"验签出错，网关用于验签的内容为：{text}")


def check_certificates(world: World, parameters: Mapping[str, str]) -> None:
    """Certificate mode is chosen by the call itself; then both serials have to be right. The sub code is our own."""
    keys = world.keys.alipay
    app, root = parameters.get("app_cert_sn", ""), parameters.get("alipay_root_cert_sn", "")
    if (app or root) and (app not in app_keys(world) or root != keys.root_cert_sn):
        raise Declined("40002", "isv.invalid-cert-sn", "app_cert_sn or alipay_root_cert_sn is wrong")


def seal_for(world: World, parameters: Mapping[str, str]) -> Seal:
    """Answers are closed as they were asked for: plain or AES, with the platform's key or a certificate's."""
    keys = world.keys.alipay
    secret = aes_key(world) if parameters.get("encrypt_type") == "AES" else ""
    if not parameters.get("app_cert_sn"):
        return Seal(platform_key(world), aes_key=secret)
    shown = keys.renewed if world.dice.now.alipay_new_certificate else keys.certified
    return Seal(shown.key, shown.sn, secret)


def question_of(world: World, parameters: Mapping[str, str]) -> Question:
    content = parameters.get("biz_content", "")
    encrypt_type = parameters.get("encrypt_type", "")
    if encrypt_type not in {"", "AES"}:
        raise Declined("40002", "isv.invalid-encrypt-type", "encrypt_type is AES")
    try:
        if content and encrypt_type:
            content = _decrypted(world, content)
    except ValueError:
        raise Declined("40002", "isv.decryption-error-unknown", "biz_content cannot be decrypted") from None
    try:
        known = orjson.loads(content) if content else {}
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise Declined("40002", "isv.invalid-parameter", "biz_content is not a JSON object")
    return Question(parameters["method"], parameters, known)


def _decrypted(world: World, content: str) -> str:
    """Raises ValueError."""
    *others, last = aes_keys(world)
    for key in others:
        with suppress(ValueError):
            if (opened := decrypt(key, content)).startswith("{"):
                return opened
    return decrypt(last, content)


def _check_timestamp(text: str) -> None:
    """Beijing's clock on the wall, without a zone. Signatures keep the real time, whatever the sandbox's clock says."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).timestamp()
    except ValueError:
        raise Declined("40002", "isv.invalid-timestamp", "timestamp is yyyy-MM-dd HH:mm:ss") from None
    if len(text) != 19 or abs(moment - time.time()) > LARGEST_SKEW:
        raise Declined("40002", "isv.invalid-timestamp", "timestamp is too far from Beijing time")


def _pairs(call: Call) -> Iterator[tuple[str, str]]:
    yield from _form(call.target.partition("?")[2].encode("latin-1"))
    kind = call.headers.get("content-type", "")
    if kind.lower().startswith("multipart/form-data"):
        yield from _parts(kind, call.body)
    else:
        yield from _form(call.body)


def _form(raw: bytes) -> list[tuple[str, str]]:
    return parse_qsl(raw.decode(), keep_blank_values=True, encoding="utf-8", errors="strict")


def _parts(kind: str, body: bytes) -> Iterator[tuple[str, str]]:
    """Files are left out: they are not signed (protocol 1.2)."""
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    for part in message.iter_parts():
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if part.get_filename() is None and isinstance(name, str) and isinstance(content, bytes):
            yield name, content.decode()
