"""Without this module facts would be written and no resident would hear of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import TypeAdapter

from app.kernel import db
from app.kernel.callbacks import Handled
from app.kernel.facts import Fact
from app.kernel.facts.publishing import reacts_to
from app.kernel.inbox.notices import handles
from app.kernel.jobs import timetable
from app.messages.making import tell
from app.messages.ports import CONSENT_TOPIC, RECEIPT_TOPIC, ConsentNews, Receipt
from app.messages.queries import overdue_messages
from app.messages.receipts import take_news, take_receipts
from app.messages.rulebook import RULES, Rule
from app.messages.sending import send_message

_BATCH = 500
_RECEIPTS = TypeAdapter(list[Receipt])
_NEWS = TypeAdapter(list[ConsentNews])


def _reaction(rule: Rule) -> Callable[[Fact], Awaitable[None]]:
    async def react(fact: Fact) -> None:
        await tell(rule, fact)

    react.__name__ = f"tell_{rule.template.replace('-', '_')}"
    return react


for rule in RULES:
    for fact in (rule.fact, *rule.also):
        reacts_to(fact)(_reaction(rule))


@timetable("*/5 * * * *", name="messages.sweep")
async def sweep_waiting_messages() -> None:
    """Each message has a job of its own for its time; this finds those whose job was lost or came too early."""
    for message_id in await overdue_messages(_BATCH):
        async with db.transaction():
            await send_message.defer(message_id=str(message_id))


@handles(RECEIPT_TOPIC)
async def take_reports(content: dict[str, Any]) -> Handled:
    return await take_receipts(_RECEIPTS.validate_python(content["told"]))


@handles(CONSENT_TOPIC)
async def take_consent_news(content: dict[str, Any]) -> Handled:
    return await take_news(_NEWS.validate_python(content["told"]))
