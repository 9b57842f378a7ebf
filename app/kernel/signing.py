"""Without this module what we hand out for later, to be shown again, would have to be remembered by us."""

from __future__ import annotations

import base64
import hashlib
import hmac

from app.kernel.settings import get_settings

_SIGNATURE_BYTES = 16


def secret_of(purpose: str, about: bytes) -> bytes:
    """32 bytes that only who knows the server's secret can tell, and that are the same in every process."""
    secret = get_settings().secret_key.get_secret_value().encode()
    return hmac.new(secret, purpose.encode() + b"\0" + about, hashlib.sha256).digest()


def signed(purpose: str, body: bytes) -> str:
    """Text for a phone to keep; what was signed for one purpose is worth nothing for another."""
    return _text(body + secret_of(purpose, body)[:_SIGNATURE_BYTES])


def verified(purpose: str, token: str) -> bytes | None:
    """The body that was signed for this purpose; None when it is forged or damaged."""
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError:
        return None
    if _text(raw) != token:  # base64 is lenient: without this a token could be written in many ways
        return None
    body, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    return body if hmac.compare_digest(signature, secret_of(purpose, body)[:_SIGNATURE_BYTES]) else None


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
