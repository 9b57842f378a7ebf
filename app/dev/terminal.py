"""Without this module `make run` would be a stream of lines that nobody can stop with one Ctrl-C."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import Signals
from typing import TextIO

from app.dev.stack import Plan, Stack, StackFailed
from app.kernel.settings import Settings

_COLOURS = {"web": 36, "worker": 35, "sandbox": 33, "portal": 32, "migrate": 34, "seed": 34}
_STOP_SIGNALS = (Signals.SIGINT, Signals.SIGTERM, Signals.SIGHUP)


def run(settings: Settings) -> int:
    """Run the stack in this terminal until it is told to stop (0) or a part of it dies (1)."""
    try:
        with _only_one_in(settings.state_dir, f"http://127.0.0.1:{settings.port}"):
            return asyncio.run(_run(_plan(settings)))
    except StackFailed as failure:
        _complain(str(failure))
        return 1


def _plan(settings: Settings) -> Plan:
    sandbox_port = os.environ.get("PORTAL_SANDBOX_PORT", str(settings.port + 1))
    if not sandbox_port.isdecimal():
        raise StackFailed("PORTAL_SANDBOX_PORT must be a port number.")
    return Plan(
        state_dir=settings.state_dir,
        port=settings.port,
        sandbox_port=int(sandbox_port),
        host=settings.host,
        database_url=settings.database_url,
        redis_url=settings.redis_url,
        given=dict(os.environ),
    )


async def _run(plan: Plan) -> int:
    stack = Stack(plan, _say)
    told_to_stop = _listen_for_signals(stack)
    begun = time.monotonic()
    try:
        if await _either(stack.start(), told_to_stop):
            return 0
        _show_box(stack, time.monotonic() - begun)
        if await _either(_report_death(stack), told_to_stop):
            _say("portal", "stopping …")
            return 0
        return 1
    finally:
        await stack.stop()
        _say("portal", "stopped, nothing is left running")


def _listen_for_signals(stack: Stack) -> asyncio.Event:
    told_to_stop = asyncio.Event()

    def tell() -> None:
        if told_to_stop.is_set():
            stack.hurry()
        told_to_stop.set()

    for signal in _STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(signal, tell)
    return told_to_stop


async def _either(work: Coroutine[None, None, None], told_to_stop: asyncio.Event) -> bool:
    """Do the work unless told to stop first; gives whether we were told."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(told_to_stop.wait())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if told_to_stop.is_set():
        working.cancel()
        with suppress(asyncio.CancelledError, StackFailed):
            await working
        return True
    await working
    return False


async def _report_death(stack: Stack) -> None:
    _complain(await stack.first_death())


@contextmanager
def _only_one_in(state_dir: Path, url: str) -> Iterator[None]:
    """Hold the state directory; the lock ends with the process, however that ends."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "dev.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid, _, where = lock.read().strip().partition(" ")
            raise StackFailed(
                f"This checkout already runs at {where} (process {pid}): stop it with Ctrl-C there, or start a "
                "second one with its own PORTAL_STATE_DIR and PORTAL_PORT."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()} {url}\n")
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def _paint(text: str, colour: int) -> str:
    return f"\033[{colour}m{text}\033[0m" if sys.stdout.isatty() else text


def _say(name: str, line: str) -> None:
    _write(sys.stdout, f"{_paint(f'{name:<8}│', _COLOURS.get(name, 37))} {line}\n")


def _complain(text: str) -> None:
    _write(sys.stderr, f"\n{_paint('✗', 31)} {text}\n\n")


def _show_box(stack: Stack, seconds: float) -> None:
    entries = (
        ("Start page", f"{stack.url}/", "staff accounts, links"),
        ("GraphiQL", f"{stack.url}/graphiql", "the journey's operations, ready to try"),
        ("GraphQL", f"{stack.url}/graphql", ""),
        ("Sandbox", f"{stack.sandbox_url}/", "play WeChat, Alipay, the payer and the courier"),
        ("Check", "make doctor", "in another terminal"),
        ("Stop", "Ctrl-C", "stops everything; your data stays"),
    )
    line = _paint("─" * 78, 32)
    rows = "\n".join(f"  {name:<11} {where:<33} {remark}".rstrip() for name, where, remark in entries)
    _write(sys.stdout, f"\n{line}\n  掌厅 is running (ready in {seconds:.1f} s)\n\n{rows}\n{line}\n\n")


def _write(stream: TextIO, text: str) -> None:
    with suppress(OSError, ValueError):  # the terminal may be gone while we still tidy up
        stream.write(text)
        stream.flush()
