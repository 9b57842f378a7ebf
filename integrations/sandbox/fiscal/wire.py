"""Without this module the fiscal platform could neither refuse in its own words nor sign what it says."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from integrations.sandbox.front import Answer, Provider, Refused
from integrations.sandbox.world import World

JSON = {"content-type": "application/json; charset=utf-8"}


class FiscalError(Refused):
    """A refusal: `{code, message}`, signed like any other answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        body = orjson.dumps({"code": code, "message": message})
        super().__init__(Answer(status, body, JSON, f"{code}: {message}"))


def told(content: Mapping[str, Any]) -> Answer:
    return Answer(200, orjson.dumps(content), JSON)


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def signed(world: World, answer: Answer, nonce: str) -> Answer:
    """Over status, clock, the nonce of the request and the hash of the body."""
    timestamp = str(int(time.time()))
    message = f"{answer.status}\n{timestamp}\n{nonce}\n{digest(answer.body)}\n".encode()
    signature = base64.b64encode(world.keys.fiscal.platform.sign(message, PKCS1v15(), SHA256())).decode()
    headers = {**answer.headers, "Fiscal-Timestamp": timestamp, "Fiscal-Signature": signature}
    return replace(answer, headers=headers)


def is_signed_by(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _missigned(answer: Answer) -> Answer:
    """The right length, the wrong signature: half of it turned round."""
    headers = dict(answer.headers)
    if signature := headers.get("Fiscal-Signature"):
        headers["Fiscal-Signature"] = signature[:100][::-1] + signature[100:]
    return replace(answer, headers=headers)


FISCAL = Provider(
    "fiscal",
    failures=(
        Answer(500, b'{"code":"SYSTEM_ERROR","message":""}', JSON, "500"),
        Answer(502, b"<html><body>502 Bad Gateway</body></html>", {"content-type": "text/html"}, "502"),
    ),
    missign=_missigned,
)
