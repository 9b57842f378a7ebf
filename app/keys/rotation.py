"""Without this module an old key would have to be kept for ever, and its theft would never stop mattering."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.kernel import audit, db
from app.kernel.actor import SYSTEM
from app.kernel.privacy import KeyRing, Unreadable, key_ring
from app.keys.columns import SealedColumn, count_by_key, sealed_columns

Tell = Callable[[SealedColumn, int], None]
"""Hears of a column and how many of its values are done."""

_MOST_ROUNDS = 20


@dataclass(frozen=True)
class Held:
    """How many values of a column one key seals."""

    column: SealedColumn
    key_id: str
    count: int


@dataclass
class Rotation:
    """What came of it: values sealed anew by column; rows whose value no key of the ring opens."""

    sealed: dict[SealedColumn, int] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    left: list[Held] = field(default_factory=list)


class _Value(NamedTuple):
    id: object
    old: str
    new: str


class KeysMissing(Exception):
    """Values are sealed with keys that are not in the ring: nothing may be moved before they are found."""

    def __init__(self, held: list[Held]) -> None:
        super().__init__()
        self.held = held


async def held_by_keys() -> list[Held]:
    """Every column and key that has values, whatever the key."""
    columns = sealed_columns()
    return [Held(column, key_id, n) for column in columns for key_id, n in (await count_by_key(column)).items()]


def without_key(held: list[Held]) -> list[Held]:
    return [entry for entry in held if entry.key_id not in key_ring().keys]


async def rotate(*, batch: int = 500, tell: Tell = lambda _column, _done: None) -> Rotation:
    """Seal with the newest key whatever an older one seals. Raises `KeysMissing`, and then nothing was changed.

    Each batch is a short transaction, and a value changes only while it is still the one that was opened: a writer
    beside it loses nothing. After a death run it again: what is left is seen by the key its value names.
    """
    if missing := without_key(await held_by_keys()):
        raise KeysMissing(missing)
    ring, done = key_ring(), Rotation()
    for column in sealed_columns():
        done.sealed[column] = await _rotate_column(ring, column, batch, done, tell)
    done.left = [entry for entry in await held_by_keys() if entry.key_id != ring.newest]
    if moved := {str(column): count for column, count in done.sealed.items() if count}:
        await audit.record(SYSTEM, "keys.rotated", f"key:{ring.newest}", detail=moved)
    return done


async def _rotate_column(ring: KeyRing, column: SealedColumn, batch: int, done: Rotation, tell: Tell) -> int:
    """Round by round, for while one goes on a process with the old ring may write behind it."""
    moved, damaged = 0, set[str]()
    for _ in range(_MOST_ROUNDS):
        found, page = 0, await _page(ring, column, batch)
        while page:
            values = _sealed_anew(ring, page, damaged)
            found += len(values)
            moved += await _replace(column, values)
            tell(column, moved)
            page = await _page(ring, column, batch, page[-1]["id"])
        if not found:
            break
    done.damaged += [f"{column} of {row}" for row in sorted(damaged)]
    return moved


async def _page(ring: KeyRing, column: SealedColumn, batch: int, after: object = None) -> Sequence[Mapping[str, Any]]:
    beyond = f'AND "{column.key}" > $3' if after is not None else ""
    bound = (after,) if after is not None else ()
    return await db.rows(
        f"""
        SELECT "{column.key}" AS id, "{column.column}" AS old FROM "{column.table}"
        WHERE "{column.column}" IS NOT NULL AND split_part("{column.column}", '.', 1) <> $1 {beyond}
        ORDER BY "{column.key}" LIMIT $2
        """,  # noqa: S608 - names of our own models
        ring.newest,
        batch,
        *bound,
    )


def _sealed_anew(ring: KeyRing, page: Sequence[Mapping[str, Any]], damaged: set[str]) -> list[_Value]:
    values = []
    for row in page:
        try:
            values.append(_Value(row["id"], row["old"], ring.seal(ring.open(row["old"]))))
        except Unreadable:
            damaged.add(str(row["id"]))
    return values


async def _replace(column: SealedColumn, values: list[_Value]) -> int:
    if not values:
        return 0
    ids = [value.id for value in values]
    async with db.transaction():
        # In key order, as every command locks: an UPDATE takes the rows as they come.
        await db.rows(
            f"""
            SELECT 1 FROM "{column.table}" WHERE "{column.key}" = ANY($1::{column.key_type}[])
            ORDER BY "{column.key}" FOR NO KEY UPDATE
            """,  # noqa: S608 - names of our own models
            ids,
        )
        moved = await db.rows(
            f"""
            UPDATE "{column.table}" t SET "{column.column}" = v.new
            FROM unnest($1::{column.key_type}[], $2::text[], $3::text[]) v (id, old, new)
            WHERE t."{column.key}" = v.id AND t."{column.column}" = v.old RETURNING 1
            """,  # noqa: S608 - the same
            ids,
            [value.old for value in values],
            [value.new for value in values],
        )
    return len(moved)
