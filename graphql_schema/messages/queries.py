"""Without this module an inbox could not be opened."""

from __future__ import annotations

import strawberry

from app.messages import consent, queries
from app.messages.words import AskMoment
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, query
from graphql_schema.messages.types import Message, SubscriptionQuestion
from graphql_schema.paging import Connection, connection_of, key_after, page_size


@strawberry.type
class MessagesQuery:
    @query(RESIDENTS, "我的消息 · My own messages, newest first.")
    async def my_messages(
        self, info: Info, unread: bool = False, first: int | None = None, after: str | None = None
    ) -> Connection[Message]:
        size = page_size(first)
        rows = await queries.messages_of(info.context.actor, unread=unread, limit=size + 1, before=key_after(after))
        return connection_of([(Message.of(row), str(row.id)) for row in rows[:size]], has_more=len(rows) > size)

    @query(RESIDENTS, "未读消息数 · How many of my messages are unread.")
    async def unread_messages(self, info: Info) -> int:
        return await queries.count_unread(info.context.actor)

    @query(
        RESIDENTS,
        "此刻可询问的订阅 · Which templates to ask about at this moment: at most three of one kind, those least "
        "provided for first; none outside a host app.",
    )
    async def subscriptions_to_ask(self, info: Info, moment: AskMoment) -> list[SubscriptionQuestion]:
        return [SubscriptionQuestion.of(one) for one in await consent.questions_at(info.context.actor, moment)]
