"""Without this module a message that was taken and never arrived would count as told."""

from __future__ import annotations

from collections.abc import Sequence

from app.kernel import clock, db
from app.kernel.callbacks import Handled
from app.kernel.inbox.notices import replay_unmatched
from app.kernel.jobs import job
from app.messages import consent
from app.messages.models import Message, MessageAttempt
from app.messages.ports import RECEIPT_TOPIC, ConsentNews, Receipt
from app.messages.rules import CLAIM_LASTS
from app.messages.sending import send_message
from app.messages.words import AttemptState, MessageState


@job("messages.take_receipt")
async def take_again(channel: str, provider_ref: str, code: str, *, delivered: bool) -> None:
    """A report that came before its message's sender had written down the number: by now it has, or never will."""
    async with db.transaction():
        if (await take_receipt(Receipt(channel, provider_ref, delivered, code))).matched:
            await replay_unmatched(RECEIPT_TOPIC, told=[{"channel": channel, "provider_ref": provider_ref}])


async def take_receipts(receipts: Sequence[Receipt]) -> Handled:
    """Each report of a push for itself; unmatched when none of them is about a message of ours, as far as we know.

    One we do not know while messages are at that channel is looked at again when those are written down.
    """
    verdicts = []
    for receipt in receipts:
        is_somewhere = await _is_somewhere(receipt.channel)  # asked first: it may be written down in between
        verdicts.append(await take_receipt(receipt))
        if is_somewhere and not verdicts[-1].matched:
            await take_again.defer(
                not_before=clock.now() + CLAIM_LASTS,
                channel=receipt.channel,
                provider_ref=receipt.provider_ref,
                code=receipt.code,
                delivered=receipt.delivered,
            )
    remark = "; ".join(verdict.remark for verdict in verdicts)
    return Handled(matched=any(verdict.matched for verdict in verdicts), remark=remark)


async def take_receipt(receipt: Receipt) -> Handled:
    """Believe a channel's later word. What had to arrive and did not goes on to the next channel."""
    attempt = await MessageAttempt.filter(channel=receipt.channel, provider_ref=receipt.provider_ref).first()
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


async def _is_somewhere(channel: str) -> bool:
    """Whether a sender is at a channel now: the message may be its own."""
    claims = MessageAttempt.filter(channel=channel, state=AttemptState.CLAIMED)
    return await claims.filter(tried_at__gt=clock.now() - CLAIM_LASTS).exists()


async def _go_on(message: Message) -> None:
    assert db.in_open_transaction()
    message.state = MessageState.WAITING if message.must_send else MessageState.FAILED
    message.settled_at = None if message.must_send else clock.now()
    await message.save(update_fields=["state", "settled_at"])
    if message.must_send:
        await send_message.defer(message_id=str(message.id))
