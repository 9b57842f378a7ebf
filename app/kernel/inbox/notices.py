"""Without this module a provider's message could be lost between "received" and "done".

A verified callback is stored with its raw body before it is answered, processed from the stored row, and
marked handled in the transaction of the work itself. "Seen" is not "done".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.expressions import F
from tortoise.models import Model

from app.kernel import audit, clock, db, jobs, ports
from app.kernel.actor import provider_actor
from app.kernel.callbacks import CallbackReader, CallbackRefused, Handled, RawCallback, Received
from app.kernel.db import new_id
from app.kernel.logging import get_logger

_log = get_logger(__name__)

UNHANDLED = "nobody handles this topic"
"""The remark on what a provider told us unasked and no domain waits for."""


class NoticeState(StrEnum):
    RECEIVED = "RECEIVED"
    HANDLED = "HANDLED"
    UNMATCHED = "UNMATCHED"


class Notice(Model):
    """One provider event, whatever the number of its deliveries."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    provider = fields.CharField(max_length=30)
    kind = fields.CharField(max_length=30)
    event_key = fields.CharField(max_length=200)
    topic = fields.CharField(max_length=60)
    content: dict[str, Any] = fields.JSONField()
    raw_body = fields.BinaryField()
    raw_headers: dict[str, str] = fields.JSONField()
    received_at = fields.DatetimeField()
    deliveries = fields.IntField(default=1)
    state = fields.CharEnumField(NoticeState, max_length=20, default=NoticeState.RECEIVED)
    handled_at = fields.DatetimeField(null=True)
    remark = fields.CharField(max_length=300, default="")

    class Meta:
        table = "inbox_notice"
        unique_together = (("provider", "event_key"),)
        indexes = (("state", "received_at"),)


_SAYING = "SELECT id FROM inbox_notice WHERE topic = $1 AND state = ANY($2::text[]) AND content @> $3::text::jsonb"
_OF_NUMBER = f"{_SAYING} AND content->>'number' = $4 ORDER BY id"
"""There is an index on the number: what is said of one is found among millions."""

Handler = Callable[[dict[str, Any]], Awaitable[Handled]]
_handlers: dict[str, Handler] = {}


def handles(topic: str) -> Callable[[Handler], Handler]:
    """Let a function of a `tasks.py` do the work of one topic, inside the inbox's transaction."""

    def register(handler: Handler) -> Handler:
        _handlers[topic] = handler
        return handler

    return register


async def _leave_to_a_person(_content: dict[str, Any]) -> Handled:
    return Handled(matched=False, remark=UNHANDLED)


async def keep(raw: RawCallback, received: Received) -> bool:
    """Store a verified callback and ask for its processing, in one transaction.

    Gives False when the same event is already there: then only its delivery is counted, and audited.
    """
    async with db.transaction():
        stored = await db.row(
            """
            INSERT INTO inbox_notice (id, provider, kind, event_key, topic, content, raw_body, raw_headers,
                                      received_at, deliveries, state, remark)
            VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8::text::jsonb, $9, 1, 'RECEIVED', '')
            ON CONFLICT (provider, event_key) DO NOTHING RETURNING id
            """,
            new_id(),
            raw.provider,
            raw.kind,
            received.event_key,
            received.topic,
            db.json_text(received.content),
            raw.body,
            db.json_text(raw.headers),
            clock.now(),
        )
        if stored is None:
            await Notice.filter(provider=raw.provider, event_key=received.event_key).update(
                deliveries=F("deliveries") + 1
            )
            await audit.record(
                provider_actor(raw.provider),
                "callback.repeated",
                f"notice:{raw.provider}/{received.event_key}",
                result="ignored",
            )
            return False
        await process.defer(notice_id=str(stored["id"]))
        return True


@jobs.job("inbox.process")
async def process(notice_id: str) -> None:
    """Do the work of one stored notice; again and again without harm."""
    async with db.transaction():
        notice = await Notice.select_for_update().get(id=UUID(notice_id))
        if notice.state is NoticeState.HANDLED:
            return
        handler = _handlers.get(notice.topic, _leave_to_a_person)
        verdict = await handler(notice.content)
        notice.state = NoticeState.HANDLED if verdict.matched else NoticeState.UNMATCHED
        notice.handled_at = clock.now()
        notice.remark = verdict.remark[:300]
        await notice.save(update_fields=["state", "handled_at", "remark"])
        await audit.record(
            provider_actor(notice.provider),
            f"callback.{notice.topic}",
            f"notice:{notice.provider}/{notice.event_key}",
            result=verdict.remark[:60] or ("done" if verdict.matched else "unmatched"),
            detail=verdict.detail,
        )
    _log.info("notice handled", topic=notice.topic, state=notice.state.value, remark=notice.remark)


async def replay(notice_id: UUID) -> bool:
    """Have one stored notice processed again, by hand; False when there is none or it is handled already."""
    async with db.transaction():
        notice = await Notice.filter(id=notice_id).select_for_update().first()
        if notice is None or notice.state is NoticeState.HANDLED:
            return False
        await process.defer(notice_id=str(notice.id))
    return True


async def read_again(topic: str, **content: str) -> int:
    """Have kept notices, handled or not, read anew from their raw bodies and processed again whose content says this;
    gives how many. Only for topics whose handler takes the same twice. What no longer reads keeps what it said.
    """
    wanted = await _saying(topic, list(NoticeState), content)
    for notice_id in wanted:
        async with db.transaction():
            notice = await Notice.select_for_update().get(id=notice_id)
            raw = RawCallback(notice.provider, notice.kind, notice.raw_headers, {}, notice.raw_body)
            try:
                received = await ports.get(CallbackReader, f"{notice.provider}/{notice.kind}").read(raw)
                notice.content = dict(received.content)
            except (CallbackRefused, ports.NoSuchAdapter):
                _log.warning("notice not read again", notice=str(notice.id))
            notice.state = NoticeState.RECEIVED
            await notice.save(update_fields=["content", "state"])
            await process.defer(notice_id=str(notice.id))
    return len(wanted)


async def replay_unmatched(topic: str, **content: Any) -> int:
    """Have the notices processed again that nobody could place and whose content says this; gives how many.

    One that is being processed meanwhile is waited for: it may not know yet what there is now.
    """
    wanted = await _saying(topic, [NoticeState.RECEIVED, NoticeState.UNMATCHED], content)
    return sum([await replay(notice_id) for notice_id in wanted])


async def _saying(topic: str, states: Sequence[NoticeState], content: dict[str, Any]) -> list[UUID]:
    asked = (topic, [state.value for state in states], db.json_text(content))
    if "number" in content:
        found = await db.rows(_OF_NUMBER, *asked, content["number"])
    else:
        found = await db.rows(f"{_SAYING} ORDER BY id", *asked)
    return [row["id"] for row in found]


async def unmatched(topic: str, *, limit: int, before: UUID | None = None) -> list[Notice]:
    """Notices nobody could place, newest first, for staff; `before` is the id after which the page goes on."""
    query = Notice.filter(topic=topic, state=NoticeState.UNMATCHED)
    if before is not None:
        query = query.filter(id__lt=before)
    return await query.order_by("-id").limit(limit)
