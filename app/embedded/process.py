"""Without this module each private server would have its own way to start, to end and to be left behind."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from signal import Signals
from typing import Protocol, TypeVar

import psutil  # type: ignore[import-untyped]

from app.embedded.leash import Account, leashed

HOST = "127.0.0.1"
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_PORT_ATTEMPTS = 3


class EmbeddedUnavailable(Exception):
    """A private server cannot run here; the text says why and what to do."""


class Server(Protocol):
    @property
    def process(self) -> subprocess.Popen[bytes]: ...


S = TypeVar("S", bound=Server)


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def binaries_of(package: str, folder: str) -> Path:
    """Where a wheel keeps its programs; raises `EmbeddedUnavailable` when it is not installed."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedUnavailable(
            f"The private servers are not installed here (wheel {package} is missing, as in production): "
            "set PORTAL_DATABASE_URL and PORTAL_REDIS_URL, or start with `make run`, which installs them."
        )
    return Path(spec.origin).parent / folder


def spawn(
    command: list[str], log: Path, end_with: Signals, *, account: Account | None = None, said: bytes = b""
) -> subprocess.Popen[bytes]:
    """Start a leashed program that hears `said` on standard input and writes to `log`."""
    try:
        with log.open("ab") as sink:
            process = subprocess.Popen(  # noqa: S603 - our own binaries
                command,
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=sink,
                cwd=log.parent,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
                process_group=0,
                preexec_fn=leashed(end_with, account),  # noqa: PLW1509 - it makes system calls only
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedUnavailable(f"{command[0]} cannot be started here: {error}.") from None
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(said)
    return process


def first_that_answers(name: str, launch: Callable[[int], S], answers: Callable[[S], bool], log: Path) -> S:
    """Start on a free port and wait; somebody may take the port in between, then another one is tried."""
    for _ in range(_PORT_ATTEMPTS):
        server = launch(free_port())
        deadline = time.monotonic() + _START_SECONDS
        while server.process.poll() is None and time.monotonic() < deadline:
            if answers(server):
                return server
            time.sleep(0.03)
        end(server.process, Signals.SIGTERM)
    raise EmbeddedUnavailable(f"The private {name} did not start; {log} says why.")


def end(process: subprocess.Popen[bytes], politely: Signals, firmly: Signals = Signals.SIGKILL) -> None:
    """End a program of ours and wait until it is gone; harmless when it has ended already."""
    if process.poll() is None:
        process.send_signal(politely)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(firmly)
            process.wait(_STOP_SECONDS)


def end_leftover(pidfile: Path, program: str, directory: Path, politely: Signals) -> None:
    """End what an earlier, killed process of ours left running in `directory`.

    A number that meanwhile belongs to a stranger is forgotten. One that belongs to nobody is left for the
    server itself: PostgreSQL reads more from that file than the number.
    """
    try:
        leftover = psutil.Process(int(pidfile.read_text().split()[0]))
        if leftover.name() != program or Path(leftover.cwd()) != directory:
            pidfile.unlink()
            return
        leftover.send_signal(politely)
        try:
            leftover.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired:
            leftover.kill()
            leftover.wait(_STOP_SECONDS)
    except (FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
        return
    except psutil.AccessDenied:
        pidfile.unlink(missing_ok=True)
