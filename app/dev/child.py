"""Without this module a program started by another could neither be heard nor be ended for certain."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import Signals

from app.embedded.leash import leashed

Say = Callable[[str, str], None]
"""Takes the name of who speaks and one line."""

ROOT = Path(__file__).parents[2]
_REMEMBERED_LINES = 15
_CHUNK = 65536


class Child:
    """A running Python module of ours in a process of its own; every line it writes is passed on."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, say: Say) -> None:
        self.name = name
        self.process = process
        self.last_lines: deque[str] = deque(maxlen=_REMEMBERED_LINES)
        self._say = say
        self._ended = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, name: str, arguments: Sequence[str], environment: Mapping[str, str], say: Say) -> Child:
        """Start `python -m <arguments>` in a process group of its own, so that Ctrl-C reaches only us."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=ROOT,
            env={**environment, "PYTHONUNBUFFERED": "1"},
            process_group=0,
            preexec_fn=leashed(Signals.SIGTERM),
        )
        return cls(name, process, say)

    async def ended(self) -> int:
        """Wait for the end and give the exit status; negative when a signal ended it."""
        return await asyncio.shield(self._ended)

    async def stop(self, patience_seconds: float) -> None:
        """Ask it to end, insist when it does not; harmless when it has ended already."""
        self._signal(Signals.SIGTERM)
        try:
            async with asyncio.timeout(patience_seconds):
                await self.ended()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it without giving it a chance to tidy up."""
        self.kill_now()
        await self.ended()

    def kill_now(self) -> None:
        """The same without waiting for the end."""
        self._signal(Signals.SIGKILL)

    def _signal(self, signal: Signals) -> None:
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal)

    async def _listen(self) -> int:
        assert self.process.stdout is not None
        unfinished = b""
        while chunk := await self.process.stdout.read(_CHUNK):
            *lines, unfinished = (unfinished + chunk).split(b"\n")
            for line in lines:
                self._pass_on(line)
        if unfinished:
            self._pass_on(unfinished)
        return await self.process.wait()

    def _pass_on(self, raw: bytes) -> None:
        line = raw.decode(errors="replace").rstrip()
        self.last_lines.append(line)
        self._say(self.name, line)
