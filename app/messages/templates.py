"""Without this module a template could be published that the platform refuses at the first resident.

A version is drafted, looked at, published and retired, and never changed: messages are pinned to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.identity.rules import Role
from app.kernel import audit, clock, db, ports
from app.kernel.actor import SYSTEM, Actor
from app.kernel.errors import NotFound
from app.kernel.transitions import Graph, edge
from app.messages.errors import TemplateInvalid
from app.messages.models import MessageTemplate
from app.messages.ports import FieldStyle, MessageChannel
from app.messages.template_rules import Entry, check_entries, check_inbox, check_page, fields_of
from app.messages.wording import LANGUAGES, Kind, filled, kinds
from app.messages.words import INBOX, TEMPLATE_WORDS, SubscriptionKind, TemplateState

EDITORS = (Role.SYSTEM_ADMINISTRATOR,)

_LIFE: Graph[TemplateState] = Graph(
    [
        edge("publish", TemplateState.DRAFT, TemplateState.PUBLISHED),
        edge("retire", (TemplateState.DRAFT, TemplateState.PUBLISHED), TemplateState.RETIRED),
    ],
    TEMPLATE_WORDS,
)


@dataclass(frozen=True)
class Draft:
    """A version as somebody writes it: words for the inbox, or the fields of a provider's template."""

    key: str
    channel: str
    language: str
    provider_template: str = ""
    subscription: SubscriptionKind = SubscriptionKind.ONE_TIME
    page: str = ""
    entries: Sequence[Entry] = ()
    title: str = ""
    body: str = ""


@dataclass(frozen=True)
class Preview:
    """How a version looks with the example values: what a resident would read, or what a channel would be sent."""

    title: str
    body: str
    fields: Sequence[tuple[str, str]]


async def draft(actor: Actor, wanted: Draft) -> MessageTemplate:
    """Keep a new version. Raises `NotAllowed` or `TemplateInvalid`."""
    actor.staff_id(*EDITORS)
    check_draft(wanted)
    async with db.transaction():
        await db.one_at_a_time(f"template/{wanted.key}/{wanted.channel}/{wanted.language}")
        template = await _keep(actor, wanted, TemplateState.DRAFT)
        await audit.record(actor, "template.drafted", f"template:{template.id}", detail=_named(template))
    return template


def check_draft(wanted: Draft) -> Kind:
    """Raises `TemplateInvalid` for what no channel would take, or what speaks of values nobody brings."""
    kind = kinds().get(wanted.key)
    if kind is None:
        raise TemplateInvalid(reason_zh="没有这种消息", reason_en="there is no such kind of message", field="key")
    if wanted.language not in LANGUAGES:
        raise TemplateInvalid(reason_zh="语言只能是zh或en", reason_en="the language is zh or en", field="language")
    examples = kind.examples(wanted.language)
    check_page(wanted.page)
    if wanted.channel == INBOX:
        check_inbox(wanted.title, wanted.body, examples)
    else:
        check_entries(wanted.provider_template, wanted.entries, _style(wanted.channel), examples)
    return kind


def preview(actor: Actor, wanted: Draft) -> Preview:
    """The draft with the example values. Raises `NotAllowed` or `TemplateInvalid`."""
    actor.staff_id(*EDITORS)
    examples = check_draft(wanted).examples(wanted.language)
    if wanted.channel == INBOX:
        return Preview(filled(wanted.title, examples), filled(wanted.body, examples), ())
    fields = fields_of(wanted.entries, _style(wanted.channel), examples)
    return Preview("", "", tuple(fields.items()))


async def publish(actor: Actor, template_id: UUID) -> MessageTemplate:
    """Put a version in use instead of the one before; again by the same person is harmless. Raises `NotAllowed`,
    `NotFound`, `IllegalMove` or `TemplateInvalid`: what was drafted is looked at again.
    """
    actor.staff_id(*EDITORS)
    async with db.transaction():
        template = await _locked(template_id)
        if template.state is TemplateState.PUBLISHED and await _has_done(actor, "published", template):
            return template
        state = _LIFE.next_state(template.state, "publish")
        check_draft(_draft_of(template))
        in_use = MessageTemplate.filter(
            key=template.key, channel=template.channel, language=template.language, state=TemplateState.PUBLISHED
        )
        await in_use.update(state=TemplateState.RETIRED, retired_at=clock.now())
        template.state, template.published_at = state, clock.now()
        await template.save(update_fields=["state", "published_at"])
        await audit.record(actor, "template.published", f"template:{template.id}", detail=_named(template))
    return template


async def retire(actor: Actor, template_id: UUID) -> MessageTemplate:
    """Let nothing go out by a version any more; again by the same person is harmless. The inbox's own words can only
    be replaced.

    Raises `NotAllowed`, `NotFound`, `IllegalMove` or `TemplateInvalid`.
    """
    actor.staff_id(*EDITORS)
    async with db.transaction():
        template = await _locked(template_id)
        if template.state is TemplateState.RETIRED and await _has_done(actor, "retired", template):
            return template
        state = _LIFE.next_state(template.state, "retire")
        if template.channel == INBOX and template.state is TemplateState.PUBLISHED:
            raise TemplateInvalid(
                reason_zh="站内消息的文字不能停用,只能发布新版本",
                reason_en="the words of the inbox can only be replaced by a new version",
            )
        template.state, template.retired_at = state, clock.now()
        await template.save(update_fields=["state", "retired_at"])
        await audit.record(actor, "template.retired", f"template:{template.id}", detail=_named(template))
    return template


async def _has_done(actor: Actor, act: str, template: MessageTemplate) -> bool:
    return await audit.has_done(actor, f"template.{act}", f"template:{template.id}")


async def seed_templates() -> int:
    """Publish the first words of the inbox for every kind and language that has none; gives how many."""
    fresh = 0
    async with db.transaction():
        await db.one_at_a_time("templates/seed")
        known = {(row.key, row.language) for row in await MessageTemplate.filter(channel=INBOX)}
        for kind in kinds().values():
            for language, (title, body) in kind.inbox.items():
                if (kind.key, language) not in known:
                    wanted = Draft(kind.key, INBOX, language, title=title, body=body)
                    check_draft(wanted)
                    await _keep(SYSTEM, wanted, TemplateState.PUBLISHED)
                    fresh += 1
    return fresh


async def _keep(actor: Actor, wanted: Draft, state: TemplateState) -> MessageTemplate:
    same = MessageTemplate.filter(key=wanted.key, channel=wanted.channel, language=wanted.language)
    newest = await same.order_by("-version").first()
    now = clock.now()
    return await MessageTemplate.create(
        key=wanted.key,
        channel=wanted.channel,
        language=wanted.language,
        version=newest.version + 1 if newest else 1,
        state=state,
        provider_template=wanted.provider_template,
        subscription=wanted.subscription,
        page=wanted.page,
        entries=[entry.as_json() for entry in wanted.entries],
        title=wanted.title,
        body=wanted.body,
        drafted_by=actor.reference,
        drafted_at=now,
        published_at=now if state is TemplateState.PUBLISHED else None,
    )


async def _locked(template_id: UUID) -> MessageTemplate:
    """Every version of the same words is decided about one after another."""
    template = await MessageTemplate.get_or_none(id=template_id)
    if template is None:
        raise NotFound(what_zh="这个模板", what_en="template")
    await db.one_at_a_time(f"template/{template.key}/{template.channel}/{template.language}")
    return await MessageTemplate.select_for_update().get(id=template_id)


def _style(channel: str) -> FieldStyle:
    """Raises `TemplateInvalid` for a channel this installation does not have."""
    live = ports.every(MessageChannel).get(channel)
    if live is None:
        raise TemplateInvalid(reason_zh="没有接通这个渠道", reason_en="this channel is not connected", field="channel")
    return live.style


def _draft_of(row: MessageTemplate) -> Draft:
    return Draft(
        key=row.key,
        channel=row.channel,
        language=row.language,
        provider_template=row.provider_template,
        subscription=row.subscription,
        page=row.page,
        entries=[Entry.of(entry) for entry in row.entries],
        title=row.title,
        body=row.body,
    )


def _named(row: MessageTemplate) -> dict[str, Any]:
    return {"key": row.key, "channel": row.channel, "language": row.language, "version": row.version}
