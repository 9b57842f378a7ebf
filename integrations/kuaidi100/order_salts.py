"""Without this module news of one order could be told as another's: the news of each have a salt of their own."""

from __future__ import annotations

import hashlib
import hmac


def order_salt(salt: str, order_no: str) -> str:
    """The salt for the news of one order, from ours for the environment."""
    return hmac.digest(salt.encode(), f"order:{order_no}".encode(), hashlib.sha256).hex()[:32]
