"""Without this module two processes starting at once would both change the tables."""

from __future__ import annotations

import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg.errors import UndefinedTable
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationTarget

import migrations
from app.applying import Executor
from app.kernel import db

_LOCK = 0x7A68616E67  # "zhang": any number nobody else uses
_PATIENCE = "180s"


async def migrate(database_url: str, until: str = "__latest__") -> list[str]:
    """Apply what is missing, oldest first, through the one named `until`, and give the names.

    Processes that start together wait for each other. Raises `psycopg.OperationalError` when the database
    does not answer, `psycopg.errors.LockNotAvailable` after three minutes of waiting.
    """
    applied: list[str] = []

    def note(event: str, _app: str, name: str) -> None:
        if event == "apply_done":
            applied.append(name)

    config = db.tortoise_config(database_url)
    async with _alone(database_url), TortoiseContext() as context:
        await context.init(config=config, init_connections=False)
        executor = Executor(get_connection("default"), config["apps"])
        await executor.migrate([MigrationTarget(db.APP, until)], direction="forward", progress=note)
    return applied


async def pending(database_url: str) -> list[str]:
    """Names of the migrations this program brings and the database lacks; raises `psycopg.OperationalError`."""
    async with await _connect(database_url) as connection:
        try:
            cursor = await connection.execute("SELECT name FROM tortoise_migrations WHERE app = %s", [db.APP])
        except UndefinedTable:
            return known()
        applied = {str(name) for (name,) in await cursor.fetchall()}
    return [name for name in known() if name not in applied]


async def tables_fault(database_url: str) -> str | None:
    """One sentence when the database lacks tables that this program needs; raises `psycopg.OperationalError`."""
    missing = await pending(database_url)
    return f"The database is older than this program ({', '.join(missing)}): run `portal migrate`." if missing else None


def known() -> list[str]:
    """Names of the migrations this program brings, oldest first."""
    names = (module.name for module in pkgutil.iter_modules(migrations.__path__))
    return sorted(name for name in names if not name.startswith(("_", "~")))


async def _connect(database_url: str) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(db.libpq_url(database_url), autocommit=True, connect_timeout=5)


@asynccontextmanager
async def _alone(database_url: str) -> AsyncIterator[None]:
    async with await _connect(database_url) as connection:
        await connection.execute("SELECT set_config('lock_timeout', %s, false)", [_PATIENCE])
        await connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        yield
