"""The running portal of a test session: real PostgreSQL built by the migrations, real HTTP, the real sandbox."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from procrastinate import App
from procrastinate.periodic import PeriodicRegistry

from app import wiring
from app.embedded import EmbeddedPostgres, EmbeddedRedis, start_redis
from app.http.sockets import SOCKET_OPTIONS
from app.identity.rules import Role
from app.kernel import db, jobs, privacy
from app.kernel.settings import get_settings
from app.migrating import migrate
from app.seeding import seed_connected
from integrations.sandbox.control import SandboxControl
from tests.clusters import start_migrated_postgres
from tests.integrations.sandbox.process import SandboxProcess
from tests.people import Caller, Clerk, Phone
from tests.ports import free_port

_DUE = """
    SELECT task_name, lock, args FROM procrastinate_jobs
    WHERE status = 'todo' AND coalesce(scheduled_at, now()) <= now() LIMIT 20
"""
_MOST_ROUNDS = 50


@dataclass
class Portal:
    """What a test needs: where the web process answers, the sandbox's hand, and the worker's hand."""

    url: str
    control: SandboxControl
    queue: App
    people: list[Caller] = field(default_factory=list)

    async def phone(self, *, signed_in: bool = True, proven: bool = True, language: str = "zh-CN") -> Phone:
        """A new resident's phone; by default signed in and proven by face."""
        phone = await Phone.new(self.url, self.control, language)
        self.people.append(phone)
        if signed_in:
            await phone.sign_in()
        if signed_in and proven:
            await phone.prove()
        return phone

    async def clerk(self, role: Role) -> Clerk:
        clerk = await Clerk.of(self.url, role)
        self.people.append(clerk)
        return clerk

    def stranger(self) -> Caller:
        """Somebody without a token."""
        caller = Caller(self.url)
        self.people.append(caller)
        return caller

    async def close(self) -> None:
        """Everybody puts the phone down."""
        for caller in self.people:
            await caller.http.aclose()

    @asynccontextmanager
    async def later(self, seconds: float) -> AsyncIterator[None]:
        """What the providers keep is older meanwhile. They do not forget: people would come with numbers known here."""
        await self.control.advance_clock(seconds)
        try:
            yield
        finally:
            await self.control.advance_clock(-seconds)

    async def run_jobs(self, *, may_fail: bool = False) -> None:
        """Let the worker do everything that is due, also what that causes, but nothing by the timetable: that would
        come or not come by the wall clock. A failing job fails the test, and so does one that never gets its turn.
        """
        timetable, self.queue.periodic_registry = self.queue.periodic_registry, PeriodicRegistry()  # type: ignore[no-untyped-call]
        try:
            await self._run_due_jobs()
        finally:
            self.queue.periodic_registry = timetable
        if not may_fail:
            left = await db.rows("SELECT task_name, attempts, args FROM procrastinate_jobs WHERE attempts > 0")
            assert left == [], f"jobs failed: {left}"

    async def _run_due_jobs(self) -> None:
        rounds = 0
        while due := await db.rows(_DUE):  # what waits for a lock is left by one round
            rounds += 1
            assert rounds <= _MOST_ROUNDS, f"jobs never done: {due}"
            await self.queue.run_worker_async(
                wait=False, concurrency=4, listen_notify=False, install_signal_handlers=False, delete_jobs="successful"
            )


@dataclass(frozen=True)
class Services:
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    sandbox: SandboxProcess


@contextmanager
def running_services(folder: Path, kept: Path) -> Iterator[Services]:
    """PostgreSQL, Redis and the sandbox as processes of their own; `kept` as in `start_migrated_postgres`."""
    postgres = start_migrated_postgres(folder / "postgres", kept)
    redis = start_redis(folder / "redis")
    sandbox = SandboxProcess(folder / "sandbox", free_port())
    try:
        sandbox.start()
        yield Services(postgres, redis, sandbox)
    finally:
        sandbox.stop()
        redis.stop()
        postgres.stop()


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Settings are read from the environment only, so the session says them there."""
    before = dict(os.environ)
    os.environ.update(variables)
    get_settings.cache_clear()
    privacy.key_ring.cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        get_settings.cache_clear()
        privacy.key_ring.cache_clear()


@asynccontextmanager
async def running_portal(services: Services) -> AsyncIterator[Portal]:
    """Migrated, seeded, wired and serving on a free port of this process."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    variables = {
        **services.sandbox.environment(),
        "PORTAL_ENV": "test",
        "PORTAL_STATE_DIR": str(services.sandbox.state.parent),
        "PORTAL_DATABASE_URL": services.postgres.url,
        "PORTAL_REDIS_URL": services.redis.url,
        "PORTAL_PUBLIC_URL": url,
        "PORTAL_PROVIDERS": "wechat,alipay,kuaidi100,window,sms",
    }
    with environment(variables):
        await migrate(services.postgres.url)
        async with wiring.connected(), jobs.opened(services.postgres.url) as queue:
            await seed_connected()
            async with _serving(port), SandboxControl(services.sandbox.base_url) as control:
                portal = Portal(url, control, queue)
                yield portal
                await portal.close()


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: Ctrl-C belongs to pytest."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        return nullcontext()


@asynccontextmanager
async def _serving(port: int) -> AsyncIterator[None]:
    from app.main import create_app

    config = uvicorn.Config(
        create_app(), host="127.0.0.1", port=port, log_config=None, lifespan="off", **SOCKET_OPTIONS
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await task
