"""Without this module a message that was taken and never arrived would count as told."""

from __future__ import annotations

from app.kernel import clock, db
from app.kernel.callbacks import Handled
from app.messages import consent
from app.messages.models import Message, MessageAttempt
from app.messages.ports import ConsentNews, Receipt
from app.messages.rules import CLAIM_LASTS
from app.messages.sending import send_message
from app.messages.words import AttemptState, MessageState


class NotRecordedYet(Exception):
    """A report about a message whose sender has not written down yet that it was taken; the job comes back."""


async def take_receipt(receipt: Receipt) -> Handled:
    """Believe a channel's later word. What had to arrive and did not goes on to the next channel."""
    attempt = await _attempt(receipt)
    if attempt is None:
        return Handled(matched=False, remark="no such message", detail={"ref": receipt.provider_ref})
    message = await Message.filter(id=attempt.message_id).select_for_update().get()
    attempt = await MessageAttempt.filter(id=attempt.id).select_for_update().get()
    if attempt.state is not AttemptState.SENT:
        return Handled(remark=f"already {attempt.state.value}")
    attempt.state = AttemptState.DELIVERED if receipt.delivered else AttemptState.FAILED
    attempt.code = receipt.code[:60]
    await attempt.save(update_fields=["state", "code"])
    if not receipt.delivered:
        await _go_on(message)
    return Handled(remark=attempt.state.value)


async def take_news(told: list[ConsentNews]) -> Handled:
    """Note what changed about consent; matched when somebody and something of it are ours."""
    known = [await consent.take_news(news) for news in told]
    return Handled(matched=any(known), remark=f"{sum(known)} of {len(known)} known")


async def _attempt(receipt: Receipt) -> MessageAttempt | None:
    of_channel = MessageAttempt.filter(channel=receipt.channel)
    found = await of_channel.filter(provider_ref=receipt.provider_ref).first()
    if (
        found is None
        and await of_channel.filter(state=AttemptState.CLAIMED, tried_at__gt=clock.now() - CLAIM_LASTS).exists()
    ):
        raise NotRecordedYet(receipt.provider_ref)
    return found


async def _go_on(message: Message) -> None:
    assert db.in_open_transaction()
    message.state = MessageState.WAITING if message.must_send else MessageState.FAILED
    message.settled_at = None if message.must_send else clock.now()
    await message.save(update_fields=["state", "settled_at"])
    if message.must_send:
        await send_message.defer(message_id=str(message.id))
