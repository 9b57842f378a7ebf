"""Without this module an amount could be a float, and four cents could become forty."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import NewType

Fen = NewType("Fen", int)
"""An amount in fen, a hundredth of a yuan. Yuan exist only at provider edges and on screens."""


def yuan(amount: Fen) -> str:
    """`4000` fen as `40.00`, for people and for providers that speak yuan."""
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), 100)
    return f"{sign}{whole}.{rest:02d}"


def fen_of_yuan(text: str) -> Fen:
    """`40.00` as 4000 fen; raises `ValueError` for anything finer than a fen."""
    try:
        amount = Decimal(text) * 100
    except InvalidOperation:
        raise ValueError(f"not an amount in yuan: {text!r}") from None
    if not amount.is_finite() or amount != amount.to_integral_value():
        raise ValueError(f"not a whole number of fen: {text!r}")
    return Fen(int(amount))
