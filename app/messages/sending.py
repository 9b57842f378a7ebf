"""Without this module a message would stay in the inbox, or go out twice.

Claimed in one transaction, with the consent it costs; handed to the channel with no transaction open; recorded in
another. A claim without a record was left by a sender that died: what it did is unknown, and that channel is not
asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.kernel import clock, db, ports
from app.kernel.jobs import job
from app.kernel.logging import get_logger
from app.kernel.metrics import MESSAGES
from app.messages import consent
from app.messages.doors import Way, doors_of, ways_of
from app.messages.errors import TemplateInvalid
from app.messages.models import Message, MessageAttempt
from app.messages.ports import Letter, MessageChannel, Misconfigured, NotTaken, Outcome, Refused, Sent, Unsure
from app.messages.rulebook import RULE_OF
from app.messages.rules import CLAIM_LASTS, End, Send, next_step, next_try, next_waking
from app.messages.template_rules import Entry, fields_of
from app.messages.words import AttemptState, MessageState

_log = get_logger(__name__)


@dataclass(frozen=True)
class Claim:
    """The right, and the duty, to hand a message to a channel once."""

    message_id: UUID
    attempt_id: UUID
    channel: str
    letter: Letter


@job("messages.send")
async def send_message(message_id: str) -> None:
    await send(UUID(message_id))


async def send(message_id: UUID) -> None:
    """Take a message as far as it goes now; any number of senders at once send it once."""
    while True:
        claim = await _claim(message_id)
        if claim is None:
            return
        channel = ports.get(MessageChannel, claim.channel)
        await _record(claim, await channel.send(claim.letter))


async def _claim(message_id: UUID) -> Claim | None:
    """The next channel's claim, or None when there is nothing to do now: it ended, or a job will come back."""
    async with db.transaction():
        message = await Message.filter(id=message_id).select_for_update().first()
        if message is None or message.state is not MessageState.WAITING or clock.now() < message.not_before:
            return None
        now = clock.now()
        if await _is_over(message, now):
            await _end(message, MessageState.OVER)
            return None
        if not message.at_once and next_waking(now) > now:
            await _wait(message, next_waking(now))
            return None
        return await _next_claim(message, now)


async def _is_over(message: Message, now: datetime) -> bool:
    """Whether it came too late, or what it says is no longer so."""
    if message.useless_after is not None and now > message.useless_after:
        return True
    still = RULE_OF[message.key].still
    return still is not None and not await still(message)


async def _next_claim(message: Message, now: datetime) -> Claim | None:
    attempts = {one.channel: one for one in await MessageAttempt.filter(message_id=message.id)}
    for attempt in attempts.values():
        if attempt.state is AttemptState.CLAIMED and attempt.tried_at + CLAIM_LASTS <= now:
            await _settle(attempt, AttemptState.UNSURE, "sender lost")
    ways = await ways_of(message)
    while True:
        step = next_step(await doors_of(message, attempts, ways), now, must_send=message.must_send)
        if isinstance(step, End):
            await _end(message, step.state)
            return None
        if not isinstance(step, Send):
            if any(one.state is AttemptState.CLAIMED for one in attempts.values()):
                await _come_back(message, step.until)  # its sender is still at it, or has just died
            else:
                await _wait(message, step.until if message.at_once else next_waking(step.until))
            return None
        claim = await _claimed(message, ways, attempts, step.channel, now)
        if claim is not None:
            return claim


async def _claimed(
    message: Message, ways: dict[str, Way], attempts: dict[str, MessageAttempt], channel: str, now: datetime
) -> Claim | None:
    """The claim of one channel; None, with the way closed, when its consent is gone or the words do not fit."""
    way = ways[channel]
    spent = None if way.subscription_id is None else await consent.spend(way.subscription_id)
    if way.subscription_id is not None and spent is None:
        del ways[channel]
        return None
    attempt = attempts.setdefault(channel, MessageAttempt(message_id=message.id, channel=channel))
    attempt.template_id, attempt.consent_id, attempt.next_at = way.template.id, spent, None
    attempt.state, attempt.tried_at, attempt.tries = AttemptState.CLAIMED, now, attempt.tries + 1
    try:
        fields = fields_of(
            [Entry.of(one) for one in way.template.entries], way.style, message.words[way.template.language]
        )
    except TemplateInvalid as fault:
        _log.error("message does not fit", message=str(message.id), channel=channel, cause=str(fault))
        await attempt.save()
        await _settle(attempt, AttemptState.FAILED, "does not fit")
        await consent.give_back(attempt.consent_id)
        return None
    await attempt.save()
    letter = Letter(
        reference=str(attempt.id),
        to=way.address,
        template=way.template.provider_template,
        fields=fields,
        page=_page(way.template.page, message.page),
        language=way.template.language,
    )
    return Claim(message.id, attempt.id, channel, letter)


def _page(named: str, own: str) -> str:
    """The template's page, where it names one, with the query of the message's own."""
    if not named:
        return own
    _, mark, query = own.partition("?")
    return f"{named}{mark}{query}"


async def _record(claim: Claim, outcome: Outcome) -> None:
    """Write down what came of it, and what it means for the message and for the consent."""
    MESSAGES.labels(claim.channel, type(outcome).__name__.lower()).inc()
    async with db.transaction():
        message = await Message.filter(id=claim.message_id).select_for_update().first()
        attempt = await MessageAttempt.filter(id=claim.attempt_id).select_for_update().first()
        if message is None or attempt is None:  # its reader left meanwhile
            return
        match outcome:
            case Sent(provider_ref):
                attempt.provider_ref = provider_ref
                await _settle(attempt, AttemptState.SENT, "")
                await _end(message, MessageState.SENT)
            case Refused(code, used_up):
                await _settle(attempt, AttemptState.REFUSED, code)
                if used_up and attempt.consent_id is not None:
                    await consent.use_up(attempt.consent_id)
            case Misconfigured(code):
                _log.error("message misconfigured", channel=claim.channel, template=claim.letter.template, code=code)
                await _settle(attempt, AttemptState.FAILED, code)
                await consent.give_back(attempt.consent_id)
            case NotTaken(code, retry_after):
                again = next_try(attempt.tries, clock.now(), retry_after)
                attempt.next_at = again
                await _settle(attempt, AttemptState.RETRY if again else AttemptState.FAILED, code)
                await consent.give_back(attempt.consent_id)
            case Unsure(code):
                await _settle(attempt, AttemptState.UNSURE, code)


async def _settle(attempt: MessageAttempt, state: AttemptState, code: str) -> None:
    attempt.state, attempt.code = state, code[:60]
    await attempt.save()


async def _end(message: Message, state: MessageState) -> None:
    message.state, message.settled_at = state, clock.now()
    await message.save(update_fields=["state", "settled_at"])


async def _wait(message: Message, until: datetime) -> None:
    """Nobody touches it before; a job comes then."""
    message.not_before = until
    await message.save(update_fields=["not_before"])
    await _come_back(message, until)


async def _come_back(message: Message, at: datetime) -> None:
    await send_message.defer(not_before=at, message_id=str(message.id))
