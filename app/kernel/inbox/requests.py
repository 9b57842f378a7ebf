"""Without this module a phone that repeats a write after a lost answer would book or pay twice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.models import Model

from app.kernel import clock, db
from app.kernel.db import new_id
from app.kernel.errors import IdempotencyKeyReused, InvalidInput

_KEY_LENGTHS = range(8, 101)


class AnsweredRequest(Model):
    """A write that was done under a key of the caller's choosing."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    owner = fields.UUIDField()
    key = fields.CharField(max_length=100)
    body_hash = fields.CharField(max_length=64)
    answer = fields.UUIDField(null=True)
    created_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "inbox_answered_request"
        unique_together = (("owner", "key"),)


@dataclass(frozen=True)
class Claim:
    """The right to do a write once; `earlier` is the id that the first doing produced."""

    id: UUID
    earlier: UUID | None

    async def answered_with(self, answer: UUID) -> None:
        """Remember what came out, in the same transaction as the write."""
        await AnsweredRequest.filter(id=self.id).update(answer=answer)


@dataclass(frozen=True)
class Wanted:
    """A write that somebody asks for under a key: whose, which, and what exactly."""

    owner: UUID
    key: str
    digest: str


_CLAIM = """
    INSERT INTO inbox_answered_request (id, owner, key, body_hash, answer, created_at)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[])
        AS claimed (id, owner, key, body_hash, answer, created_at)
    ORDER BY owner, key
    ON CONFLICT (owner, key) DO NOTHING RETURNING id
"""
_EARLIER = """
    SELECT wanted.place, done.body_hash, done.answer
    FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS wanted (owner, key, place)
    JOIN inbox_answered_request done USING (owner, key)
"""


def wanted(owner: UUID, key: str, operation: str, **body: object) -> Wanted:
    """Raises `InvalidInput` for a key that is too short or too long."""
    if len(key) not in _KEY_LENGTHS:
        raise InvalidInput(
            field="idempotencyKey",
            reason_zh="请求编号须为8至100个字符",
            reason_en="the idempotency key must have 8 to 100 characters",
        )
    digest = hashlib.sha256(orjson.dumps([operation, body], default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return Wanted(owner, key, digest)


async def claim(owner: UUID, key: str, operation: str, **body: object) -> Claim:
    """Claim a caller's key inside the write's transaction; a concurrent repeat waits here for the first.

    Same key and body: `earlier` is set. Same key, other operation or body: raises `IdempotencyKeyReused`.
    A refused write rolls its claim back, so it may be tried again under the same key.
    """
    asked = wanted(owner, key, operation, **body)
    fresh = await db.row(
        """
        INSERT INTO inbox_answered_request (id, owner, key, body_hash, created_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (owner, key) DO NOTHING RETURNING id
        """,
        new_id(),
        owner,
        key,
        asked.digest,
        clock.now(),
    )
    if fresh is not None:
        return Claim(fresh["id"], None)
    earlier = await AnsweredRequest.get(owner=owner, key=key)
    if earlier.body_hash != asked.digest:
        raise IdempotencyKeyReused(field="idempotencyKey")
    return Claim(earlier.id, earlier.answer)


async def claim_each(asked: Sequence[Wanted], answers: Sequence[UUID]) -> list[Claim | IdempotencyKeyReused]:
    """Claim several keys of different owners in one statement, each with the answer it will have.

    What is refused after all must be given back (`unclaim`): only this transaction knows it. Keys are claimed in
    order, so that two crowds never wait for each other.
    """
    ids, now = [new_id() for _ in asked], clock.now()
    columns = [each.owner for each in asked], [each.key for each in asked], [each.digest for each in asked]
    made = await db.rows(_CLAIM, ids, *columns, list(answers), [now] * len(ids))
    fresh = {row["id"] for row in made}
    repeats = [each for each, claim_id in zip(asked, ids, strict=True) if claim_id not in fresh]
    earlier = iter(await earlier_answers(repeats))
    found: list[Claim | IdempotencyKeyReused] = []
    for claim_id in ids:
        known = None if claim_id in fresh else next(earlier)
        found.append(known if isinstance(known, IdempotencyKeyReused) else Claim(claim_id, known))
    return found


async def earlier_answers(asked: Sequence[Wanted]) -> list[UUID | IdempotencyKeyReused | None]:
    """What each of several writes produced when it was done before; claims nothing."""
    found: list[UUID | IdempotencyKeyReused | None] = [None] * len(asked)
    if not asked:
        return found
    for row in await db.rows(_EARLIER, [each.owner for each in asked], [each.key for each in asked]):
        same = row["body_hash"] == asked[row["place"] - 1].digest
        found[row["place"] - 1] = row["answer"] if same else IdempotencyKeyReused(field="idempotencyKey")
    return found


async def unclaim(claims: Sequence[Claim]) -> None:
    """Give back claims of this transaction whose writes were refused, so that they may be tried again."""
    if claims:
        await db.rows("DELETE FROM inbox_answered_request WHERE id = ANY($1::uuid[])", [each.id for each in claims])
