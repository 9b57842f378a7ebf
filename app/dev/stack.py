"""Without this module the demo, the journey tests and `portal dev` would each start the house differently."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg

from app.dev.child import Child, Say
from app.embedded import (
    EmbeddedPostgres,
    EmbeddedRedis,
    EmbeddedUnavailable,
    free_port,
    start_postgres,
    start_redis,
)
from app.reachability import database_fault, port_is_free, redis_fault

ENV_FILE = "dev.env"
OURS = ("PORTAL_", "WECHAT_", "KUAIDI100_", "ALIPAY_", "FISCAL_", "EMS_", "SMS_")
_READY_SECONDS = 60.0
_STOP_SECONDS = 6.0
_CLI = "app.cli"
_NEWEST_WORKER = "SELECT coalesce(max(id), 0) FROM procrastinate_workers"


class StackFailed(Exception):
    """The stack cannot start or go on; the text says why, and what to do where something can be done."""


@dataclass(frozen=True)
class Plan:
    """What to start and where.

    Without `database_url` or `redis_url` a private server is started below `state_dir`. `given` wins over the
    settings that the sandbox hands out, so that a part can be pointed elsewhere.
    """

    state_dir: Path
    port: int
    sandbox_port: int
    host: str = "127.0.0.1"
    database_url: str = ""
    redis_url: str = ""
    durable: bool = True
    given: Mapping[str, str] = field(default_factory=dict)


class Stack:
    """PostgreSQL, Redis, the provider sandbox, the web process and the worker, as separate processes."""

    def __init__(self, plan: Plan, say: Say) -> None:
        self.plan = plan
        self.state_dir = plan.state_dir.resolve()
        self.url = f"http://127.0.0.1:{plan.port}"
        self.sandbox_url = f"http://127.0.0.1:{plan.sandbox_port}"
        self.environment: dict[str, str] = {}
        """What every process of the stack sees, and a test needs to look into it."""
        self.children: dict[str, Child] = {}
        self.postgres: EmbeddedPostgres | None = None
        self.redis: EmbeddedRedis | None = None
        self._say = say
        self._commands = {
            "sandbox": ["integrations.sandbox", *self._sandbox_options()],
            "web": [_CLI, "serve"],
            "worker": [_CLI, "worker"],
        }

    async def start(self) -> None:
        """Start everything and return when all of it answers; raises `StackFailed`."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self._check_ports()
        lines: list[str] = []
        command = [*self._commands["sandbox"], "--print-env"]
        asked = await self._begin("sandbox", command, _inherited(), lambda _name, line: lines.append(line))
        try:
            database_url, redis_url = await self._database(), await self._redis()
        except EmbeddedUnavailable as error:
            raise StackFailed(str(error)) from None
        await self._finish(asked)
        providers = dict(line.split("=", 1) for line in lines if "=" in line)
        self.environment = self._environment(database_url, redis_url, providers)
        self._write_env_file()
        # The web process is not ready before the tables are; until then it only gets to its feet.
        await self.start_child("sandbox")
        await self.start_child("web")
        await self._fill_database()
        before = await self._newest_worker()
        await self.start_child("worker")

        async def at_work() -> bool:
            return await self._newest_worker() > before

        await self._until("sandbox", lambda: _answers(f"{self.sandbox_url}/__ctl/health"))
        await self._until("web process", lambda: _answers(f"{self.url}/readyz"))
        await self._until("worker", at_work)

    async def stop(self) -> None:
        """End everything in order, within seconds, whatever state it is in."""
        for names in (("web", "worker"), ("sandbox",)):
            await asyncio.gather(*(self.stop_child(name) for name in names))
        await asyncio.gather(*(self.stop_child(name) for name in list(self.children)))
        for server in (self.redis, self.postgres):
            if server is not None:
                server.stop()
        (self.state_dir / ENV_FILE).unlink(missing_ok=True)

    async def start_child(self, name: str) -> None:
        """Start `web`, `worker` or `sandbox` (again)."""
        self.children[name] = await Child.start(name, self._commands[name], self.environment, self._say)

    async def stop_child(self, name: str) -> None:
        """Ask one to end, insist after some seconds."""
        if child := self.children.pop(name, None):
            await child.stop(_STOP_SECONDS)

    async def kill_child(self, name: str) -> None:
        """End one as a crash would."""
        await self.children.pop(name).kill()

    def hurry(self) -> None:
        """Let nobody finish what they are doing; for a second Ctrl-C."""
        for child in self.children.values():
            child.kill_now()

    async def first_death(self) -> str:
        """Wait until a part ends by itself and say which, with its last lines."""
        while True:
            for child in self.children.values():
                if child.process.returncode is not None:
                    return await _last_words(child)
            for name, server in (("PostgreSQL", self.postgres), ("Redis", self.redis)):
                if server is not None and server.process.poll() is not None:
                    return f"The private {name} ended by itself; its log is in {server.directory}."
            await asyncio.sleep(0.2)

    def _check_ports(self) -> None:
        for port, variable in (
            (self.plan.port, "PORTAL_PORT"),
            (self.plan.sandbox_port, "PORTAL_SANDBOX_PORT"),
        ):
            if not port_is_free(self.plan.host, port):
                raise StackFailed(
                    f"Port {port} is taken by another program: choose another one, "
                    f"for example `{variable}={port + 100} make run`."
                )

    async def _database(self) -> str:
        if url := self.plan.database_url:
            if fault := await database_fault(url):
                raise StackFailed(fault)
            return url
        begun = time.monotonic()
        self.postgres = start_postgres(self.state_dir / "postgres", durable=self.plan.durable)
        self._progress(f"private PostgreSQL answers ({time.monotonic() - begun:.1f} s)")
        return self.postgres.url

    async def _redis(self) -> str:
        if url := self.plan.redis_url:
            if fault := await redis_fault(url):
                raise StackFailed(fault)
            return url
        self.redis = start_redis(self.state_dir / "redis")
        self._progress("private Redis answers")
        return self.redis.url

    def _environment(self, database_url: str, redis_url: str, providers: Mapping[str, str]) -> dict[str, str]:
        ours = {
            "PORTAL_ENV": "dev",
            "PORTAL_PROVIDERS": "wechat,alipay,kuaidi100,window,fiscal,sms",
            "PORTAL_PUBLIC_URL": self.url,
            "PORTAL_SANDBOX_URL": self.sandbox_url,
            **providers,
            **self.plan.given,
            "PORTAL_HOST": self.plan.host,
            "PORTAL_PORT": str(self.plan.port),
            "PORTAL_STATE_DIR": str(self.state_dir),
            "PORTAL_DATABASE_URL": database_url,
            "PORTAL_REDIS_URL": redis_url,
        }
        return {**_inherited(), **ours}

    def _write_env_file(self) -> None:
        path = self.state_dir / ENV_FILE
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        ours = {name: value for name, value in self.environment.items() if name.startswith(OURS)}
        path.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(ours.items())))

    async def _fill_database(self) -> None:
        applied: list[str] = []

        def listen(name: str, line: str) -> None:
            self._say(name, line)
            if line.startswith("applied"):
                applied.append(line)

        await self._finish(await self._begin("migrate", [_CLI, "migrate"], self.environment, listen))
        marker = self.state_dir / "postgres" / "seeded"
        if self.postgres is None or applied or not marker.exists():
            await self._finish(await self._begin("seed", [_CLI, "seed"], self.environment, self._say))
            if self.postgres is not None:
                marker.touch()

    async def _begin(self, name: str, command: list[str], environment: Mapping[str, str], say: Say) -> Child:
        self.children[name] = await Child.start(name, command, environment, say)
        return self.children[name]

    async def _finish(self, child: Child) -> None:
        if await child.ended() != 0:
            raise StackFailed(await _last_words(child))
        del self.children[child.name]

    async def _until(self, what: str, reached: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not await reached():
            for child in self.children.values():
                if child.process.returncode is not None:
                    raise StackFailed(await _last_words(child))
            if time.monotonic() > deadline:
                raise StackFailed(f"The {what} did not get ready within {_READY_SECONDS:.0f} seconds.")
            await asyncio.sleep(0.1)

    async def _newest_worker(self) -> int:
        async with await psycopg.AsyncConnection.connect(self.environment["PORTAL_DATABASE_URL"]) as connection:
            found = await (await connection.execute(_NEWEST_WORKER)).fetchone()
        return int(found[0]) if found else 0

    def _sandbox_options(self) -> list[str]:
        return ["--state", str(self.state_dir / "sandbox"), "--port", str(self.plan.sandbox_port)]

    def _progress(self, line: str) -> None:
        self._say("portal", line)


@asynccontextmanager
async def running_stack(
    state_dir: Path,
    *,
    port: int | None = None,
    sandbox_port: int | None = None,
    database_url: str = "",
    redis_url: str = "",
    durable: bool = False,
    say: Say | None = None,
) -> AsyncIterator[Stack]:
    """A stack that lives as long as the block, on free ports unless told otherwise.

    Without `say` every part writes to `<state_dir>/logs/<name>.log`. Nothing of the caller's own `PORTAL_*` or
    provider variables gets in. Raises `StackFailed`.
    """
    plan = Plan(
        state_dir,
        port or free_port(),
        sandbox_port or free_port(),
        database_url=database_url,
        redis_url=redis_url,
        durable=durable,
    )
    stack = Stack(plan, say or _to_files(state_dir / "logs"))
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()


def _to_files(folder: Path) -> Say:
    folder.mkdir(parents=True, exist_ok=True)

    def say(name: str, line: str) -> None:
        with (folder / f"{name}.log").open("a") as log:
            log.write(f"{line}\n")

    return say


async def _answers(url: str) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
        try:
            return (await client.get(url)).status_code == 200
        except httpx.HTTPError:
            return False


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


async def _last_words(child: Child) -> str:
    status = await child.ended()
    cause = f"signal {-status}" if status < 0 else f"status {status}"
    said = "\n".join(f"    {line}" for line in child.last_lines) or "    (it said nothing)"
    return f"{child.name} ended by itself with {cause}. Its last lines:\n{said}"
