"""Without this module a message could not be shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.messages import consent, models
from app.messages.wording import kinds
from app.messages.words import AskMoment, Consent, SubscriptionKind
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem

strawberry.enum(AskMoment, description="询问时机 · When the mini-program may ask for subscriptions.")
strawberry.enum(Consent, name="SubscriptionAnswer", description="订阅结果 · As the host app tells it for one template.")
strawberry.enum(SubscriptionKind, description="订阅类型 · For one message, or for all that come.")


@strawberry.type(description="消息 · What the portal told a resident.")
class Message:
    id: strawberry.ID
    kind: str = strawberry.field(description="The kind of message, a stable word: `slot-booked`.")
    subject: str = strawberry.field(description="What it is about: `booking:<id>`.")
    title: str
    body: str
    page: str = strawberry.field(description="Where the mini-program shows the matter: a path with its query.")
    language: str
    made_at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, row: models.Message) -> Message:
        return cls(
            id=strawberry.ID(str(row.id)),
            kind=row.key,
            subject=row.subject,
            title=row.title,
            body=row.body,
            page=row.page,
            language=row.language,
            made_at=row.made_at,
            read_at=row.read_at,
        )


@strawberry.type
class MessagesRead:
    unread: int = strawberry.field(description="How many of my messages are unread still.")


@strawberry.type(description="订阅询问 · A template to hand to the host app's question.")
class SubscriptionQuestion:
    template_id: str = strawberry.field(description="The provider's id, for `wx.requestSubscribeMessage`.")
    kind: str = strawberry.field(description="The kind of message it is for.")
    subscription: SubscriptionKind

    @classmethod
    def of(cls, question: consent.Question) -> SubscriptionQuestion:
        return cls(template_id=question.template, kind=question.key, subscription=question.kind)

    @computed("What the resident would be told, in plain words.")
    def name(self, info: Info) -> str:
        kind = kinds()[self.kind]
        return info.context.say(kind.name_zh, kind.name_en)


@strawberry.input(description="订阅结果 · What the host app answered for one template.")
class SubscriptionReport:
    template_id: str
    answer: Consent


@strawberry.type
class SubscriptionsReported:
    open: int = strawberry.field(description="By how many templates a message can reach this phone now.")


MessagesReadResult = Annotated[MessagesRead | Problem, strawberry.union("MessagesReadResult")]
SubscriptionsReportedResult = Annotated[
    SubscriptionsReported | Problem, strawberry.union("SubscriptionsReportedResult")
]
