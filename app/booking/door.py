"""Without this module nobody could open the hall's door with a booking, or shut it on one that was given back.

The keys that sign check-in codes follow from the secret key, one for each month of visits (HKDF, RFC 5869): every
process has them, none is stored, and a scanner needs no more than this month's and the next.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from uuid import UUID

import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.booking.check_in_codes import NONCE_BYTES, CheckInCode, key_id_of, place_mark, write_code
from app.booking.models import Booking
from app.booking.policies import policy_of
from app.booking.queries import booking_of
from app.booking.rules import LIFE
from app.identity.models import DeviceKind
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.settings import get_settings

_FIRST_MONTH, _LAST_MONTH = 2020_01, 2099_12

# What was given back, and what was kept: neither opens the door again. A booking that was moved within the hall,
# perhaps from today to a day far ahead, opens it with a code of its newest time only.
_REVOKED = """
    SELECT b.id, CASE WHEN b.state = 'BOOKED' THEN b.moves ELSE b.moves + 1 END AS good
    FROM booking b JOIN slot s ON s.id = b.slot_id
    WHERE s.service_point_id = $1 AND s.day >= $2 AND (
        (b.state IN ('CANCELLED', 'HALL_CANCELLED', 'SERVED') AND (s.day <= $3 OR b.moves > 0))
        OR (b.state = 'BOOKED' AND b.moves > 0)
    )
    ORDER BY b.id
"""


@dataclass(frozen=True)
class ShownCode:
    """A code as the phone shows it."""

    text: str
    valid_from: datetime
    valid_until: datetime

    @property
    def picture(self) -> str:
        """The QR code, as the data URI of an SVG."""
        return segno.make_qr(self.text, error="m", boost_error=False).svg_data_uri(scale=4)


async def check_in_code(actor: Actor, booking_id: UUID) -> ShownCode:
    """A code for one's own or a principal's visit, good at its hall around the beginning of its slot.

    A code made before the booking was moved is worth nothing afterwards. Raises `NotFound` or `IllegalMove`.
    """
    booking = await booking_of(booking_id, actor)
    LIFE.next_state(booking.state, "check_in")
    slot = booking.slot
    policy = await policy_of(slot.service_point_id, slot.category)
    code = CheckInCode(
        key_id=key_id(clock.local(slot.starts_at).date()),
        booking_id=booking.id,
        moves=booking.moves,
        place=place_mark(slot.service_point_id),
        valid_from=slot.starts_at - policy.early,
        valid_until=slot.starts_at + policy.grace,
        nonce=secrets.token_bytes(NONCE_BYTES),
    )
    return ShownCode(write_code(code, signing_key(code.key_id)), code.valid_from, code.valid_until)


@dataclass(frozen=True)
class Bundle:
    """What a scanner takes along into a time without network."""

    service_point: str
    server_time: datetime
    keys: Mapping[int, Ed25519PublicKey]
    revoked: Mapping[UUID, int]
    """Bookings whose codes must not pass, each with the lowest serial that is good again."""


async def scanner_bundle(actor: Actor) -> Bundle:
    """For a scanner, of its own place: today's and tomorrow's revoked bookings. Raises `NotAllowed`."""
    place = actor.device(DeviceKind.SCANNER).place
    today = clock.today()
    revoked = await db.rows(_REVOKED, place, today, today + timedelta(days=1))
    following = (today.replace(day=1) + timedelta(days=31)).replace(day=1)
    keys = {month: public_key(month) for month in (key_id(today), key_id(following))}
    return Bundle(place, clock.now(), keys, {row["id"]: row["good"] for row in revoked})


def keys_for(text: str) -> dict[int, Ed25519PublicKey]:
    """The public key a code says it was signed with, if there can be one."""
    month = key_id_of(text)
    if month is None or not _FIRST_MONTH <= month <= _LAST_MONTH:
        return {}
    return {month: public_key(month)}


def key_id(day: date) -> int:
    """`202611` for every visit of November 2026."""
    return day.year * 100 + day.month


def public_key(month: int) -> Ed25519PublicKey:
    return signing_key(month).public_key()


def signing_key(month: int) -> Ed25519PrivateKey:
    return _derived(get_settings().secret_key.get_secret_value(), month)


@lru_cache(maxsize=24)
def _derived(secret: str, month: int) -> Ed25519PrivateKey:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"check-in-code:{month}".encode())
    return Ed25519PrivateKey.from_private_bytes(derive.derive(secret.encode()))


async def booking_behind(booking_id: UUID) -> Booking | None:
    """A booking that a code names, with its slot."""
    return await Booking.get_or_none(id=booking_id).prefetch_related("slot")
