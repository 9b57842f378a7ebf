"""Without this module a stolen password would be enough (RFC 6238: six digits, thirty seconds, SHA-1)."""

from __future__ import annotations

import base64
import hmac
import os
import re
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_SECONDS = 30
_ISSUER = "掌厅"
_SECRET_BYTES = 20
_DIGITS = 6
_CODE = re.compile(r"[0-9]{6}")


def make_secret() -> str:
    """160 random bits in base 32, as authenticators take them (RFC 4226 section 4)."""
    return base64.b32encode(os.urandom(_SECRET_BYTES)).decode()


def enrolment_uri(secret: str, login: str) -> str:
    """The `otpauth:` address that a phone turns into an entry of its authenticator."""
    return _totp(secret).get_provisioning_uri(login, _ISSUER)


def code_at(secret: str, moment: datetime) -> str:
    """What the authenticator shows at a moment."""
    return _totp(secret).generate(int(moment.timestamp())).decode()


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step a code belongs to: this one, the one before or the one after; None for a wrong code."""
    digits = code.replace(" ", "")
    if not _CODE.fullmatch(digits):
        return None
    present = int(now.timestamp()) // STEP_SECONDS
    fitting = [step for step in (present - 1, present, present + 1) if _is_code_of(secret, digits, step)]
    return fitting[-1] if fitting else None


def _is_code_of(secret: str, digits: str, step: int) -> bool:
    return hmac.compare_digest(_totp(secret).generate(step * STEP_SECONDS), digits.encode())


def _totp(secret: str) -> TOTP:
    # SHA-1 is what authenticators know; in an HMAC it is not broken (RFC 6194 section 3.3).
    return TOTP(base64.b32decode(secret), _DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303
