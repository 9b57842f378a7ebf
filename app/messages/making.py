"""Without this module a fact that is delivered twice would be two messages, or one that came at midnight a rude one."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from app.identity.models import ChannelBinding
from app.kernel import clock, db
from app.kernel.facts import Fact
from app.kernel.logging import get_logger
from app.messages.limits import cut
from app.messages.models import MessageTemplate
from app.messages.rulebook import Rule
from app.messages.rules import next_waking
from app.messages.sending import send_message
from app.messages.telling.told import Told
from app.messages.templates import seed_templates
from app.messages.wording import LANGUAGES, filled
from app.messages.words import INBOX, MessageState, TemplateState
from app.profiles.models import Preferences
from app.representation.queries import representatives_by_law

_log = get_logger(__name__)

# A share of the account, so that it cannot be joined or closed while something is added to it.
_ACCOUNT = "SELECT id, language, merged_into_id, closed_at FROM resident WHERE id = $1 FOR SHARE"
_INSERT = """
    INSERT INTO message (id, resident_id, key, subject, once_key, language, words, template_id, title, body, page,
                         must_send, at_once, not_before, useless_after, state, made_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    ON CONFLICT (once_key) DO NOTHING RETURNING id
"""
_TITLE_LONGEST = 60


async def tell(rule: Rule, fact: Fact) -> int:
    """Make the messages a fact calls for, each in a transaction of its own; gives how many are new."""
    if not rule.when(fact):
        return 0
    made = 0
    for told in await rule.tell(fact):
        readers = await _readers(told.resident_id)
        for reader in readers:
            once = told.once if len(readers) == 1 else f"{told.once}/{reader}"
            made += await _make(rule, replace(told, once=once), reader) is not None
    return made


async def _readers(resident_id: UUID) -> list[UUID]:
    """Who opens an account: its resident; for a child or a company, in whose account nobody signs in, whoever
    represents them by law.
    """
    if await ChannelBinding.exists(resident_id=resident_id):
        return [resident_id]
    return await representatives_by_law(resident_id) or [resident_id]


async def _make(rule: Rule, told: Told, reader: UUID) -> UUID | None:
    """One message, unless this was told already or its reader has left; None then."""
    async with db.transaction():
        account = await _account(reader)
        if account is None:
            return None
        resident_id, language = account
        template = await _words(rule.template, language)
        every = told.every_value()
        values = {spoken: {name: said[at] for name, said in every.items()} for at, spoken in enumerate(LANGUAGES)}
        now = clock.now()
        at_once = rule.at_once or told.at_once
        not_before = now if at_once else next_waking(now)
        goes_out = bool(rule.channels) and (rule.must_send or not await _is_muted(resident_id, rule))
        made = await db.row(
            _INSERT,
            db.new_id(),
            resident_id,
            rule.template,
            told.about.subject,
            f"{rule.template}/{told.once}",
            language,
            db.json_text(values),
            template.id,
            cut(filled(template.title, values[template.language]), _TITLE_LONGEST),
            filled(template.body, values[template.language]),
            told.about.page,
            rule.must_send,
            at_once,
            not_before,
            told.useless_after,
            (MessageState.WAITING if goes_out else MessageState.INBOX_ONLY).value,
            now,
        )
        if made is None:
            return None
        if goes_out:
            await send_message.defer(not_before=not_before, message_id=str(made["id"]))
    message_id: UUID = made["id"]
    return message_id


async def _account(resident_id: UUID) -> tuple[UUID, str] | None:
    """The account that is left and its language; None when it was closed."""
    while True:
        row = await db.row(_ACCOUNT, resident_id)
        if row is None or row["closed_at"] is not None:
            return None
        if row["merged_into_id"] is None:
            return row["id"], row["language"] or LANGUAGES[0]
        resident_id = row["merged_into_id"]


async def _words(key: str, language: str) -> MessageTemplate:
    """The inbox's words in use, in Chinese when there are none in a language; a new portal gets its first ones here."""
    in_use = await MessageTemplate.filter(key=key, channel=INBOX, state=TemplateState.PUBLISHED)
    if not in_use:
        await seed_templates()
        return await _words(key, language)
    spoken = {row.language: row for row in in_use}
    return spoken.get(language) or spoken[LANGUAGES[0]]


async def _is_muted(resident_id: UUID, rule: Rule) -> bool:
    chosen = await Preferences.get_or_none(resident_id=resident_id)
    return chosen is not None and rule.kind in chosen.muted
