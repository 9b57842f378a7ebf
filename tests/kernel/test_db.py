from __future__ import annotations

import time
from uuid import UUID

import pytest

from app.kernel import db
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
