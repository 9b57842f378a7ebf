"""Without this module every request would have to ask the database who is calling.

An access token names a session and its own end, and is signed; it is good for ten minutes. A refresh token
is random, is stored as a hash only, and is replaced at every use (RFC 9700 section 4.14). A device's token is random,
stored as a hash too, and good until the device is revoked.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.identity.rules import ACCESS_MINUTES
from app.kernel import clock
from app.kernel.signing import signed, verified

_RANDOM_BYTES = 32


@dataclass(frozen=True)
class Tokens:
    """What a phone keeps: `access` for each request, `refresh` for the next pair."""

    access: str
    access_expires_at: datetime
    refresh: str
    session_id: UUID


def make_access_token(session_id: UUID) -> tuple[str, datetime]:
    expires_at = (clock.now() + timedelta(minutes=ACCESS_MINUTES)).replace(microsecond=0)
    return signed("access", session_id.bytes + int(expires_at.timestamp()).to_bytes(5, "big")), expires_at


def read_access_token(token: str) -> UUID | None:
    """The session a token speaks for; None when it is forged, damaged or past its end."""
    body = verified("access", token)
    if body is None or len(body) != 21:
        return None
    expires_at = datetime.fromtimestamp(int.from_bytes(body[16:], "big"), UTC)
    return UUID(bytes=body[:16]) if expires_at > clock.now() else None


def make_refresh_token(session_id: UUID) -> str:
    return signed("refresh", session_id.bytes + secrets.token_bytes(_RANDOM_BYTES))


def read_refresh_token(token: str) -> UUID | None:
    """The session a refresh token was made for, current or not; None when it is not ours."""
    body = verified("refresh", token)
    return UUID(bytes=body[:16]) if body is not None and len(body) == 16 + _RANDOM_BYTES else None


def make_device_token(device_id: UUID) -> str:
    return signed("device", device_id.bytes + secrets.token_bytes(_RANDOM_BYTES))


def read_device_token(token: str) -> UUID | None:
    """The device a token was made for, revoked or not; None when it is not ours."""
    body = verified("device", token)
    return UUID(bytes=body[:16]) if body is not None and len(body) == 16 + _RANDOM_BYTES else None


def token_hash(token: str) -> str:
    """What is kept of a token that was handed out, so that the database alone lets nobody in."""
    return hashlib.sha256(token.encode()).hexdigest()
