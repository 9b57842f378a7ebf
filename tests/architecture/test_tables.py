from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
import pytest
from tortoise import Tortoise
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.schema_generator.state import State

from app.applying import nothing
from app.booking.models import Slot
from app.cases.models import Case
from app.kernel import db
from app.kernel.inbox.notices import Notice
from app.migrating import known, pending
from app.payments.models import PaymentAttempt
from tests.architecture.tables import faults_of, models
from tests.clusters import MIGRATED, migrate_back
from tests.portal import Portal, Services

MOMENT = "timestamp with time zone"
SUCCEEDED = "((state)::text = 'SUCCEEDED'::text)"


class _RolledBack(Exception):
    pass


@asynccontextmanager
async def rolled_back() -> AsyncIterator[None]:
    """Everything done inside is undone, also changes of tables."""
    with suppress(_RolledBack):
        async with db.transaction():
            yield
            raise _RolledBack


class _Autodetector(MigrationAutodetector):
    """Tortoise's own over states that make no models, for it compares what is written in them."""

    async def _project_state(self) -> State:
        state = nothing({})
        for key in self._full_plan():
            migration = self.loader.graph.nodes[key]
            assert migration is not None
            await migration.apply(state, dry_run=True)
        return state


async def test_no_model_differs_from_the_migrations(portal: Portal) -> None:
    config = db.tortoise_config("postgresql://nobody@127.0.0.1:1/nowhere")
    assert Tortoise.apps is not None
    changes = await _Autodetector(Tortoise.apps, config["apps"]).changes()
    assert [writer.as_string() for writer in changes] == [], "run: make migrations NAME=what_changed"


async def test_the_migrated_database_keeps_every_promise_of_the_models(portal: Portal) -> None:
    """Columns, references, unique keys, indexes and constraints, as PostgreSQL itself tells them."""
    async with rolled_back():
        faults = [fault for model in models() for fault in await faults_of(model)]
        assert faults == []


@pytest.mark.parametrize(
    ("model", "forgotten", "fault"),
    [
        (
            Slot,
            "ALTER TABLE slot DROP CONSTRAINT slot_never_oversold",
            "slot: constraint slot_never_oversold is missing and should be ((taken >= 0) AND (taken <= capacity))",
        ),
        (
            Slot,
            "ALTER TABLE slot DROP CONSTRAINT slot_never_oversold, ADD CONSTRAINT slot_never_oversold CHECK (taken>=0)",
            "slot: constraint slot_never_oversold is (taken >= 0) and should be ((taken >= 0) AND (taken <= capacity))",
        ),
        (
            PaymentAttempt,
            "DROP INDEX one_success_per_bill",
            f"payment_attempt: constraint one_success_per_bill is missing and should be {('bill_id', SUCCEEDED)}",
        ),
        (
            Case,
            "ALTER TABLE case_file ALTER submitted_at DROP NOT NULL",
            f"case_file: column submitted_at is (True, '{MOMENT}') and should be (False, '{MOMENT}')",
        ),
        (
            Case,
            "ALTER TABLE case_file DROP COLUMN item_id",
            "case_file: column item_id is missing and should be (False, 'uuid')",
        ),
    ],
)
async def test_something_forgotten_is_seen(portal: Portal, model: type[Case], forgotten: str, fault: str) -> None:
    async with rolled_back():
        await db.rows(forgotten)
        assert fault in await faults_of(model)


async def test_a_forgotten_unique_key_is_seen(portal: Portal) -> None:
    """Without it the same event would be handled twice."""
    async with rolled_back():
        [key] = await db.rows(
            "SELECT conname AS name FROM pg_constraint WHERE conrelid = 'inbox_notice'::regclass AND contype = 'u'"
        )
        await db.rows(f'ALTER TABLE inbox_notice DROP CONSTRAINT "{key["name"]}"')
        assert await faults_of(Notice) == ["inbox_notice: ('provider', 'event_key') are not unique"]


_CATALOG = """
    SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable FROM information_schema.columns
    WHERE table_schema = 'public'
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
    UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    ORDER BY 1
"""


async def _catalog(url: str) -> list[str]:
    async with await psycopg.AsyncConnection.connect(db.libpq_url(url)) as connection:
        cursor = await connection.execute(_CATALOG)
        return [text for (text,) in await cursor.fetchall()]


async def test_migrations_go_back_to_nothing(services: Services) -> None:
    """Where nothing is left, forward again is what every new database goes through."""
    url = services.postgres.create_database("there_and_back", template=MIGRATED)
    try:
        assert len(await _catalog(url)) > 100

        await migrate_back(url)

        assert [line for line in await _catalog(url) if "tortoise_migrations" not in line] == []
        assert await pending(url) == known()
    finally:
        services.postgres.drop_database("there_and_back")
