"""What a fact is; how it is delivered is in `publishing`, so that facts themselves stay pure values."""

from __future__ import annotations

from typing import ClassVar


class Fact:
    """Something that happened, in the past tense. Subclasses are frozen dataclasses of ids and plain values."""

    about: ClassVar[str] = ""
    """Name of the field whose value orders deliveries: each reaction hears of one thing one fact at a time."""
