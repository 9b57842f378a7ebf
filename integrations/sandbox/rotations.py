"""Without this module keys would never change: it holds what the platforms issued beside the keys of the first day.

Rotated keys lie in the records, so a reset brings the first keys back.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from integrations.sandbox.records import Records, Shelf

What = Literal[
    "merchant",
    "api_v3_key",
    "platform_certificate",
    "platform_public_key",
    "alipay_app",
    "alipay_key",
    "alipay_aes_key",
]
Step = Literal["add", "switch", "drop"]
ORDER: tuple[Step, ...] = ("add", "switch", "drop")


@dataclass(frozen=True)
class Rotation:
    """A second key of a kind. After `add` both are good and the first is used; after `switch` both are good and this
    one is used; after `drop` only this one is good. What a kind has no use for is empty.
    """

    what: What
    step: Step
    serial: str
    secret: str = ""
    private_key: str = ""
    public_key: str = ""
    certificate: str = ""

    @property
    def key(self) -> RSAPrivateKey:
        return _key_of(self.private_key)

    @property
    def is_used(self) -> bool:
        return self.step != "add"

    @property
    def is_alone(self) -> bool:
        return self.step == "drop"

    @property
    def shown(self) -> Mapping[str, str]:
        return asdict(self)


class Rotations:
    """At most one change of each kind; the next change of the same kind needs a reset."""

    def __init__(self, records: Records) -> None:
        self._shelf = Shelf(records, "rotations", Rotation, keep=20)

    def of(self, what: What) -> Rotation | None:
        return self._shelf.get(what)

    def keep(self, rotation: Rotation) -> Rotation:
        self._shelf.put(rotation.what, rotation)
        return rotation

    def step(self, what: What, step: Step) -> Rotation | None:
        """One step on; None when there is none to take, or it was taken already."""
        known = self.of(what)
        if known is None or ORDER.index(step) <= ORDER.index(known.step):
            return None
        return self.keep(replace(known, step=step))


def new_serial() -> int:
    """Always 40 hexadecimal digits."""
    return secrets.randbits(158) | 1 << 157


def pem_of(key: RSAPrivateKey) -> tuple[str, str]:
    """Private and public."""
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def new_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def self_signed(key: RSAPrivateKey, owner: str, life: timedelta, serial: int) -> x509.Certificate:
    """A certificate of which nobody looks for who issued it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, owner)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now + min(life, timedelta()) - timedelta(days=1))
        .not_valid_after(now + life)
        .sign(key, hashes.SHA256())
    )


@lru_cache(maxsize=32)
def _key_of(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, RSAPrivateKey)
    return key
