"""Without this module a phone that repeats a write after a lost answer would book or pay twice."""

from __future__ import annotations

import hashlib
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


async def claim(owner: UUID, key: str, operation: str, **body: object) -> Claim:
    """Claim a caller's key inside the write's transaction; a concurrent repeat waits here for the first.

    Same key and body: `earlier` is set. Same key, other operation or body: raises `IdempotencyKeyReused`.
    A refused write rolls its claim back, so it may be tried again under the same key.
    """
    if len(key) not in _KEY_LENGTHS:
        raise InvalidInput(
            field="idempotencyKey",
            reason_zh="请求编号须为8至100个字符",
            reason_en="the idempotency key must have 8 to 100 characters",
        )
    digest = hashlib.sha256(orjson.dumps([operation, body], default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()
    fresh = await db.row(
        """
        INSERT INTO inbox_answered_request (id, owner, key, body_hash, created_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (owner, key) DO NOTHING RETURNING id
        """,
        new_id(),
        owner,
        key,
        digest,
        clock.now(),
    )
    if fresh is not None:
        return Claim(fresh["id"], None)
    earlier = await AnsweredRequest.get(owner=owner, key=key)
    if earlier.body_hash != digest:
        raise IdempotencyKeyReused(field="idempotencyKey")
    return Claim(earlier.id, earlier.answer)
