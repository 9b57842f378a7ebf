"""Without this module everybody who comes too late would make the database say no once more.

What the database refused less than half a second ago is refused here, without asking it for a place again. It only
ever refuses; it never promises. What this process frees is forgotten at once, what others free when the half
second is over.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.booking.remembered import Remembered
from app.kernel.errors import Refusal

LIFE_SECONDS = 0.5
_WORDS_SECONDS = 3.0
_REMEMBERED_MOST = 20_000
_SLOWEST_STATEMENT_SECONDS = 60


@dataclass(frozen=True)
class Ask:
    """What many ask for alike: so many places for these items, from this slot on."""

    slot: UUID
    item_keys: tuple[str, ...]
    party: int


@dataclass(frozen=True)
class _Refused:
    run: tuple[UUID, ...]
    at: float


class SoldOut:
    """What was refused for want of places, by the process's own clock."""

    def __init__(self) -> None:
        self._refused: dict[Ask, _Refused] = {}
        self._freed: dict[UUID, float] = {}
        self._words: Remembered[tuple[Ask, str], Refusal] = Remembered(_WORDS_SECONDS)

    def remember(self, ask: Ask, run: tuple[UUID, ...], at: float) -> None:
        """The database refused it; `at` is `time.monotonic` before it was asked."""
        if len(self._refused) >= _REMEMBERED_MOST:
            self._refused.clear()
        self._refused[ask] = _Refused(run, at)

    def refuses(self, ask: Ask) -> bool:
        known = self._refused.get(ask)
        if known is None:
            return False
        is_young = time.monotonic() - known.at < LIFE_SECONDS
        if is_young and all(self._freed.get(slot, 0.0) < known.at for slot in known.run):
            return True
        del self._refused[ask]
        return False

    def forget(self, slots: Sequence[UUID]) -> None:
        """Places of these slots were freed, and the database has committed it."""
        now = time.monotonic()
        if len(self._freed) >= _REMEMBERED_MOST:
            oldest = now - _SLOWEST_STATEMENT_SECONDS
            self._freed = {slot: at for slot, at in self._freed.items() if at > oldest}
        self._freed.update(dict.fromkeys(slots, now))

    async def told(self, ask: Ask, why: str, tell: Callable[[], Awaitable[Refusal]]) -> Refusal:
        """The refusal with what is free instead. Its words are three seconds old at most: what
        they name may be gone as well, and booking decides.
        """
        return (await self._words.get((ask, why), tell)).again()


sold_out = SoldOut()
