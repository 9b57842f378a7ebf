"""Without this module a phone could not say what was read, nor what its resident agreed to."""

from __future__ import annotations

import strawberry

from app.messages import commands, consent
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, mutation
from graphql_schema.messages.types import (
    MessagesRead,
    MessagesReadResult,
    SubscriptionReport,
    SubscriptionsReported,
    SubscriptionsReportedResult,
)
from graphql_schema.scalars import as_uuid


@strawberry.type
class MessagesMutation:
    @mutation(RESIDENTS, "标记已读 · Mark messages of mine as read; all of them when none are named.")
    async def mark_messages_read(self, info: Info, ids: list[strawberry.ID] | None = None) -> MessagesReadResult:
        named = None if ids is None else [as_uuid(one) for one in ids]
        return MessagesRead(unread=await commands.mark_read(info.context.actor, named))

    @mutation(RESIDENTS, "上报订阅结果 · What the host app answered for each template, once for each key.")
    async def report_subscriptions(
        self, info: Info, answers: list[SubscriptionReport], idempotency_key: str
    ) -> SubscriptionsReportedResult:
        told = [consent.Answer(one.template_id, one.answer) for one in answers]
        return SubscriptionsReported(
            open=await consent.report(info.context.actor, told, idempotency_key=idempotency_key)
        )
