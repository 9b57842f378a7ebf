"""What the portal has written down: audit lines, and whether anything moved at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tortoise import Tortoise

from app.kernel import db
from app.kernel.audit import AuditLine

_ALWAYS_STILL = frozenset({"item_gram"})
_DIGEST = """
    SELECT '{table}' AS name, concat(count(*), ':', sum(hash_record_extended(t, 0)::numeric)) AS digest FROM {table} t
"""


async def audit_of(subject: str) -> list[tuple[str, str]]:
    """The acts about one subject with their results, oldest first."""
    return [(line.act, line.result) for line in await AuditLine.filter(subject=subject).order_by("id")]


async def _digests() -> dict[str, str]:
    models = Tortoise.apps["portal"].values()
    tables = [*sorted({model._meta.db_table for model in models} - _ALWAYS_STILL), "procrastinate_jobs"]
    parts = (_DIGEST.format(table=table) for table in tables)
    return {row["name"]: row["digest"] for row in await db.rows(" UNION ALL ".join(parts))}


@asynccontextmanager
async def nothing_moves(*besides: str) -> AsyncIterator[None]:
    """Fails when any row of any table was added, changed or removed meanwhile, `besides` apart."""
    before = await _digests()
    yield
    after = await _digests()
    moved = [table for table in after if after[table] != before[table] and table not in besides]
    assert moved == [], f"moved: {moved}"
