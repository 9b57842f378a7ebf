"""Without this module a lost phone would go on listening, and one script could take every place of a process.

The limits are those of a process, which is what they protect.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

from app.identity.queries import ended_sessions
from app.kernel import db
from app.kernel.actor import Actor
from app.kernel.errors import PleaseRetry
from app.kernel.logging import get_logger
from app.kernel.metrics import SOCKETS

_log = get_logger(__name__)

MOST = 20_000
MOST_OF_AN_ACCOUNT = 5
MOST_NAMELESS_OF_AN_ADDRESS = 100
"""Sockets that have not said who they are; each has ten seconds to."""

LOOK_EVERY_SECONDS = 10.0
"""How long a session may have ended before its sockets are closed, on every process alike."""

_LOOKED_AT_ONCE = 2_000
_CLOSING_SECONDS = 5.0

HangUp = Callable[[int, str], Awaitable[None]]


@dataclass(eq=False)
class Line:
    """One open socket, and how to hang up: with a code and a word."""

    address: str
    hang_up: HangUp
    actor: Actor | None = None


@dataclass(eq=False)
class OpenSockets:
    lines: set[Line] = field(default_factory=set)
    nameless: Counter[str] = field(default_factory=Counter)
    of_account: defaultdict[UUID, list[Line]] = field(default_factory=lambda: defaultdict(list))
    looking: asyncio.Task[None] | None = None
    closing: set[asyncio.Task[None]] = field(default_factory=set)

    def has_room_for(self, address: str) -> bool:
        return len(self.lines) < MOST and self.nameless[address] < MOST_NAMELESS_OF_AN_ADDRESS

    @contextmanager
    def opened(self, line: Line) -> Iterator[None]:
        """Count a socket from its opening to its end."""
        self.lines.add(line)
        self.nameless[line.address] += 1
        SOCKETS.inc()
        if self.looking is None:
            self.looking = asyncio.create_task(self._look_now_and_then())
        try:
            yield
        finally:
            self._forget(line)

    def name(self, line: Line, actor: Actor) -> None:
        """A socket has said who it is. Of too many of one account the oldest is closed: a phone that went through a
        tunnel comes back before its dead socket is found.
        """
        assert actor.id is not None
        self._no_longer_nameless(line)
        line.actor = actor
        mine = self.of_account[actor.id]
        mine.append(line)
        for oldest in mine[:-MOST_OF_AN_ACCOUNT]:
            self._close(oldest, 4429, "TOO_MANY_SOCKETS")
            mine.remove(oldest)

    async def close_ended(self) -> int:
        """Close the sockets whose session lives no more; gives how many."""
        by_session: defaultdict[UUID, list[Line]] = defaultdict(list)
        for line in self.lines:
            if line.actor and line.actor.session_id:
                by_session[line.actor.session_id].append(line)
        ended: list[UUID] = []
        sessions = iter(list(by_session))
        while some := list(islice(sessions, _LOOKED_AT_ONCE)):
            ended += await ended_sessions(some)
        for line in (line for session in ended for line in by_session[session]):
            self._close(line, 4403, "SESSION_ENDED")
        return len(ended)

    async def _look_now_and_then(self) -> None:
        while self.lines:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            try:
                with db.told_when_lost():
                    await self.close_ended()
            except PleaseRetry:
                _log.warning("ended sessions not looked for: the database is away")
            except Exception:  # noqa: BLE001 - whatever it is, the next look must come
                _log.exception("bug while looking for ended sessions")
        self.looking = None

    def _close(self, line: Line, code: int, word: str) -> None:
        task = asyncio.create_task(self._hang_up(line, code, word))
        self.closing.add(task)
        task.add_done_callback(self.closing.discard)

    async def _hang_up(self, line: Line, code: int, word: str) -> None:
        # Who reads nothing cannot be told either; the keepalive finds them.
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await line.hang_up(code, word)

    def _no_longer_nameless(self, line: Line) -> None:
        self.nameless[line.address] -= 1
        if not self.nameless[line.address]:
            del self.nameless[line.address]

    def _forget(self, line: Line) -> None:
        self.lines.discard(line)
        SOCKETS.dec()
        if line.actor is None:
            self._no_longer_nameless(line)
            return
        assert line.actor.id is not None
        mine = self.of_account[line.actor.id]
        if line in mine:
            mine.remove(line)
        if not mine:
            del self.of_account[line.actor.id]


open_sockets = OpenSockets()
"""Those of this process."""
