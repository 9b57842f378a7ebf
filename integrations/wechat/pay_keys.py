"""Without this module nothing could be signed for WeChat Pay and nothing it signed could be believed."""

from __future__ import annotations

import base64
import binascii
import math
import secrets
import string
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from app.kernel.logging import get_logger
from app.kernel.ports import Term

_log = get_logger(__name__)

SCHEME = "WECHATPAY2-SHA256-RSA2048"
SEALED = "AEAD_AES_256_GCM"
WINDOW_SECONDS = 300
_SURE_SECONDS = 30.0
_ALPHABET = string.ascii_letters + string.digits
_HEADER_BYTES = 1024


class SealBroken(Exception):
    """A message is not what WeChat Pay signed or sealed just now; `reason` is one short word for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def new_nonce() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))


def seconds_now() -> int:
    """Real time, never the settable clock: both sides refuse what is five minutes off."""
    return int(time.time())


@dataclass(frozen=True)
class MerchantKey:
    """Our side of the signatures. WeChat Pay API v3, "request signature" and "wx.requestPayment"."""

    mch_id: str
    serial_no: str
    key: RSAPrivateKey
    ends: datetime | None = None
    """When its certificate ends, if we were given that."""

    def sign(self, message: bytes) -> str:
        """RSASSA-PKCS1-v1_5 with SHA-256, in base64."""
        return base64.b64encode(self.key.sign(message, PKCS1v15(), SHA256())).decode()

    def authorization(self, method: str, target: str, body: bytes, *, timestamp: int, nonce: str) -> str:
        """The header for one request; `target` is path and query exactly as sent."""
        signature = self.sign(request_message(method, target, body, timestamp=timestamp, nonce=nonce))
        return (
            f'{SCHEME} mchid="{self.mch_id}",nonce_str="{nonce}",timestamp="{timestamp}",'
            f'serial_no="{self.serial_no}",signature="{signature}"'
        )


class MerchantKeys:
    """Our keys, of which one is in force: the first, until WeChat takes only the other or its time is over."""

    def __init__(self, keys: Sequence[MerchantKey]) -> None:
        self._keys = tuple(keys)
        self._taken_at = -math.inf

    @property
    def is_sure(self) -> bool:
        """Whether there is nothing to choose between, or WeChat has taken the first one a moment ago."""
        return len(self._keys) == 1 or time.monotonic() - self._taken_at < _SURE_SECONDS

    @property
    def in_force(self) -> MerchantKey:
        return self.in_order()[0]

    def in_order(self) -> Sequence[MerchantKey]:
        """What to sign with, and what to try when that is refused."""
        return sorted(self._keys, key=lambda key: key.ends is not None and key.ends.timestamp() <= time.time())

    def take(self, key: MerchantKey) -> None:
        """WeChat accepted this one."""
        self._taken_at = time.monotonic()
        if key is not self._keys[0]:
            _log.warning("wechat pay takes another key of ours", serial_no=key.serial_no)
            self._keys = (key, *(other for other in self._keys if other is not key))

    def terms(self) -> Sequence[Term]:
        return tuple(Term("merchant certificate", key.serial_no, key.ends) for key in self._keys)


def request_message(method: str, target: str, body: bytes, *, timestamp: int, nonce: str) -> bytes:
    """Five lines, each ended by a line feed; the body's bytes as they are sent."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def answer_message(timestamp: str, nonce: str, body: bytes) -> bytes:
    """What WeChat signs of an answer or a notification; a 204 has an empty third line."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def phone_message(app_id: str, timestamp: str, nonce: str, package: str) -> bytes:
    return f"{app_id}\n{timestamp}\n{nonce}\n{package}\n".encode()


@dataclass(frozen=True)
class Seal:
    """The Wechatpay-* headers of an answer or a notification."""

    timestamp: str
    nonce: str
    serial: str
    signature: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Seal:
        """From headers by lower-case name; raises `SealBroken`. An absent signature type means ours."""
        values = [headers.get(f"wechatpay-{name}", "") for name in ("timestamp", "nonce", "serial", "signature")]
        if not all(values) or any(len(value) > _HEADER_BYTES for value in values):
            raise SealBroken("headers-missing")
        if headers.get("wechatpay-signature-type", SCHEME) != SCHEME:
            raise SealBroken("signature-type")
        return cls(*values)

    def check_time(self) -> None:
        if not (self.timestamp.isascii() and self.timestamp.isdigit() and len(self.timestamp) <= 12):
            raise SealBroken("timestamp-unreadable")
        if abs(seconds_now() - int(self.timestamp)) >= WINDOW_SECONDS:
            raise SealBroken("timestamp-stale")

    def check_signature(self, key: RSAPublicKey, body: bytes) -> None:
        """A probe that starts with `WECHATPAY/SIGNTEST/` is not base64 of a signature and fails like any other.

        One signature has one spelling: base64 whose spare bits are set is refused too.
        """
        try:
            signature = base64.b64decode(self.signature, validate=True)
            if base64.b64encode(signature).decode() != self.signature:
                raise SealBroken("signature-wrong")
            key.verify(signature, answer_message(self.timestamp, self.nonce, body), PKCS1v15(), SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            raise SealBroken("signature-wrong") from None


class PlatformKeys:
    """Serial → WeChat's public keys. Both kinds verify side by side, as they do while a merchant is switched over."""

    def __init__(self) -> None:
        self._keys: dict[str, RSAPublicKey] = {}
        self._certificates: dict[str, x509.Certificate] = {}

    def add_public_key(self, key_id: str, key: RSAPublicKey) -> None:
        self._keys[key_id] = key

    def add_certificate(self, serial_no: str, pem: bytes) -> None:
        """Raises `ValueError` for anything but the RSA certificate of this serial."""
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey) or certificate.serial_number != int(serial_no, 16):
            raise ValueError("not the certificate that was announced")
        self._certificates[serial_no.upper()] = certificate
        self._keys[serial_no.upper()] = key

    def learn(self, other: PlatformKeys) -> None:
        """Add what another ring knows; nothing is forgotten, overlapping certificates are the rule."""
        self._keys |= other._keys
        self._certificates |= other._certificates

    def find(self, serial: str) -> RSAPublicKey | None:
        """None for a serial never heard of or a certificate outside its time."""
        if serial.startswith("PUB_KEY_ID_"):
            return self._keys.get(serial)
        certificate = self._certificates.get(serial.upper())
        return self._keys[serial.upper()] if certificate and _is_in_force(certificate) else None

    def ends(self) -> Sequence[tuple[str, datetime]]:
        """Serial and end of each certificate."""
        return [(serial, one.not_valid_after_utc) for serial, one in self._certificates.items()]

    def preferred(self) -> str | None:
        """The serial to name in requests: the public key, else the certificate that starts last."""
        for serial in self._keys:
            if serial.startswith("PUB_KEY_ID_"):
                return serial
        in_force = [(c.not_valid_before_utc, s) for s, c in self._certificates.items() if _is_in_force(c)]
        return max(in_force)[1] if in_force else None


def unseal(api_v3_key: bytes, sealed: object) -> bytes:
    """Open an AEAD_AES_256_GCM resource of a notification or of /v3/certificates; raises `SealBroken`.

    A shorter key would silently be another algorithm.
    """
    if len(api_v3_key) != 32:
        raise SealBroken("key-length")
    if not isinstance(sealed, Mapping) or sealed.get("algorithm") != SEALED:
        raise SealBroken("algorithm")
    try:
        ciphertext = base64.b64decode(str(sealed["ciphertext"]), validate=True)
        nonce = str(sealed["nonce"]).encode()
        associated = str(sealed.get("associated_data") or "").encode()
        return AESGCM(api_v3_key).decrypt(nonce, ciphertext, associated)
    except (KeyError, ValueError, InvalidTag):
        raise SealBroken("ciphertext") from None


def _is_in_force(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_before_utc.timestamp() <= time.time() < certificate.not_valid_after_utc.timestamp()
