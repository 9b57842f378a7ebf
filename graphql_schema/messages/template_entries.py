"""Without this module a city could not put the portal's words into its own templates."""

from __future__ import annotations

import strawberry

from app.identity.rules import Role
from app.messages import queries, templates, wording
from app.messages.words import TemplateState
from graphql_schema.context import Info
from graphql_schema.guards import lookup, mutation, query, staff
from graphql_schema.messages.template_types import (
    FailedMessage,
    MessageKind,
    MessageTemplate,
    MessageTemplateResult,
    TemplateInput,
    TemplatePreview,
    TemplatePreviewResult,
)
from graphql_schema.paging import Connection, connection_of, key_after, page_size
from graphql_schema.scalars import as_uuid

_EDITORS = staff(Role.SYSTEM_ADMINISTRATOR)


@strawberry.type
class TemplatesQuery:
    @query(_EDITORS, "消息种类 · Every kind of message, with the values its templates may use.")
    async def message_kinds(self, info: Info) -> list[MessageKind]:
        return [MessageKind.of(kind, info) for kind in wording.kinds().values()]

    @query(_EDITORS, "消息模板 · Versions of templates, newest first.")
    async def message_templates(
        self,
        info: Info,
        key: str | None = None,
        channel: str | None = None,
        states: list[TemplateState] | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Connection[MessageTemplate]:
        size, before = page_size(first), key_after(after)
        rows = await queries.templates_at_work(
            info.context.actor, key=key, channel=channel, states=states or (), limit=size + 1, before=before
        )
        return connection_of([(MessageTemplate.of(row), str(row.id)) for row in rows[:size]], has_more=len(rows) > size)

    @lookup(_EDITORS, "模板预览 · How a draft looks with example values, and whether it may be published.")
    async def preview_template(self, info: Info, template: TemplateInput) -> TemplatePreviewResult:
        return TemplatePreview.of(templates.preview(info.context.actor, template.value()))

    @query(_EDITORS, "未送达消息 · Messages no channel took although one should have, newest first.")
    async def failed_messages(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[FailedMessage]:
        size = page_size(first)
        rows = await queries.failed_messages(info.context.actor, limit=size + 1, before=key_after(after))
        return connection_of([(FailedMessage.of(row), str(row.id)) for row in rows[:size]], has_more=len(rows) > size)


@strawberry.type
class TemplatesMutation:
    @mutation(_EDITORS, "起草模板 · Keep a new version; nothing goes out by it yet.")
    async def draft_template(self, info: Info, template: TemplateInput) -> MessageTemplateResult:
        return MessageTemplate.of(await templates.draft(info.context.actor, template.value()))

    @mutation(_EDITORS, "发布模板 · Put a version in use instead of the one before.")
    async def publish_template(self, info: Info, id: strawberry.ID) -> MessageTemplateResult:  # noqa: A002 - the schema's word
        return MessageTemplate.of(await templates.publish(info.context.actor, as_uuid(id)))

    @mutation(_EDITORS, "停用模板 · Let nothing go out by a version any more.")
    async def retire_template(self, info: Info, id: strawberry.ID) -> MessageTemplateResult:  # noqa: A002 - the schema's word
        return MessageTemplate.of(await templates.retire(info.context.actor, as_uuid(id)))
