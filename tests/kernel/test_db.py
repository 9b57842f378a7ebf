from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from uuid import UUID

import psycopg
import pytest

from app.kernel import db
from app.kernel.errors import PleaseRetry
from app.kernel.settings import get_settings
from tests.portal import Portal, Services


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://portal:s%40crt@db.city.cn:6432/hall",
            {"host": "db.city.cn", "port": 6432, "user": "portal", "password": "s@crt", "database": "hall"},
        ),
        ("postgres://db/hall", {"host": "db", "port": 5432, "user": "postgres", "password": "", "database": "hall"}),
        ("postgresql:///hall?host=/run/postgresql", {"host": "/run/postgresql", "database": "hall"}),
        ("postgresql://db", {"database": "postgres"}),
    ],
)
def test_an_address_is_understood(url: str, expected: dict[str, object]) -> None:
    credentials = db.tortoise_config(url)["connections"]["default"]["credentials"]
    assert {name: credentials[name] for name in expected} == expected


def test_the_worker_gets_the_same_address_with_its_password_intact(services: Services) -> None:
    assert db.libpq_url("postgres://portal:s%40c%2Frt@db:6432/hall?sslmode=require") == (
        "postgresql://portal:s%40c%2Frt@db:6432/hall?sslmode=require"
    )
    assert db.libpq_url(services.postgres.url) == services.postgres.url


def test_every_domain_with_tables_is_known() -> None:
    modules = db.model_modules()
    assert "app.cases.models" in modules
    assert "app.kernel.audit.lines" in modules
    assert len(modules) == len(set(modules))


def test_ids_grow_with_time_and_never_repeat() -> None:
    """UUIDv7: RFC 9562 section 5.7."""
    before = time.time_ns() // 1_000_000
    ids = [db.new_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert len(set(ids)) == 1000
    assert all((one.version, one.variant) == (7, "specified in RFC 4122") for one in ids)
    moments = [one.int >> 80 for one in ids]
    assert moments == sorted(moments)
    assert before <= moments[0] <= moments[-1] <= after


async def test_what_failed_left_nothing_also_of_an_inner_transaction(portal: Portal) -> None:
    mark = UUID(int=db.new_id().int)
    insert = "INSERT INTO inbox_answered_request (id, owner, key, body_hash, created_at) VALUES ($1, $1, $2, '', now())"

    async def outer() -> None:
        async with db.transaction():
            assert db.in_open_transaction()
            await db.rows(insert, mark, "outer")
            async with db.transaction():
                await db.rows(insert, db.new_id(), "inner")
            raise LookupError

    with pytest.raises(LookupError):
        await outer()
    assert not db.in_open_transaction()
    assert await db.rows("SELECT key FROM inbox_answered_request WHERE owner = $1 OR key = 'inner'", mark) == []


async def test_values_are_bound_and_never_read_as_sql(portal: Portal) -> None:
    evil = "'; DROP TABLE case_file; --"
    assert await db.row("SELECT $1::text AS said", evil) == {"said": evil}
    await db.reachable()


async def test_a_transaction_cut_off_at_any_moment_costs_no_connection(portal: Portal) -> None:
    """Also while it begins or ends; and whoever was cut off can go on in the same task."""

    async def read() -> None:
        async with db.transaction():
            await db.rows("SELECT 1")

    async def cut_off(step: int) -> None:
        reading = asyncio.ensure_future(read())
        for _ in range(step):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])

    for step in range(40):
        await asyncio.gather(*(cut_off(step) for _ in range(4)))
    async with asyncio.timeout(20):
        await asyncio.gather(*(db.rows("SELECT pg_sleep(0.05)") for _ in range(get_settings().database_pool)))


async def test_a_task_goes_on_after_a_transaction_that_did_not_begin(portal: Portal) -> None:
    for step in range(1, 12):
        with suppress(TimeoutError):
            async with asyncio.timeout(0.0003 * step), db.transaction():
                await db.rows("SELECT pg_sleep(0.01)")
        assert not db.in_open_transaction()
        assert await db.rows("SELECT 1 AS one") == [{"one": 1}]


async def test_what_waits_for_the_commit_is_done_after_it_and_only_then(portal: Portal) -> None:
    done: list[str] = []
    async with db.transaction():
        db.after_commit(lambda: done.append("kept"))
        async with db.transaction():
            db.after_commit(lambda: done.append("inner"))
        assert done == []
    assert done == ["kept", "inner"]

    async def fail() -> None:
        async with db.transaction():
            db.after_commit(lambda: done.append("lost"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    db.after_commit(lambda: done.append("at once"))
    assert done == ["kept", "inner", "at once"]


async def test_a_database_that_went_away_asks_for_patience(portal: Portal) -> None:
    async def lose() -> None:
        async with db.transaction():
            await db.rows("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(PleaseRetry):
        await lose()
    assert await db.rows("SELECT 1 AS one") == [{"one": 1}]


async def test_a_database_that_goes_away_again_and_again_asks_for_patience_and_nothing_else(portal: Portal) -> None:
    """Whatever a transaction was doing in that moment: beginning, asking, or ending."""
    came: Counter[str] = Counter()
    over = asyncio.Event()

    async def ask() -> None:
        while not over.is_set():
            try:
                async with db.transaction():
                    await db.rows("SELECT 1")
                came["answered"] += 1
            except PleaseRetry:
                came["asked for patience"] += 1
            except Exception as error:  # noqa: BLE001 - exactly what must not happen is counted
                came[repr(error)] += 1
            await asyncio.sleep(0)

    def cut() -> None:
        with psycopg.connect(get_settings().database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portal'")

    asking = [asyncio.create_task(ask()) for _ in range(30)]
    for _ in range(40):
        await asyncio.to_thread(cut)
        await asyncio.sleep(0.02)
    over.set()
    await asyncio.gather(*asking)
    assert came.keys() == {"answered", "asked for patience"}
    async with asyncio.timeout(20):
        await asyncio.gather(*(db.rows("SELECT pg_sleep(0.05)") for _ in range(get_settings().database_pool)))
