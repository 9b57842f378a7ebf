"""Without this module a joined account would not know what the other was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.identity.ports import Fate, Kind, Reason, Retention
from app.kernel import db
from app.messages.models import Message, MessageAttempt, Subscription

_PURGE = """
    DELETE FROM message WHERE id IN (SELECT id FROM message WHERE made_at < $1 LIMIT 1000) RETURNING id
"""


class Holdings:
    """What residents were told, and what they agreed to be sent. Consent belongs to a binding and goes with it."""

    rank = 4
    kinds: Mapping[str, Kind] = {
        "messages": Kind("消息", "messages", Fate.DELETED),
        "subscriptions": Kind("消息订阅", "subscriptions to messages", Fate.DELETED),
    }
    retention: tuple[Retention, ...] = (
        Retention("messages", 365, "《个人信息保护法》第十九条:发出后一年,供查询是否告知"),
    )

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:
        return {"messages": await Message.filter(resident_id=absorbed).update(resident_id=survivor)}

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:  # noqa: ARG002 - a message keeps nobody
        return ()

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        return {
            "messages": await Message.filter(resident_id=resident_id).delete(),
            "subscriptions": await Subscription.filter(binding__resident_id=resident_id).delete(),
        }

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        messages = await Message.filter(resident_id=resident_id).order_by("id")
        attempts = await MessageAttempt.filter(message_id__in=[row.id for row in messages]).order_by("id")
        subscriptions = await Subscription.filter(binding__resident_id=resident_id).order_by("id")
        return {
            "messages": [_message(row, [one for one in attempts if one.message_id == row.id]) for row in messages],
            "subscriptions": [_subscription(row) for row in subscriptions],
        }

    async def purge(self, kind: str, before: datetime) -> int:  # noqa: ARG002 - there is one kind
        return len(await db.rows(_PURGE, before))


def _message(row: Message, attempts: Sequence[MessageAttempt]) -> dict[str, object]:
    return {
        "id": row.id,
        "about": row.subject,
        "title": row.title,
        "body": row.body,
        "made_at": row.made_at,
        "read_at": row.read_at,
        "channels": [{"channel": one.channel, "state": one.state, "tried_at": one.tried_at} for one in attempts],
    }


def _subscription(row: Subscription) -> dict[str, object]:
    return {
        "id": row.id,
        "template": row.provider_template,
        "kind": row.kind,
        "balance": row.balance,
        "refused_at": row.refused_at,
        "changed_at": row.changed_at,
    }
