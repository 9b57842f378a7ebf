"""Without this module an inbox could only be filled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.kernel import clock
from app.kernel.actor import Actor
from app.messages.models import Message, MessageAttempt, MessageTemplate
from app.messages.templates import EDITORS
from app.messages.words import MessageState, TemplateState

_PATIENCE = timedelta(minutes=5)


async def messages_of(actor: Actor, *, unread: bool, limit: int, before: UUID | None) -> list[Message]:
    """The resident's own messages, newest first: nobody reads another's, not even under a mandate."""
    found = Message.filter(resident_id=actor.own_id())
    if unread:
        found = found.filter(read_at=None)
    if before is not None:
        found = found.filter(id__lt=before)
    return await found.order_by("-id").limit(limit)


async def count_unread(actor: Actor) -> int:
    return await Message.filter(resident_id=actor.own_id(), read_at=None).count()


async def templates_at_work(
    actor: Actor,
    *,
    key: str | None,
    channel: str | None,
    states: Sequence[TemplateState],
    limit: int,
    before: UUID | None,
) -> list[MessageTemplate]:
    """Versions of templates, newest first. Raises `NotAllowed`."""
    actor.staff_id(*EDITORS)
    found = MessageTemplate.all()
    if key is not None:
        found = found.filter(key=key)
    if channel is not None:
        found = found.filter(channel=channel)
    if states:
        found = found.filter(state__in=list(states))
    if before is not None:
        found = found.filter(id__lt=before)
    return await found.order_by("-id").limit(limit)


async def failed_messages(actor: Actor, *, limit: int, before: UUID | None) -> list[Message]:
    """Messages no channel took although one should have, newest first; whose they are is not told.

    Raises `NotAllowed`.
    """
    actor.staff_id(*EDITORS)
    found = Message.filter(state=MessageState.FAILED)
    if before is not None:
        found = found.filter(id__lt=before)
    return await found.order_by("-id").limit(limit)


async def overdue_messages(limit: int) -> list[UUID]:
    """Messages that should have been sent five minutes ago, the oldest first."""
    late = Message.filter(state=MessageState.WAITING, not_before__lt=clock.now() - _PATIENCE)
    return [row.id for row in await late.order_by("id").limit(limit).only("id")]


async def attempts_of(message_ids: Sequence[UUID]) -> list[list[MessageAttempt]]:
    """The attempts of each message, in the order of the ids."""
    found = await MessageAttempt.filter(message_id__in=list(message_ids)).order_by("id")
    return [[each for each in found if each.message_id == one] for one in message_ids]
