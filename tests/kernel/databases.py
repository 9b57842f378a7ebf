"""A database of its own, for tests that break something others rely on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tortoise.context import TortoiseContext

from app.embedded import EmbeddedPostgres
from app.kernel import db
from tests.clusters import MIGRATED


@asynccontextmanager
async def database_of_its_own(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A migrated and otherwise empty database, and its address; everything inside speaks to it."""
    name = f"own_{db.new_id().hex}"
    url = postgres.create_database(name, template=MIGRATED)
    try:
        async with TortoiseContext() as context:
            await context.init(config=db.tortoise_config(url))
            yield url
            await context.close_connections()
    finally:
        postgres.drop_database(name)
