"""Without this module an operator could only look on while residents are not told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from tortoise.expressions import Q

from app.kernel import audit, clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.clock import local
from app.kernel.errors import NotFound
from app.kernel.inbox.notices import UNHANDLED, Notice, NoticeState
from app.kernel.stuck import Stuck, cut_off
from app.messages.errors import NotToBeReplayed
from app.messages.models import Message, MessageAttempt, MessageTemplate
from app.messages.ports import CONSENT_TOPIC, RECEIPT_TOPIC
from app.messages.sending import send_message
from app.messages.words import AttemptState, MessageState

_FAILED_JOBS = """
    SELECT id, task_name, attempts, args::text AS args FROM procrastinate_jobs
    WHERE status = 'failed' AND (task_name LIKE 'messages.%' OR (task_name = 'inbox.process' AND EXISTS (
        SELECT 1 FROM inbox_notice WHERE inbox_notice.id::text = args->>'notice_id' AND topic LIKE 'messages.%')))
    ORDER BY id LIMIT $1
"""
_STRANDED = """
    SELECT id, key, not_before FROM message
    WHERE state = 'WAITING' AND not_before < $1 ORDER BY id LIMIT $2
"""
_LATE = timedelta(hours=1)
"""After that nobody works on a message that should have gone out: its job was lost."""


async def stuck(limit: int) -> tuple[list[Stuck], bool]:
    """Failed messages, those whose job was lost, jobs that were given up, reports nobody could place, pushes nobody
    waits for.

    At most `limit` of each, the oldest first; and whether there are more.
    """
    failed = await Message.filter(state=MessageState.FAILED).order_by("id").limit(limit + 1)
    stranded = await db.rows(_STRANDED, clock.now() - _LATE, limit + 1)
    jobs = await db.rows(_FAILED_JOBS, limit + 1)
    topics = (RECEIPT_TOPIC, CONSENT_TOPIC)
    lost = Notice.filter(Q(topic__in=topics) | Q(remark=UNHANDLED), state=NoticeState.UNMATCHED)
    unplaced = await lost.order_by("id").limit(limit + 1)
    kinds: Sequence[Sequence[Stuck]] = (
        [Stuck(f"message {row.id}", row.key, row.subject) for row in failed],
        [Stuck(f"message {row['id']}", row["key"], "its job was lost") for row in stranded],
        [Stuck(f"job {row['id']}", row["task_name"], f"{row['attempts']} tries; {row['args']}") for row in jobs],
        [Stuck(f"notice {row.id}", row.topic, row.remark) for row in unplaced],
    )
    return cut_off(kinds, limit)


async def inspected(message_id: UUID) -> list[str]:
    """What is known of one message, without its words and without whose it is. Raises `NotFound`."""
    message = await Message.get_or_none(id=message_id)
    if message is None:
        raise _missing()
    attempts = await MessageAttempt.filter(message_id=message_id).order_by("id")
    templates = await MessageTemplate.in_bulk([one.template_id for one in attempts], "id")
    must = "has to arrive" if message.must_send else "need not arrive"
    until = f"{local(message.useless_after):%Y-%m-%d %H:%M}" if message.useless_after else "always worth sending"
    lines = [
        f"message {message.id} {message.key} about {message.subject}: {message.state}",
        f"  {must}; not before {local(message.not_before):%Y-%m-%d %H:%M}, {until}",
    ]
    for one in attempts:
        template = templates[one.template_id]
        again = f", again {local(one.next_at):%H:%M}" if one.next_at else ""
        lines.append(
            f"  {one.channel} by {template.language} version {template.version}: {one.state} {one.code or '-'},"
            f" {one.tries} tries, last {local(one.tried_at):%Y-%m-%d %H:%M:%S}{again}, theirs {one.provider_ref or '-'}"
        )
    return lines


async def replay(message_id: UUID, operator: str) -> int:
    """Let a message be tried again on every channel that certainly did not take it; gives on how many.

    A channel whose outcome is unknown is left alone, and so is what waits for its turn or the morning.
    Raises `NotFound` or `NotToBeReplayed`.
    """
    async with db.transaction():
        message = await Message.filter(id=message_id).select_for_update().first()
        if message is None:
            raise _missing()
        failed = MessageAttempt.filter(message_id=message_id, state=AttemptState.FAILED, provider_ref=None)
        again = await failed.update(state=AttemptState.RETRY, tries=0, next_at=None)
        lost = message.state is MessageState.WAITING and message.not_before < clock.now() - _LATE
        if not lost and (message.state is not MessageState.FAILED or not again):
            raise NotToBeReplayed
        message.state, message.not_before, message.useless_after = MessageState.WAITING, clock.now(), None
        message.settled_at = None
        await message.save(update_fields=["state", "not_before", "useless_after", "settled_at"])
        await send_message.defer(message_id=str(message.id))
        who = Actor(ActorKind.SYSTEM, name=f"operator {operator}")
        await audit.record(who, "message.replayed", f"message:{message.id}", detail={"channels": again})
    return again


def _missing() -> NotFound:
    return NotFound(what_zh="这条消息", what_en="message")
