"""Without this module the key of the blind index could never change, and a leaked one would tell numbers for ever.

A hash is computed anew from the sealed value beside it. An agent's hash in a mandate has no such value: it follows
the hash of the account it is equal to, and where there is no account it can only be granted again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from tortoise.exceptions import IntegrityError

from app.identity.merging import ID_NUMBER
from app.identity.phones import PHONE
from app.kernel import audit, db
from app.kernel.actor import SYSTEM
from app.kernel.privacy import Unreadable, blind_index, unseal
from app.representation.granting import CREDIT_CODE

_BATCH = 500
_FIRST = UUID(int=0)
_AGENTS = """
    UPDATE mandate m SET agent_index = v.new FROM unnest($1::text[], $2::text[]) v (old, new)
    WHERE m.agent_index = v.old RETURNING 1
"""
_WITHOUT_ACCOUNT = """
    SELECT id FROM mandate m WHERE state = 'IN_FORCE'
    AND NOT EXISTS (SELECT 1 FROM resident WHERE id_number_index = m.agent_index) ORDER BY id
"""


@dataclass(frozen=True)
class Index:
    """A column of hashes, the sealed column beside it, and the purpose they are made for."""

    table: str
    column: str
    sealed: str
    purpose: str
    only: str = "true"

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


INDEXES = (
    Index("resident", "id_number_index", "id_number_sealed", ID_NUMBER),
    Index("resident", "phone_index", "phone_sealed", PHONE),
    Index("representation_claim", "subject_index", "number_sealed", ID_NUMBER, "basis <> 'LEGAL_REPRESENTATIVE'"),
    Index("representation_claim", "subject_index", "number_sealed", CREDIT_CODE, "basis = 'LEGAL_REPRESENTATIVE'"),
)
FOLLOWING = frozenset({"mandate.agent_index"})
"""Hashes that follow those of accounts."""


@dataclass
class Reindexing:
    """What came of it: hashes that changed by column, and what a person has to look at."""

    changed: dict[str, int] = field(default_factory=dict)
    agents: int = 0
    unreadable: list[str] = field(default_factory=list)
    clashing: list[str] = field(default_factory=list)
    """Rows whose new hash another row has already: two accounts of one person."""

    mandates_left: list[UUID] = field(default_factory=list)
    """In force, for an agent without an account: whether their hash is of this key cannot be told."""


class _Hash(NamedTuple):
    id: UUID
    old: str
    new: str


async def reindex(*, dry_run: bool = False, tell: Callable[[str, int], None] = lambda _what, _n: None) -> Reindexing:
    """Compute every hash with the index key in force. May be run again: what is right already stays.

    Web and worker must not run meanwhile: between two keys they would not find people, and open second accounts.
    """
    done = Reindexing()
    for index in INDEXES:
        after, page = _FIRST, await _page(index, _FIRST)
        while page:
            outdated = _outdated(index, page, done)
            changed = len(outdated) if dry_run else await _replace(index, outdated, done)
            done.changed[str(index)] = done.changed.get(str(index), 0) + changed
            tell(str(index), done.changed[str(index)])
            after = page[-1]["id"]
            page = await _page(index, after)
    done.mandates_left = [row["id"] for row in await db.rows(_WITHOUT_ACCOUNT)]
    if not dry_run and any(done.changed.values()):
        await audit.record(SYSTEM, "keys.reindexed", "key:index", detail={**done.changed, "agents": done.agents})
    return done


async def _page(index: Index, after: UUID) -> Sequence[Mapping[str, Any]]:
    return await db.rows(
        f"""
        SELECT id, "{index.column}" AS hash, "{index.sealed}" AS sealed FROM "{index.table}"
        WHERE id > $1 AND "{index.column}" IS NOT NULL AND "{index.sealed}" IS NOT NULL AND {index.only}
        ORDER BY id LIMIT $2
        """,  # noqa: S608 - names of our own models
        after,
        _BATCH,
    )


def _outdated(index: Index, page: Sequence[Mapping[str, Any]], done: Reindexing) -> list[_Hash]:
    found = []
    for row in page:
        try:
            new = blind_index(index.purpose, unseal(row["sealed"]))
        except Unreadable:
            done.unreadable.append(f"{index.table}.{index.sealed} of {row['id']}")
            continue
        if new != row["hash"]:
            found.append(_Hash(row["id"], row["hash"], new))
    return found


async def _replace(index: Index, hashes: list[_Hash], done: Reindexing) -> int:
    """A batch at once; when it clashes, one by one, so that only those who clash are left."""
    if not hashes:
        return 0
    try:
        changed, agents = await _replace_all(index, hashes)
    except IntegrityError:
        if len(hashes) == 1:
            done.clashing.append(f"{index.table} {hashes[0].id}")
            return 0
        return sum([await _replace(index, [one], done) for one in hashes])
    done.agents += agents
    return changed


async def _replace_all(index: Index, hashes: list[_Hash]) -> tuple[int, int]:
    ids, old, new = [one.id for one in hashes], [one.old for one in hashes], [one.new for one in hashes]
    async with db.transaction():
        changed = await db.rows(
            f"""
            UPDATE "{index.table}" t SET "{index.column}" = v.new
            FROM unnest($1::uuid[], $2::text[], $3::text[]) v (id, old, new)
            WHERE t.id = v.id AND t."{index.column}" = v.old RETURNING 1
            """,  # noqa: S608 - names of our own models
            ids,
            old,
            new,
        )
        agents = await db.rows(_AGENTS, old, new) if index.purpose == ID_NUMBER and index.table == "resident" else []
    return len(changed), len(agents)


async def index_agrees(sample: int = 20) -> bool | None:
    """Whether the newest accounts' hashes are of the index key in force; None when there is nothing to compare."""
    index = INDEXES[0]
    rows = await db.rows(
        f'SELECT id, "{index.column}" AS hash, "{index.sealed}" AS sealed FROM "{index.table}" '  # noqa: S608 - ours
        f'WHERE "{index.column}" IS NOT NULL AND "{index.sealed}" IS NOT NULL ORDER BY id DESC LIMIT $1',
        sample,
    )
    seen = Reindexing()
    outdated = _outdated(index, rows, seen)
    return not outdated if len(rows) > len(seen.unreadable) else None
