"""Without this module a scanner without network could not tell a real check-in code from a drawn one.

The bytes of a code, how they are signed (Ed25519, RFC 8032) and written (base45, RFC 9285), and how a scanner judges
one. Pure, so that the maker of a scanner can port it; `docs/check-in-codes.md` says it in words, with an example.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

TOLERANCE = timedelta(seconds=30)
"""How far a scanner's clock, set by ours at its last visit, may still be off."""

NONCE_BYTES = 8
LONGEST_CODE = 200

_PREFIX = "ZT1:"
_VERSION = 1
_BODY = struct.Struct(">B I 16s H 8s I I 8s")
_SIGNATURE_BYTES = 64
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


class Verdict(StrEnum):
    """What a scanner says of a code by itself."""

    GOOD = "GOOD"
    FORGED = "FORGED"
    WRONG_PLACE = "WRONG_PLACE"
    TOO_EARLY = "TOO_EARLY"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    SEEN = "SEEN"


@dataclass(frozen=True)
class CheckInCode:
    """What a code says. `moves` is how often the booking had been moved when it was made: its serial."""

    key_id: int
    booking_id: UUID
    moves: int
    place: bytes
    valid_from: datetime
    valid_until: datetime
    nonce: bytes


@dataclass(frozen=True)
class Door:
    """What a scanner knows: its place, the public keys by id, for revoked bookings the lowest serial that is good
    again, and the nonces of the codes it has let pass.
    """

    service_point: str
    keys: Mapping[int, Ed25519PublicKey]
    revoked: Mapping[UUID, int] = field(default_factory=dict)
    seen: Container[bytes] = ()


def place_mark(service_point: str) -> bytes:
    """A service point in a code: the first 8 bytes of the SHA-256 of its key."""
    return hashlib.sha256(service_point.encode()).digest()[:8]


def write_code(code: CheckInCode, key: Ed25519PrivateKey) -> str:
    """The signed text; only characters of a QR code's alphanumeric mode (ISO/IEC 18004)."""
    body = _BODY.pack(
        _VERSION,
        code.key_id,
        code.booking_id.bytes,
        code.moves,
        code.place,
        int(code.valid_from.timestamp()),
        int(code.valid_until.timestamp()),
        code.nonce,
    )
    return _PREFIX + base45(body + key.sign(body))


def key_id_of(text: str) -> int | None:
    """Which key a code says it was signed with; None for what is no code at all."""
    raw = _raw(text)
    return int(_BODY.unpack(raw[: _BODY.size])[1]) if raw else None


def read_code(text: str, keys: Mapping[int, Ed25519PublicKey]) -> CheckInCode | None:
    """What a code says when one of these keys signed it; None otherwise."""
    raw = _raw(text)
    if raw is None:
        return None
    body, signature = raw[: _BODY.size], raw[_BODY.size :]
    version, key_id, booking, moves, place, begins, ends, nonce = _BODY.unpack(body)
    key = keys.get(key_id)
    if version != _VERSION or key is None:
        return None
    try:
        key.verify(signature, body)
    except InvalidSignature:
        return None
    valid_from, valid_until = datetime.fromtimestamp(begins, UTC), datetime.fromtimestamp(ends, UTC)
    return CheckInCode(key_id, UUID(bytes=booking), moves, place, valid_from, valid_until, nonce)


def judge(text: str, door: Door, now: datetime) -> tuple[Verdict, CheckInCode | None]:
    """Whether a code opens a door at a moment, and what it says unless it is forged."""
    code = read_code(text, door.keys)
    if code is None:
        return Verdict.FORGED, None
    return _judged(code, door, now), code


def _judged(code: CheckInCode, door: Door, now: datetime) -> Verdict:
    if code.place != place_mark(door.service_point):
        return Verdict.WRONG_PLACE
    if now < code.valid_from - TOLERANCE:
        return Verdict.TOO_EARLY
    if now > code.valid_until + TOLERANCE:
        return Verdict.EXPIRED
    if code.moves < door.revoked.get(code.booking_id, 0):
        return Verdict.REVOKED
    return Verdict.SEEN if code.nonce in door.seen else Verdict.GOOD


def _raw(text: str) -> bytes | None:
    if not text.startswith(_PREFIX) or len(text) > LONGEST_CODE:
        return None
    raw = from_base45(text.removeprefix(_PREFIX))
    return raw if raw is not None and len(raw) == _BODY.size + _SIGNATURE_BYTES else None


def base45(raw: bytes) -> str:
    """Two bytes as three characters, a last single byte as two (RFC 9285 section 4)."""
    text = []
    for at in range(0, len(raw), 2):
        pair = raw[at : at + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, digit = divmod(value, 45)
            text.append(_ALPHABET[digit])
    return "".join(text)


def from_base45(text: str) -> bytes | None:
    """The bytes; None for text that no bytes are written as."""
    digits = [_ALPHABET.find(character) for character in text]
    if -1 in digits or len(text) % 3 == 1:
        return None
    raw = bytearray()
    for at in range(0, len(digits), 3):
        group = digits[at : at + 3]
        value = sum(digit * 45**power for power, digit in enumerate(group))
        length = len(group) - 1
        if value >= 256**length:
            return None
        raw += value.to_bytes(length, "big")
    return bytes(raw)
