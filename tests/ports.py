"""Loopback ports for what tests start, chosen so that nobody takes one between the choice and its use.

Without this module it would happen: the kernel deals the ports that it is asked for out to clients too, and processes
that test side by side would be given the same.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from random import SystemRandom

HOST = "127.0.0.1"
_FIRST, _END = 10_000, 32_000  # below those that kernels deal out by themselves


def _mine() -> Iterator[int]:
    """The part of the ports that belongs to this process among those of the run, over and over from somewhere."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    part = range(_FIRST + worker % count, _END, count)
    start = SystemRandom().randrange(len(part))
    while True:
        yield from (*part[start:], *part[:start])


_ports = _mine()


def free_port() -> int:
    """A port that nobody listens on, and that this run does not give to anybody else."""
    return next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
