"""Without this module identity numbers would lie readable in the database and in the logs.

Sealed values carry the id of the key that sealed them, so keys can be rotated (个人信息保护法 51, GB/T 22239
level three). Equality is answered by a keyed hash, never by decrypting a column.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.kernel.settings import SettingsInvalid, get_settings

_NONCE_BYTES = 12
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Unreadable(Exception):
    """A sealed value cannot be opened: its key is not in the ring, or it was altered."""


@dataclass(frozen=True)
class KeyRing:
    """Keys by id; the first seals, all open."""

    keys: dict[str, bytes]
    index_key: bytes

    def seal(self, text: str) -> str:
        key_id, key = self.newest, self.keys[self.newest]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, text.encode(), key_id.encode())
        return f"{key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str) -> str:
        key_id, _, body = sealed.partition(".")
        key = self.keys.get(key_id)
        if key is None:
            raise Unreadable(f"no key {key_id!r} in the ring")
        try:
            raw = base64.urlsafe_b64decode(body)
            return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], key_id.encode()).decode()
        except (InvalidTag, ValueError):
            raise Unreadable("the value was altered") from None

    def blind_index(self, purpose: str, text: str) -> str:
        """A keyed hash by which equal values are found; `purpose` keeps columns from being compared."""
        return hmac.new(self.index_key, f"{purpose}\x00{text}".encode(), hashlib.sha256).hexdigest()

    def sign(self, purpose: str, message: bytes) -> str:
        """`key.hex`: an HMAC-SHA256 by which we know later that we wrote this, with the newest key."""
        key_id = self.newest
        return f"{key_id}.{_mac(self.keys[key_id], purpose, message)}"

    def signed(self, purpose: str, message: bytes, signature: str) -> bool:
        """Whether `sign` gave this signature; raises `Unreadable` when its key is not in the ring."""
        key_id, _, told = signature.partition(".")
        key = self.keys.get(key_id)
        if key is None:
            raise Unreadable(f"no key {key_id!r} in the ring")
        return hmac.compare_digest(_mac(key, purpose, message).encode(), told.encode())

    @property
    def newest(self) -> str:
        """The id of the key that seals and signs."""
        return next(iter(self.keys))


def _mac(key: bytes, purpose: str, message: bytes) -> str:
    # A key of its own for each purpose: nothing that is sealed helps to forge what is signed.
    derived = hmac.digest(key, purpose.encode(), hashlib.sha256)
    return hmac.digest(derived, message, hashlib.sha256).hex()


def read_keys(text: str) -> dict[str, bytes]:
    """`id:base64,id:base64`, newest first; every key has 32 bytes and an id of its own. Raises `ValueError`."""
    keys: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        if not _KEY_ID.fullmatch(key_id) or len(key) != 32:
            raise ValueError("PORTAL_ENCRYPTION_KEYS: each entry is `id:base64-of-32-bytes`")
        if key_id in keys:  # the later would take the place of the earlier, and what that sealed would be lost
            raise ValueError(f"PORTAL_ENCRYPTION_KEYS: two keys are called {key_id!r}: give each an id of its own")
        keys[key_id] = key
    if not keys:
        raise ValueError("PORTAL_ENCRYPTION_KEYS: at least one key is needed")
    return keys


def read_index_key(text: str, secret_key: str) -> bytes:
    """Base64 of 32 bytes; when it is empty, what follows from the secret key. Raises `ValueError`."""
    if not text:
        return hmac.new(secret_key.encode(), b"blind-index", hashlib.sha256).digest()
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ValueError("PORTAL_INDEX_KEY: it is base64 of 32 bytes")
    return key


@lru_cache(maxsize=1)
def key_ring() -> KeyRing:
    """The ring of the settings; leaves the program with a sentence when its keys cannot be read."""
    settings = get_settings()
    try:
        index_key = read_index_key(settings.index_key.get_secret_value(), settings.secret_key.get_secret_value())
        return KeyRing(read_keys(settings.encryption_keys.get_secret_value()), index_key)
    except ValueError as error:
        raise SettingsInvalid(str(error)) from None


def seal(text: str) -> str:
    return key_ring().seal(text)


def unseal(sealed: str) -> str:
    return key_ring().open(sealed)


def blind_index(purpose: str, text: str) -> str:
    return key_ring().blind_index(purpose, text)


def mask_name(name: str) -> str:
    """`*三`, `欧**娜`: the surname hidden of short names, the middle of long ones."""
    if len(name) <= 2:
        return "*" + name[1:]
    if len(name) == 3:
        return "*" + name[1:]
    return name[0] + "*" * (len(name) - 2) + name[-1]


def mask_id_number(number: str) -> str:
    """`110***********1234`: the first three and the last four characters."""
    return number[:3] + "*" * max(len(number) - 7, 0) + number[-4:]


def mask_phone(number: str) -> str:
    """`138****5678`."""
    if len(number) < 8:
        return "*" * len(number)
    return number[:3] + "*" * (len(number) - 7) + number[-4:]


def mask_address(address: str) -> str:
    """`203.0.*.*`, `2001:db8:*`: enough to know one's own network again; empty for what is no address."""
    try:
        known = ip_address(address)
    except ValueError:
        return ""
    if known.version == 4:
        return ".".join(str(known).split(".")[:2]) + ".*.*"
    return ":".join(f"{int(part, 16):x}" for part in known.exploded.split(":")[:2]) + ":*"
