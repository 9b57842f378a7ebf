"""The portal as it runs in a city: web and worker as processes of their own, beside everything they need."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals

import httpx
import orjson

from app import wiring
from app.catalogue.commands import import_catalogue
from app.embedded import start_postgres, start_redis
from app.embedded.leash import leashed
from app.kernel.actor import SYSTEM
from app.migrating import migrate
from app.seeding import SEED
from integrations.sandbox.control import SandboxControl
from tests.chaos.servers import Servers
from tests.clusters import lay_out_cluster
from tests.integrations.sandbox.process import ROOT, SandboxProcess
from tests.portal import environment
from tests.ports import free_port

_READY_SECONDS = 180.0
_LOOK_SECONDS = 0.1


@dataclass
class Program:
    """A process of the portal. What has ended is started again, as whoever runs the portal would see to."""

    words: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "app.cli", *self.words],
                cwd=ROOT,
                env=dict(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                preexec_fn=leashed(Signals.SIGKILL),  # noqa: PLW1509 - it makes system calls only
            )

    def kill(self) -> None:
        """SIGKILL: nothing can be put in order."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None


@dataclass
class Stack:
    url: str
    servers: Servers
    sandbox: SandboxProcess
    control: SandboxControl
    programs: Mapping[str, Program]
    killed: Counter[str] = field(default_factory=Counter)
    fallen: Counter[str] = field(default_factory=Counter)
    """Processes that ended by themselves, when the database went away."""

    async def kill(self, what: str) -> None:
        """A process of the portal, or PostgreSQL, which is back when this returns."""
        self.killed[what] += 1
        if what == "postgres":
            await self.servers.kill_postgres()
        else:
            self.programs[what].kill()
            self.programs[what].start()

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            for name, program in self.programs.items():
                if program.has_ended:
                    self.fallen[name] += 1
                    program.start()
            await asyncio.sleep(_LOOK_SECONDS)

    async def ready(self) -> None:
        give_up = time.monotonic() + _READY_SECONDS
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            while time.monotonic() < give_up:
                try:
                    if (await client.get("/readyz")).status_code == httpx.codes.OK:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(_LOOK_SECONDS)
        raise RuntimeError("the web process did not start")


@asynccontextmanager
async def running_stack(folder: Path, kept: Path | None) -> AsyncIterator[Stack]:
    """Everything, with this process connected to it as well. Call it from the main thread.

    `kept` is where a migrated cluster is kept or made, because migrating takes longer.
    """
    if kept is not None:
        lay_out_cluster(folder / "postgres", kept)
    servers = Servers(start_postgres(folder / "postgres", durable=True), start_redis(folder / "redis"))
    sandbox = SandboxProcess(folder / "sandbox", free_port())
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    programs = {name: Program(words, folder / f"{name}.log") for name, words in _PROGRAMS.items()}
    try:
        sandbox.start()
        with environment({**sandbox.environment(), **_settings(servers, folder, port)}):
            await migrate(servers.postgres.url)
            async with wiring.connected(), SandboxControl(sandbox.base_url) as control:
                await import_catalogue(SYSTEM, orjson.loads((SEED / "service_items.json").read_bytes()))
                stack = Stack(url, servers, sandbox, control, programs)
                for program in programs.values():
                    program.start()
                await stack.ready()
                yield stack
    finally:
        for program in programs.values():
            program.kill()
        if sandbox.process is not None:
            sandbox.kill()
        servers.stop()


_PROGRAMS = {"web": ("serve",), "worker": ("worker",)}


def _settings(servers: Servers, folder: Path, port: int) -> dict[str, str]:
    return {
        "PORTAL_ENV": "test",
        "PORTAL_STATE_DIR": str(folder),
        "PORTAL_DATABASE_URL": servers.postgres.url,
        "PORTAL_REDIS_URL": servers.redis.url,
        "PORTAL_PORT": str(port),
        "PORTAL_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PORTAL_PROVIDERS": "wechat,alipay,window",
        "PORTAL_LOG_FORMAT": "json",
    }
