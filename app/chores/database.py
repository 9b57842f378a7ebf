"""Without this module every chore would find and open the database in its own way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import click

from app.kernel.logging import configure_logging
from app.kernel.settings import get_settings

T = TypeVar("T")


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run a chore with the database open; leaves with one sentence when there is none, or an older one."""
    configure_logging(get_settings().log_format, "chore")
    return asyncio.run(_with_database(work))


def run_connected(work: Callable[[], Awaitable[T]]) -> T:
    """The same with providers and reactions in place, for chores that ask providers."""
    configure_logging(get_settings().log_format, "chore")

    async def connected() -> T:
        from app import wiring  # noqa: PLC0415 - wires every domain

        await _check()
        async with wiring.connected():
            return await work()

    return asyncio.run(connected())


async def _with_database(work: Callable[[], Awaitable[T]]) -> T:
    async with _opened():
        return await work()


async def _check() -> None:
    """Leave with one sentence when there is no database, or one that is older than this program."""
    from app.migrating import tables_fault  # noqa: PLC0415 - loads the ORM, which `--help` does not need
    from app.reachability import database_fault  # noqa: PLC0415 - the same

    url = get_settings().database_url
    missing = "No database is named: start `make run` in another terminal, or set PORTAL_DATABASE_URL."
    if fault := (await database_fault(url) or await tables_fault(url)) if url else missing:
        raise click.ClickException(fault)


@asynccontextmanager
async def _opened() -> AsyncIterator[None]:
    from app.kernel import db  # noqa: PLC0415 - the same

    await _check()
    await db.connect()
    try:
        yield
    finally:
        await db.disconnect()
