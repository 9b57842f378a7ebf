"""Without this module who writes a template could not see what they wrote."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.messages import models, queries, templates, wording
from app.messages.template_rules import Entry
from app.messages.words import (
    MESSAGE_WORDS,
    TEMPLATE_WORDS,
    AttemptState,
    MessageState,
    SubscriptionKind,
    TemplateState,
)
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem
from graphql_schema.scalars import as_uuid

strawberry.enum(TemplateState, name="MessageTemplateState")
strawberry.enum(MessageState)
strawberry.enum(AttemptState, name="MessageAttemptState")


@strawberry.type(description="模板可用的内容 · A value that messages of a kind bring along, with an example.")
class TemplateValue:
    name: str
    example: str


@strawberry.type(description="消息种类 · A kind of message.")
class MessageKind:
    key: str
    name: str
    values: list[TemplateValue]

    @classmethod
    def of(cls, kind: wording.Kind, info: Info) -> MessageKind:
        examples = kind.examples(info.context.say("zh", "en"))
        return cls(
            key=kind.key,
            name=info.context.say(kind.name_zh, kind.name_en),
            values=[TemplateValue(name=name, example=example) for name, example in examples.items()],
        )


@strawberry.type(description="模板字段 · One field of a provider's template.")
class TemplateEntry:
    name: str
    text: str
    options: list[str]


@strawberry.input(description="模板字段 · Words in braces are values of the kind; `options` are those of an enum.")
class TemplateEntryInput:
    name: str
    text: str
    options: list[str] = strawberry.field(default_factory=list)


@strawberry.input(description="模板草稿 · For the channel `inbox` title and body, for others template and fields.")
class TemplateInput:
    key: str
    channel: str
    language: str
    provider_template: str = ""
    subscription: SubscriptionKind = SubscriptionKind.ONE_TIME
    page: str = ""
    entries: list[TemplateEntryInput] = strawberry.field(default_factory=list)
    title: str = ""
    body: str = ""

    def value(self) -> templates.Draft:
        return templates.Draft(
            key=self.key,
            channel=self.channel,
            language=self.language,
            provider_template=self.provider_template,
            subscription=self.subscription,
            page=self.page,
            entries=[Entry(one.name, one.text, tuple(one.options)) for one in self.entries],
            title=self.title,
            body=self.body,
        )


@strawberry.type(description="消息模板 · One version of the words of a kind on a channel in a language.")
class MessageTemplate:
    id: strawberry.ID
    key: str
    channel: str
    language: str
    version: int
    state: TemplateState
    provider_template: str
    subscription: SubscriptionKind
    page: str
    entries: list[TemplateEntry]
    title: str
    body: str
    drafted_at: datetime
    published_at: datetime | None
    retired_at: datetime | None

    @classmethod
    def of(cls, row: models.MessageTemplate) -> MessageTemplate:
        return cls(
            id=strawberry.ID(str(row.id)),
            key=row.key,
            channel=row.channel,
            language=row.language,
            version=row.version,
            state=row.state,
            provider_template=row.provider_template,
            subscription=row.subscription,
            page=row.page,
            entries=[TemplateEntry(name=one["name"], text=one["text"], options=one["options"]) for one in row.entries],
            title=row.title,
            body=row.body,
            drafted_at=row.drafted_at,
            published_at=row.published_at,
            retired_at=row.retired_at,
        )

    @computed("The state in plain words.")
    def state_text(self, info: Info) -> str:
        return info.context.say(*TEMPLATE_WORDS[self.state])


@strawberry.type(description="模板预览 · The words with example values, each field cut to its limit.")
class TemplatePreview:
    title: str
    body: str
    fields: list[TemplateEntry]

    @classmethod
    def of(cls, shown: templates.Preview) -> TemplatePreview:
        fields = [TemplateEntry(name=name, text=text, options=[]) for name, text in shown.fields]
        return cls(title=shown.title, body=shown.body, fields=fields)


@strawberry.type(description="渠道结果 · What one channel made of a message.")
class MessageAttempt:
    channel: str
    state: AttemptState
    code: str
    tries: int
    tried_at: datetime


@strawberry.type(description="未送达消息 · A message no channel took; whose it is is not told.")
class FailedMessage:
    id: strawberry.ID
    kind: str
    subject: str
    state: MessageState
    made_at: datetime

    @classmethod
    def of(cls, row: models.Message) -> FailedMessage:
        return cls(
            id=strawberry.ID(str(row.id)), kind=row.key, subject=row.subject, state=row.state, made_at=row.made_at
        )

    @computed("The state in plain words.")
    def state_text(self, info: Info) -> str:
        return info.context.say(*MESSAGE_WORDS[self.state])

    @computed("What each channel made of it.", batch=queries.attempts_of)
    async def attempts(self, info: Info) -> list[MessageAttempt]:
        rows = await info.context.load(queries.attempts_of, as_uuid(self.id))
        return [
            MessageAttempt(channel=row.channel, state=row.state, code=row.code, tries=row.tries, tried_at=row.tried_at)
            for row in rows
        ]


MessageTemplateResult = Annotated[MessageTemplate | Problem, strawberry.union("MessageTemplateResult")]
TemplatePreviewResult = Annotated[TemplatePreview | Problem, strawberry.union("TemplatePreviewResult")]
