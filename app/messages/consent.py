"""Without this module residents would be sent what they did not agree to.

The balance is a hint that is kept honest: spent in the claim, given back when the platform certainly did not take it,
zero when the platform says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.identity.models import ChannelBinding, Session
from app.kernel import clock, db, ports
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput
from app.kernel.inbox.requests import claim
from app.messages.errors import TooManySubscriptions
from app.messages.models import MessageTemplate, Subscription
from app.messages.ports import ConsentNews, MessageChannel
from app.messages.words import AskMoment, Consent, SubscriptionKind, TemplateState

ASKED_AT_ONCE = 3
"""protocols/wechat.md 3.3: at most three templates in a call, and the two kinds never together."""

MOST_REPORTED = 20
_LONGEST_ID = 100

WORTH_ASKING: Mapping[AskMoment, tuple[str, ...]] = {
    AskMoment.AFTER_BOOKING: ("visit-tomorrow", "ticket-called", "booking-hall-cancelled", "visit-soon"),
    AskMoment.AFTER_APPLYING: ("case-approved", "case-denied", "bill-issued", "parcel-moved"),
    AskMoment.AFTER_PAYMENT: ("bill-paid", "refund-succeeded", "parcel-moved"),
    AskMoment.IN_QUEUE: ("ticket-near", "ticket-called", "ticket-passed"),
    AskMoment.ON_WAITING_LIST: ("place-offered", "booking-hall-cancelled", "visit-tomorrow"),
}
"""The kinds of messages that will come after a moment, the most needed first."""

# One statement decides: of twenty senders one spends the last accept. A long-term consent is not used up.
_SPEND = """
    UPDATE subscription SET balance = CASE kind WHEN 'ONE_TIME' THEN balance - 1 ELSE balance END
    WHERE id = $1 AND refused_at IS NULL AND (kind = 'LONG_TERM' OR balance > 0) RETURNING id
"""
_GIVE_BACK = "UPDATE subscription SET balance = balance + 1 WHERE id = $1 AND kind = 'ONE_TIME' RETURNING id"
_USE_UP = """
    UPDATE subscription SET balance = 0, changed_at = $2::timestamptz,
        refused_at = CASE kind WHEN 'LONG_TERM' THEN $2::timestamptz ELSE refused_at END
    WHERE id = $1 RETURNING id
"""
_ACCEPT = """
    INSERT INTO subscription (id, binding_id, provider_template, kind, balance, changed_at)
    VALUES ($1, $2, $3, $4::text, CASE $4::text WHEN 'ONE_TIME' THEN 1 ELSE 0 END, $5::timestamptz)
    ON CONFLICT (binding_id, provider_template) DO UPDATE
    SET balance = subscription.balance + excluded.balance, refused_at = NULL, kind = excluded.kind,
        changed_at = excluded.changed_at
    RETURNING id
"""
_REFUSE = """
    INSERT INTO subscription (id, binding_id, provider_template, kind, balance, refused_at, changed_at)
    VALUES ($1, $2, $3, $4::text, 0, $5::timestamptz, $5::timestamptz)
    ON CONFLICT (binding_id, provider_template) DO UPDATE
    SET refused_at = CASE WHEN subscription.kind = 'LONG_TERM' OR $6::boolean THEN excluded.refused_at
                     ELSE subscription.refused_at END,
        balance = CASE WHEN $6::boolean THEN 0 ELSE subscription.balance END, changed_at = excluded.changed_at
    RETURNING id
"""


@dataclass(frozen=True)
class Answer:
    """What the resident said about one template of the host app."""

    template: str
    consent: Consent


@dataclass(frozen=True)
class Question:
    """A template to ask about: the provider's id, and which kind of message it is for."""

    template: str
    key: str
    kind: SubscriptionKind


async def spend(subscription_id: UUID) -> UUID | None:
    """Spend one accept in the claim's transaction; None when none is left."""
    return subscription_id if await db.row(_SPEND, subscription_id) else None


async def give_back(subscription_id: UUID | None) -> None:
    """The platform certainly did not take it: the accept is there again."""
    if subscription_id is not None:
        await db.rows(_GIVE_BACK, subscription_id)


async def use_up(subscription_id: UUID) -> None:
    """The platform says that nothing is left, whatever we counted."""
    await db.rows(_USE_UP, subscription_id, clock.now())


async def questions_at(actor: Actor, moment: AskMoment) -> list[Question]:
    """At most three templates the app may ask about now, of one kind: those least provided for first.

    Nothing for who is signed in through something that asks for no consent.
    """
    binding = await _binding(actor)
    if binding is None:
        return []
    keys = WORTH_ASKING[moment]
    in_use = MessageTemplate.filter(channel=binding.channel, key__in=list(keys), state=TemplateState.PUBLISHED)
    found: dict[str, MessageTemplate] = {}
    for template in await in_use.order_by("-language"):  # Chinese before English
        found.setdefault(template.provider_template, template)
    given = {row.provider_template: row for row in await Subscription.filter(binding_id=binding.id)}
    wanted = [row for row in found.values() if _is_worth_asking(row, given.get(row.provider_template))]
    wanted.sort(key=lambda row: (_left(given.get(row.provider_template)), keys.index(row.key)))
    one_kind = [row for row in wanted if row.subscription is wanted[0].subscription]
    return [Question(row.provider_template, row.key, row.subscription) for row in one_kind[:ASKED_AT_ONCE]]


async def report(actor: Actor, answers: Sequence[Answer], *, idempotency_key: str) -> int:
    """Count what the resident answered, once for each key; gives for how many templates a message may come now.

    `ACCEPT` adds one or opens a long-term consent. `REJECT` ends a long-term one and leaves single accepts that were
    given before, `BAN` ends both, `FILTER` changes nothing.
    Raises `TooManySubscriptions`, `IdempotencyKeyReused` or `InvalidInput`.
    """
    if len(answers) > MOST_REPORTED:
        raise TooManySubscriptions(most=MOST_REPORTED)
    body = [[answer.template, answer.consent.value] for answer in answers]
    binding = await _binding(actor)
    if binding is None:
        raise InvalidInput(
            field="answers",
            reason_zh="请在微信或支付宝小程序内订阅消息",
            reason_en="subscriptions are given inside a host app",
        )
    async with db.transaction():
        claimed = await claim(actor.own_id(), idempotency_key, "reportSubscriptions", answers=body)
        if claimed.earlier is None:
            kinds = await _kinds(binding.channel, [answer.template for answer in answers])
            for answer in sorted(answers, key=lambda one: one.template):
                if answer.template in kinds:
                    await _note(binding.id, answer, kinds[answer.template])
            await claimed.answered_with(binding.id)
        open_ones = Subscription.filter(binding_id=binding.id, refused_at=None)
        return sum(1 for row in await open_ones if row.kind is SubscriptionKind.LONG_TERM or row.balance > 0)


async def take_news(news: ConsentNews) -> bool:
    """What the host app itself tells. Accepts are not counted: the phone reports them, and twice would be once too
    often. What was switched off in the app's settings is no use any more, single accepts included.

    Gives False for a user or a template we do not know.
    """
    binding = await ChannelBinding.get_or_none(channel=news.channel, app_id=news.app_id, open_id=news.open_id)
    kinds = await _kinds(news.channel, [news.template])
    if binding is None or news.template not in kinds:
        return False
    if not news.accepted:
        answer = Consent.BAN if news.switched_off else Consent.REJECT
        await _note(binding.id, Answer(news.template, answer), kinds[news.template])
    return True


async def _note(binding_id: UUID, answer: Answer, kind: SubscriptionKind) -> None:
    now = clock.now()
    match answer.consent:
        case Consent.ACCEPT:
            await db.rows(_ACCEPT, db.new_id(), binding_id, answer.template, kind.value, now)
        case Consent.REJECT | Consent.BAN:
            ban = answer.consent is Consent.BAN
            await db.rows(_REFUSE, db.new_id(), binding_id, answer.template, kind.value, now, ban)
        case Consent.FILTER:
            pass


async def _kinds(channel: str, templates: Sequence[str]) -> dict[str, SubscriptionKind]:
    """Which of the provider's templates are ours, and how they are consented to."""
    possible = [template for template in templates if len(template) <= _LONGEST_ID]
    ours = MessageTemplate.filter(channel=channel, provider_template__in=possible)
    return {row.provider_template: row.subscription for row in await ours.order_by("published_at", "id")}


async def _binding(actor: Actor) -> ChannelBinding | None:
    """The host app's user of this session, when that app asks for consent."""
    session = await Session.get_or_none(id=actor.session_id) if actor.session_id else None
    binding = await ChannelBinding.get_or_none(id=session.binding_id) if session and session.binding_id else None
    if binding is None or binding.resident_id != actor.own_id():
        return None
    channel = ports.every(MessageChannel).get(binding.channel)
    return binding if channel is not None and channel.asks_consent else None


def _is_worth_asking(template: MessageTemplate, given: Subscription | None) -> bool:
    """Long-term consent is asked for once; a one-time one adds up. Who refused may be asked again: after a tap."""
    return not (template.subscription is SubscriptionKind.LONG_TERM and given is not None and given.refused_at is None)


def _left(given: Subscription | None) -> int:
    return given.balance if given is not None and given.refused_at is None else 0
