"""Without this module ten thousand invented entrants would cost whoever invents them nothing.

Proof of work (ALTCHA, second version), asked for only while the rush is on. A challenge is signed and made out to one
resident and room: a solution can be neither bought nor used twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
from altcha import Payload, create_challenge, verify_solution

from app.booking.errors import ChallengeWrong
from app.booking.room.draw import Room
from app.kernel.signing import secret_of

CHALLENGE_MINUTES = 3
_ALGORITHM = "PBKDF2/SHA-256"
_ROUNDS = 5_000
"""Of one try; about 256 tries find a solution: some seconds on an old phone."""

_LONGEST = 4_000

Spend = Callable[[str, int], Awaitable[bool]]


def make_challenge(room: Room, resident_id: UUID, now: datetime) -> tuple[str, datetime]:
    """A challenge as JSON text, as ALTCHA's widgets take it, and when it ends (UTC)."""
    ends_at = (now + timedelta(minutes=CHALLENGE_MINUTES)).replace(microsecond=0)
    challenge = create_challenge(
        _ALGORITHM, _ROUNDS, expires_at=ends_at, data=_made_out_to(room, resident_id), hmac_secret=_secret()
    )
    return orjson.dumps(challenge.to_dict()).decode(), ends_at


async def check_solution(text: str, room: Room, resident_id: UUID, now: datetime, spend: Spend) -> None:
    """Accept a solution (base64 of JSON, as the widgets give it) once. Raises `ChallengeWrong`.

    `spend` says of a challenge, and for how many seconds to remember it, whether it is used for the first time.
    """
    try:
        payload = Payload.from_base64(text[:_LONGEST])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ChallengeWrong(field="solution") from None
    # Whom it is for costs nothing to compare; the key is derived only for who has a challenge of their own.
    if payload.challenge.parameters.data != _made_out_to(room, resident_id):
        raise ChallengeWrong(field="solution")
    if not verify_solution(payload, _secret()).verified:
        raise ChallengeWrong(field="solution")
    left = datetime.fromtimestamp(payload.challenge.parameters.expires_at or 0, UTC) - now
    used = hashlib.sha256(str(payload.challenge.signature).encode()).hexdigest()
    if left <= timedelta() or not await spend(used, int(left.total_seconds()) + 1):
        raise ChallengeWrong(field="solution")


def _made_out_to(room: Room, resident_id: UUID) -> dict[str, str]:
    return {"room": room.key, "resident": str(resident_id)}


def _secret() -> bytes:
    return secret_of("waiting-challenge", b"")
