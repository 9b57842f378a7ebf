"""Without this module WeChat Pay could neither refuse in its own words nor sign what it grants."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from integrations.sandbox.front import Answer, Provider, Refused
from integrations.sandbox.key_files import ALPHANUMERIC

JSON = {"content-type": "application/json; charset=utf-8"}
SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
SIGN_TEST = "WECHATPAY/SIGNTEST/"


class PayError(Refused):
    """WeChat Pay API v3, error body: `{code, message, detail}`, never signed. `field` is a JSON pointer."""

    def __init__(self, status: int, code: str, message: str, **detail: Any) -> None:
        super().__init__(refusal(status, code, message, detail))


def refusal(status: int, code: str, message: str, detail: Mapping[str, Any] | None = None) -> Answer:
    body: dict[str, Any] = {"code": code, "message": message}
    if detail:
        body["detail"] = dict(detail)
    headers = {**JSON, "Request-ID": request_id()}
    where = f" {detail['field']}" if detail and "field" in detail else ""
    return Answer(status, orjson.dumps(body), headers, f"{code}{where}: {message}")


def wrong(field: str, value: Any, issue: str, location: str = "body") -> PayError:
    shown = value if isinstance(value, str | int | float | bool) else None
    message = f"输入源“/{location}{field}”：{issue}"
    return PayError(400, "PARAM_ERROR", message, field=field, value=shown, issue=issue, location=location)


def sign_error(issue: str) -> PayError:
    return PayError(401, "SIGN_ERROR", issue, field="signature", issue=issue, location="authorization")


def signed(answer: Answer, serial: str, key: RSAPrivateKey) -> Answer:
    """Response signature of API v3, also for 204."""
    return replace(answer, headers={**answer.headers, **signature_headers(key, serial, answer.body)})


def signature_headers(key: RSAPrivateKey, serial: str, body: bytes, *, moment: float | None = None) -> dict[str, str]:
    """The Wechatpay-* headers of a response or notification over exactly these bytes."""
    timestamp = str(int(time.time() if moment is None else moment))
    nonce = "".join(secrets.choice(ALPHANUMERIC) for _ in range(32))
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature": sign(key, f"{timestamp}\n{nonce}\n".encode() + body + b"\n"),
        "Wechatpay-Signature-Type": SIGNATURE_TYPE,
        "Request-ID": request_id(),
    }


def sign(key: RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def is_signed_by(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def wrap(api_v3_key: str, plaintext: bytes, associated_data: str) -> dict[str, str]:
    """AEAD_AES_256_GCM as notifications and /v3/certificates carry it."""
    nonce = "".join(secrets.choice(ALPHANUMERIC) for _ in range(12))
    sealed = AESGCM(api_v3_key.encode()).encrypt(nonce.encode(), plaintext, associated_data.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(sealed).decode(),
        "associated_data": associated_data,
        "nonce": nonce,
    }


def told(content: Mapping[str, Any]) -> Answer:
    return Answer(200, orjson.dumps(content), JSON)


def request_id() -> str:
    return f"08{secrets.token_hex(10).upper()}-0"


def _missigned(answer: Answer) -> Answer:
    """SIGNTEST: at random the platform signs so that only a real verification notices."""
    headers = dict(answer.headers)
    if "Wechatpay-Signature" in headers:
        headers["Wechatpay-Signature"] = SIGN_TEST + headers["Wechatpay-Signature"]
    return replace(answer, headers=headers)


WECHAT_PAY = Provider(
    "wechat_pay",
    failures=(
        refusal(500, "SYSTEM_ERROR", "系统异常，请稍后重试"),
        refusal(503, "SERVICE_UNAVAILABLE", "服务不可用"),
        Answer(502, b"<html><body>502 Bad Gateway</body></html>", {"content-type": "text/html"}, "502"),
    ),
    missign=_missigned,
)
