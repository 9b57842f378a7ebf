from __future__ import annotations

import asyncio

from app import migrating
from app.embedded import EmbeddedPostgres


async def test_two_processes_that_migrate_at_once_apply_each_migration_once(postgres: EmbeddedPostgres) -> None:
    url = postgres.create_database("migrated")
    assert await migrating.pending(url) == migrating.known()

    one, other = await asyncio.gather(migrating.migrate(url), migrating.migrate(url))

    assert sorted(one + other) == migrating.known()
    assert await migrating.pending(url) == []
    postgres.drop_database("migrated")
