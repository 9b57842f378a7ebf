"""Without this module what was read would stay unread."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput
from app.messages.models import Message
from app.messages.queries import count_unread

MOST_AT_ONCE = 100


async def mark_read(actor: Actor, message_ids: Sequence[UUID] | None) -> int:
    """Mark some of the resident's own messages as read, all when none are named; gives how many are unread still.

    Raises `InvalidInput` for more than a hundred; what is somebody else's is left alone without a word.
    """
    if message_ids is not None and len(message_ids) > MOST_AT_ONCE:
        raise InvalidInput(
            field="ids",
            reason_zh=f"一次最多标记{MOST_AT_ONCE}条",
            reason_en=f"at most {MOST_AT_ONCE} messages at once",
        )
    async with db.transaction():
        unread = Message.filter(resident_id=actor.own_id(), read_at=None)
        if message_ids is not None:
            unread = unread.filter(id__in=list(message_ids))
        await unread.update(read_at=clock.now())
        return await count_unread(actor)
