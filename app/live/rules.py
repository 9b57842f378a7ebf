"""Without this module nobody could say what kinds of things a phone is told of."""

from __future__ import annotations

from enum import StrEnum


class ChangeKind(StrEnum):
    CASE = "CASE"
    BOOKING = "BOOKING"
    TICKET = "TICKET"
    BILL = "BILL"
    PARCEL = "PARCEL"
    EVERYTHING = "EVERYTHING"
    """Nobody can say what changed: after the first connection, a long absence, or a fault."""


def kind_of(word: str) -> ChangeKind | None:
    """The kind a hint names; an empty word is everything, one of a newer version is none that we know."""
    if not word:
        return ChangeKind.EVERYTHING
    return ChangeKind(word) if word in ChangeKind.__members__ else None
