"""Without this module nobody would know by which ways a resident can be reached at this moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.identity.models import ChannelBinding, Resident
from app.kernel import ports
from app.kernel.privacy import unseal
from app.messages.models import Message, MessageAttempt, MessageTemplate, Subscription
from app.messages.ports import Address, FieldStyle, MessageChannel
from app.messages.rulebook import RULE_OF
from app.messages.rules import CLAIM_LASTS, Door
from app.messages.weakness import is_skipped
from app.messages.wording import LANGUAGES
from app.messages.words import AttemptState, SubscriptionKind, TemplateState


@dataclass(frozen=True)
class Way:
    """How a message can go out by one channel: in which words, to whom, and by whose consent where it costs one."""

    style: FieldStyle
    template: MessageTemplate
    address: str
    subscription_id: UUID | None = None


async def ways_of(message: Message) -> dict[str, Way]:
    """Every channel of the rule that is live, has words in use, and reaches the resident with their consent."""
    live = ports.every(MessageChannel)
    wanted = [code for code in RULE_OF[message.key].channels if code in live]
    if not wanted:
        return {}
    words = await _words(message, wanted)
    users = [code for code in words if live[code].address is Address.USER]
    bindings = ChannelBinding.filter(resident_id=message.resident_id, channel__in=users)
    bound = await bindings.order_by("-bound_at", "-id") if users else []
    agreed = await _agreed(bound, words)
    ways = {}
    for code, template in words.items():
        way = await _way(message, live[code], template, [one for one in bound if one.channel == code], agreed)
        if way is not None:
            ways[code] = way
    return ways


async def _way(
    message: Message,
    channel: MessageChannel,
    template: MessageTemplate,
    bound: list[ChannelBinding],
    agreed: Mapping[tuple[UUID, str], UUID],
) -> Way | None:
    if channel.address is Address.PHONE:
        resident = await Resident.get(id=message.resident_id)
        phone = unseal(resident.phone_sealed) if resident.phone_sealed else ""
        return Way(channel.style, template, phone) if phone else None
    for binding in bound:
        subscription = agreed.get((binding.id, template.provider_template))
        if subscription is not None or not channel.asks_consent:
            return Way(channel.style, template, binding.open_id, subscription)
    return None


async def _words(message: Message, channels: list[str]) -> dict[str, MessageTemplate]:
    """The version in use of each channel, in the message's language where there is one."""
    in_use = await MessageTemplate.filter(key=message.key, channel__in=channels, state=TemplateState.PUBLISHED)
    by_language = {(row.channel, row.language): row for row in in_use}
    found = {}
    for code in channels:
        template = by_language.get((code, message.language)) or by_language.get((code, LANGUAGES[0]))
        if template is not None:
            found[code] = template
    return found


async def _agreed(bound: list[ChannelBinding], words: Mapping[str, MessageTemplate]) -> dict[tuple[UUID, str], UUID]:
    """The subscription by which a binding may be sent a template."""
    if not bound:
        return {}
    given = Subscription.filter(
        binding_id__in=[one.id for one in bound],
        provider_template__in=[template.provider_template for template in words.values()],
        refused_at=None,
    )
    return {
        (row.binding_id, row.provider_template): row.id
        for row in await given
        if row.kind is SubscriptionKind.LONG_TERM or row.balance > 0
    }


async def doors_of(message: Message, attempts: Mapping[str, MessageAttempt], ways: Mapping[str, Way]) -> list[Door]:
    """The channels of the rule as they stand for this message, in the rule's order."""
    doors = []
    for code in RULE_OF[message.key].channels:
        attempt = attempts.get(code)
        weak = code in ways and await is_skipped(code, message.id)
        state = attempt.state if attempt else None
        doors.append(Door(code, code in ways, state, _next_at(attempt), is_weak=weak))
    return doors


def _next_at(attempt: MessageAttempt | None) -> datetime | None:
    if attempt is not None and attempt.state is AttemptState.CLAIMED:
        return attempt.tried_at + CLAIM_LASTS
    return attempt.next_at if attempt is not None else None
