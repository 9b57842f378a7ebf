"""Without this module each domain would list what does not go on by itself in a way of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Stuck:
    """Something that does not go on by itself: its kind and number, what it is, and what is known of it."""

    number: str
    what: str
    detail: str


def cut_off(kinds: Sequence[Sequence[Stuck]], limit: int) -> tuple[list[Stuck], bool]:
    """At most `limit` of each kind, and whether any has more; give one more than the limit to find out."""
    return [each for kind in kinds for each in kind[:limit]], any(len(kind) > limit for kind in kinds)
