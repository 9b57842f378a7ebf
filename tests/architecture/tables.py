"""What the models promise of the database, held against the database that the migrations really built.

Tortoise says nothing when a migration forgets something: a `Meta.constraints` inside `CreateModel` and the foreign
keys of two models that refer to each other are silently left out, and the change detector sees no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tortoise import Model, Tortoise
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from app.kernel import db

_COLUMNS = """
    SELECT attname AS name, NOT attnotnull AS nullable, format_type(atttypid, atttypmod) AS type
    FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
"""
_TYPE = "SELECT format_type(to_regtype($1), to_regtypemod($1)) AS type"
_INDEXES = """
    SELECT indexrelid::regclass::text AS name, indisunique AS is_unique, pg_get_expr(indpred, indrelid) AS condition,
           ARRAY(SELECT attname::text FROM unnest(indkey) WITH ORDINALITY AS k (num, place)
                 JOIN pg_attribute ON attrelid = indrelid AND attnum = k.num ORDER BY place) AS columns
    FROM pg_index WHERE indrelid = to_regclass($1) AND indexprs IS NULL
"""
_CHECKS = """
    SELECT conname AS name, pg_get_expr(conbin, conrelid) AS rule FROM pg_constraint
    WHERE conrelid = to_regclass($1) AND contype = 'c'
"""
_REFERENCES = """
    SELECT attname AS "column", confrelid::regclass::text AS target,
           CASE confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'r' THEN 'RESTRICT' WHEN 'n' THEN 'SET NULL'
                            WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END AS on_delete
    FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
    WHERE conrelid = to_regclass($1) AND contype = 'f'
"""


def models() -> list[type[Model]]:
    assert Tortoise.apps is not None
    return list(Tortoise.apps[db.APP].values())


async def faults_of(model: type[Model]) -> list[str]:
    """One sentence for each promise of the model that the database does not keep."""
    checks = (_column_faults, _unique_faults, _index_faults, _reference_faults, _constraint_faults)
    return [f"{model._meta.db_table}: {fault}" for check in checks for fault in await check(model)]


async def _column_faults(model: type[Model]) -> list[str]:
    found = {row["name"]: (row["nullable"], row["type"]) for row in await db.rows(_COLUMNS, model._meta.db_table)}
    wanted = {}
    for name, column in model._meta.fields_db_projection.items():
        field = model._meta.fields_map[name]
        written = await db.row(_TYPE, field.get_for_dialect("postgres", "SQL_TYPE"))
        assert written is not None
        wanted[column] = (field.null, written["type"])
    return [
        f"column {name} is {found.get(name, 'missing')} and should be {wanted.get(name, 'absent')}"
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name)
    ]


async def _unique_faults(model: type[Model]) -> list[str]:
    """`unique=True` and `unique_together`, without a condition."""
    indexes = await db.rows(_INDEXES, model._meta.db_table)
    found = {tuple(row["columns"]) for row in indexes if row["is_unique"] and row["condition"] is None}
    columns = model._meta.fields_db_projection
    wanted: list[tuple[str, ...]] = [(name,) for name in columns if model._meta.fields_map[name].unique]
    wanted += [tuple(names) for names in model._meta.unique_together]
    return [f"{names} are not unique" for names in wanted if _columns(model, names) not in found]


async def _index_faults(model: type[Model]) -> list[str]:
    found = {tuple(row["columns"]) for row in await db.rows(_INDEXES, model._meta.db_table)}
    columns = model._meta.fields_db_projection
    wanted: list[tuple[str, ...]] = [(name,) for name in columns if model._meta.fields_map[name].index]
    wanted += [tuple(index.fields if isinstance(index, Index) else index) for index in model._meta.indexes]
    return [f"no index on {names}" for names in wanted if _columns(model, names) not in found]


async def _reference_faults(model: type[Model]) -> list[str]:
    found = {row["column"]: (row["target"], row["on_delete"]) for row in await db.rows(_REFERENCES, _table(model))}
    wanted = {
        str(field.source_field): (_table(field.related_model), field.on_delete.value)
        for field in model._meta.fields_map.values()
        if isinstance(field, ForeignKeyFieldInstance)
    }
    return [
        f"{name} refers to {found.get(name, 'nothing')} and should to {wanted.get(name, 'nothing')}"
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name)
    ]


async def _constraint_faults(model: type[Model]) -> list[str]:
    """Every entry of `Meta.constraints`, and nothing that the model no longer asks for."""
    table = _table(model)
    found: dict[str, Any] = {row["name"]: row["rule"] for row in await db.rows(_CHECKS, table)}
    found |= {
        row["name"]: (*row["columns"], row["condition"])
        for row in await db.rows(_INDEXES, table)
        if row["condition"] is not None
    }
    wanted = await _as_postgresql_says(table, model._meta.constraints)
    return [
        f"constraint {name} is {found.get(name, 'missing')} and should be {wanted.get(name, 'absent')}"
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name)
    ]


async def _as_postgresql_says(table: str, constraints: Iterable[object]) -> dict[str, Any]:
    """The wanted constraints in PostgreSQL's own words: put on an empty copy of the table, read, thrown away."""
    declared = [one for one in constraints if isinstance(one, (CheckConstraint, UniqueConstraint))]
    conditional = [one for one in declared if isinstance(one, UniqueConstraint)]
    checked = [one for one in declared if isinstance(one, CheckConstraint)]
    await db.rows(f'CREATE TEMPORARY TABLE wanted (LIKE "{table}") ON COMMIT DROP')
    for check in checked:
        await db.rows(f"ALTER TABLE wanted ADD CONSTRAINT {check.name} CHECK ({check.check})")
    for unique in conditional:
        columns = ", ".join(unique.fields)
        await db.rows(f"CREATE UNIQUE INDEX wanted_{unique.name} ON wanted ({columns}) WHERE {unique.condition}")
    told: dict[str, Any] = {row["name"]: row["rule"] for row in await db.rows(_CHECKS, "wanted")}
    told |= {
        row["name"].removeprefix("wanted_"): (*row["columns"], row["condition"])
        for row in await db.rows(_INDEXES, "wanted")
    }
    await db.rows("DROP TABLE wanted")
    return told


def _table(model: type[Model]) -> str:
    return model._meta.db_table


def _columns(model: type[Model], names: Iterable[str]) -> tuple[str, ...]:
    """Column names for field names; a reference may be named with or without its `_id`."""
    columns = []
    for name in names:
        field = model._meta.fields_map.get(name)
        columns.append(str(field.source_field or name) if field else name)
    return tuple(columns)
