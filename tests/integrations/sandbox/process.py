"""Without this module the sandbox would be tested in one piece with its tests: here it is a process of its own."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.embedded.leash import leashed
from integrations.sandbox.keys import provider_environment

ROOT = Path(__file__).parents[3]


@dataclass
class SandboxProcess:
    state: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "integrations.sandbox", "--state", str(self.state), "--port", str(self.port)]
        log = (self.state.parent / f"{self.state.name}.log").open("ab")
        with log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                preexec_fn=leashed(signal.Signals.SIGKILL),  # noqa: PLW1509 - it makes system calls only
            )
        end = time.monotonic() + 60
        with httpx.Client(base_url=self.base_url, trust_env=False) as client:
            while not self._answers(client):
                assert self.process.poll() is None, "the sandbox did not start"
                assert time.monotonic() < end, "the sandbox is not reachable"
                time.sleep(0.03)

    def kill(self) -> None:
        """SIGKILL: nothing can be put in order."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        return self._end(signal.SIGTERM)

    def environment(self) -> dict[str, str]:
        return provider_environment(self.state, self.base_url)

    def _answers(self, client: httpx.Client) -> bool:
        try:
            return client.get("/__ctl/health").status_code == 200
        except httpx.TransportError:
            return False

    def _end(self, how: signal.Signals) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.process.pid, how)
        return self.process.wait(timeout=60)
