"""Without this module a stolen table of staff would be a list of passwords.

Argon2id (RFC 9106) with 19 MiB, two passes and one lane, which is what a sign-in can afford; the parameters are
in each hash, so that they may be raised. Hashing takes tens of milliseconds and runs beside the event loop.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

_SALT_BYTES = 16
_HASH_BYTES = 32
_PASSES = 2
_LANES = 1
_KIBIBYTES = 19 * 1024
_PARAMETERS = f"$argon2id$v=19$m={_KIBIBYTES},t={_PASSES},p={_LANES}$"
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}
_WITHOUT_LOOKALIKES = "abcdefghjkmnpqrstuvwxyz23456789"
_ONE_TIME_LENGTH = 16


async def hash_password(password: str) -> str:
    """A fresh salt and the hash, as one text (PHC string format)."""
    return await asyncio.to_thread(_hashed, password)


async def password_matches(password: str, stored: str | None) -> bool:
    """Whether it is the password behind a hash; against None, an account nobody has, it takes just as long."""
    return await asyncio.to_thread(_matches, password, stored)


def needs_new_hash(stored: str) -> bool:
    """Whether a hash was made by an older recipe than today's."""
    return not stored.startswith(_PARAMETERS)


def make_one_time_password() -> str:
    """Sixteen characters that can be read out over a telephone: 79 random bits."""
    return "".join(secrets.choice(_WITHOUT_LOOKALIKES) for _ in range(_ONE_TIME_LENGTH))


def _hashed(password: str) -> str:
    recipe = Argon2id(
        salt=os.urandom(_SALT_BYTES), length=_HASH_BYTES, iterations=_PASSES, lanes=_LANES, memory_cost=_KIBIBYTES
    )
    return recipe.derive_phc_encoded(password.encode())


def _matches(password: str, given: str | None) -> bool:
    stored = _hash_of_nobody() if given is None else given
    if stored.startswith("scrypt$"):
        return _matches_scrypt(password, stored)
    try:
        Argon2id.verify_phc_encoded(password.encode(), stored)
    except (InvalidKey, ValueError):
        return False
    return True


def _matches_scrypt(password: str, stored: str) -> bool:
    """Accounts made before Argon2id came in; replaced at their next sign-in."""
    _, salt, digest = stored.split("$")
    derived = hashlib.scrypt(password.encode(), salt=_decoded(salt), **_SCRYPT)
    return hmac.compare_digest(derived, _decoded(digest))


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@lru_cache(maxsize=1)
def _hash_of_nobody() -> str:
    return _hashed(secrets.token_urlsafe())
