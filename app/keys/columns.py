"""Without this module a table added later would be forgotten, and lost with the key it was sealed with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tortoise import Tortoise
from tortoise.models import Model

from app.kernel import db

_SUFFIX = "_sealed"
_LOOKS_SEALED = "^[^.]{1,60}[.][A-Za-z0-9_=-]{38,}$"
NOT_SEALED = "?"
"""Counted for values that are not sealed at all: they may be readable, so no part of them is told."""


@dataclass(frozen=True, order=True)
class SealedColumn:
    """A column whose values carry the key that sealed them, found by its name."""

    table: str
    column: str
    key: str
    key_type: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


def sealed_columns(models: Iterable[type[Model]] | None = None) -> list[SealedColumn]:
    """Every sealed column of the given models, of all registered ones by default."""
    if models is None:
        assert Tortoise.apps is not None
        models = Tortoise.apps[db.APP].values()
    return sorted(column for model in models for column in _columns(model))


def _columns(model: type[Model]) -> list[SealedColumn]:
    meta = model._meta  # noqa: SLF001 - Tortoise's description of a table has no other name
    key_type = str(meta.pk.get_for_dialect("postgres", "SQL_TYPE"))
    names = [name for name in meta.fields_db_projection.values() if name.endswith(_SUFFIX)]
    return [SealedColumn(meta.db_table, name, meta.db_pk_column, key_type) for name in names]


async def count_by_key(column: SealedColumn) -> dict[str, int]:
    """How many values each key seals; `NOT_SEALED` for what is no sealed value."""
    found = await db.rows(
        f"""
        SELECT CASE WHEN "{column.column}" ~ $1 THEN split_part("{column.column}", '.', 1) ELSE $2 END AS key,
               count(*) AS count
        FROM "{column.table}" WHERE "{column.column}" IS NOT NULL GROUP BY 1 ORDER BY 1
        """,  # noqa: S608 - names of our own models
        _LOOKS_SEALED,
        NOT_SEALED,
    )
    return {row["key"]: row["count"] for row in found}
