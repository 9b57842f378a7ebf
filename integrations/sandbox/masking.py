"""Without this module the journal would keep secrets, identity numbers and mobile numbers in clear."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

SECRET_NAMES = frozenset({
    "secret", "appsecret", "access_token", "session_key", "js_code", "code", "key", "salt", "sign", "signature",
    "paysign", "token", "cert_name", "name", "cert_hash", "ciphertext", "prepay_id", "package",
    "refresh_token", "auth_token", "sendmanname", "recmanname", "authorization", "logitcsinterface",
})  # fmt: skip
IDENTITY_NUMBER = re.compile(r"(?<![0-9A-Za-z])(\d{3})\d{3}(?:19|20)\d{9}[\dXx](?![0-9A-Za-z])")
MOBILE = re.compile(r"(?<![0-9A-Za-z])(1\d{2})\d{4}(\d{4})(?![0-9A-Za-z])")
LONGEST = 600


def mask_text(text: str) -> str:
    """Identity numbers keep three digits at the front, mobiles three and four."""
    hidden = IDENTITY_NUMBER.sub(lambda found: found.group(1) + "*" * 15, text)
    return MOBILE.sub(lambda found: f"{found.group(1)}****{found.group(2)}", hidden)


def mask_value(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: mask_value(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [mask_value(inner, name) for inner in value]
    if isinstance(value, str):
        return _mask_string(value, name)
    return value


def mask_body(body: bytes) -> str:
    """A request body as the journal may show it: JSON or a form, anything else only by its length."""
    if not body:
        return ""
    if body.startswith(b"--"):  # multipart: names would stand in it unmarked
        return f"({len(body)} bytes)"
    try:
        text = body.decode()
        shown = mask_value(orjson.loads(text))
    except ValueError:
        pairs = parse_qsl(body.decode(errors="replace"))
        if not pairs:
            return f"({len(body)} bytes)"
        shown = {name: mask_value(value, name) for name, value in pairs}
    return orjson.dumps(shown).decode()[:LONGEST]


def mask_query(query: Mapping[str, str]) -> str:
    return "&".join(f"{name}={mask_value(value, name)}" for name, value in query.items())[:LONGEST]


def _mask_string(value: str, name: str) -> str:
    if name.lower() in SECRET_NAMES:
        return "***" if value else ""
    if value.startswith(("{", "[")):  # Kuaidi100 carries JSON inside a form field
        try:
            return orjson.dumps(mask_value(orjson.loads(value))).decode()
        except ValueError:
            pass
    return mask_text(value)
