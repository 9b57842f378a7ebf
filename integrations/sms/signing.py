"""Without this module anybody could send text messages in the city's name, or report them delivered."""

from __future__ import annotations

import hashlib
import hmac

WINDOW_SECONDS = 300


def signature(key: bytes, *lines: str, body: bytes) -> str:
    """HMAC-SHA256 in hexadecimal over lines that each end in a line feed; of the body its SHA-256 is the last."""
    message = "".join(f"{line}\n" for line in (*lines, hashlib.sha256(body).hexdigest()))
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()


def is_same(ours: str, given: str) -> bool:
    return hmac.compare_digest(ours.encode(), given.encode())


def is_fresh(timestamp: str, now: float) -> bool:
    plain = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    return plain and abs(now - int(timestamp)) <= WINDOW_SECONDS
