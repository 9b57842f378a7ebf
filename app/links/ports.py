"""Without this module only one host app could be opened from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

NARROWEST, WIDEST, USUAL = 280, 1280, 430
"""Pixels of a code."""


class AppOpener(Protocol):
    """A host app that can be opened from outside at a page of our mini-program, under its code of sign-in."""

    browser_mark: str
    """What its own browser's User-Agent holds."""

    good_for: timedelta | None
    """How long an address serves; None for one that costs nothing and serves always."""

    async def address(self, page: str, query: str) -> str:
        """The address that opens a page with a query. Raises `ProviderUnavailable`."""


@dataclass(frozen=True)
class Picture:
    content: bytes
    media_type: str


class AppCodes(Protocol):
    """A host app that draws codes which open our mini-program when they are scanned, under its code of sign-in."""

    async def picture(self, page: str, scene: str, width: int) -> Picture:
        """`scene` is handed to the page, at most 32 characters; `width` in pixels. Raises `ProviderUnavailable`."""
