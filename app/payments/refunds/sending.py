"""Without this module money would be promised back and stay where it is.

No transaction is open while a channel is asked. Whoever asks takes the turn first, by one conditional statement: two
workers never ask at once, and a worker that died in between is followed a minute later by one that asks again.
"""

from __future__ import annotations

from uuid import UUID

from app.kernel import clock, db
from app.kernel.errors import ProviderUnavailable
from app.kernel.logging import get_logger
from app.payments import money_tasks
from app.payments.errors import ChannelUnavailable
from app.payments.models import Bill, PaymentAttempt, Refund
from app.payments.ports import PaymentChannel, RefundOrder, RefundRefused, RefundStanding, RefundTruth
from app.payments.receipts.withdrawing import may_go_back
from app.payments.refunds.rules import LATER_UNTIL, next_question
from app.payments.refunds.settling import settle_refund
from app.payments.settling import live_channel
from app.payments.states import RefundState
from app.payments.words import REASON_WORDS, TaskKind

_log = get_logger(__name__)


async def pursue(refund_id: UUID) -> None:
    """Bring a refund to its channel, or ask where it is, when its time has come; the next time is set before.

    The first time it is sent. After that the channel is asked, and what it never heard of is sent again with equal
    values. A channel that does not answer is asked again later.
    """
    refund = await Refund.get(id=refund_id)
    if not await took_turn(refund):
        return
    attempt = await PaymentAttempt.get(id=refund.attempt_id)
    try:
        channel = live_channel(attempt.channel)
        if channel.at_window:
            await Refund.filter(id=refund_id).update(ask_again_at=None)
            return
        await settle_refund(await _truth(channel, refund, attempt), present=True)
    except ProviderUnavailable:
        _log.warning("refund unanswered", refund_no=refund.refund_no, asked=refund.asked)
    except ChannelUnavailable:
        await _refused(refund, attempt, RefundRefused("CHANNEL_SWITCHED_OFF", later=True))
    except RefundRefused as refused:
        await _refused(refund, attempt, refused)


async def took_turn(refund: Refund) -> bool:
    """Whether it is time to ask about a refund, and nobody else has done so since it was read."""
    now = clock.now()
    if refund.ask_again_at is None or refund.ask_again_at > now:
        return False
    unchanged = Refund.filter(id=refund.id, asked=refund.asked, ask_again_at=refund.ask_again_at)
    return bool(await unchanged.update(asked=refund.asked + 1, ask_again_at=next_question(now, refund.asked)))


async def _truth(channel: PaymentChannel, refund: Refund, attempt: PaymentAttempt) -> RefundTruth:
    order = order_of(refund, attempt)
    if refund.asked == 0 and refund.state is RefundState.APPROVED:
        return await _send(channel, refund, order)
    truth = await channel.ask_refund(order)
    unheard = truth.state is RefundStanding.UNKNOWN and refund.state in {RefundState.APPROVED, RefundState.PROCESSING}
    return await _send(channel, refund, order) if unheard else truth


async def _send(channel: PaymentChannel, refund: Refund, order: RefundOrder) -> RefundTruth:
    """Money whose receipt is still in force waits for the platform that takes receipts back."""
    if not await may_go_back(refund.bill_id):
        raise ProviderUnavailable(service_zh="财政电子票据平台", service_en="The fiscal receipt platform")
    return await channel.refund(order)


def order_of(refund: Refund, attempt: PaymentAttempt) -> RefundOrder:
    """The same for every repeat; what people wrote is not told to the channel."""
    reason = REASON_WORDS[refund.reason][0]
    return RefundOrder(refund.refund_no, attempt.order_no, refund.amount_fen, attempt.amount_fen, reason)


async def _refused(refund: Refund, attempt: PaymentAttempt, refused: RefundRefused) -> None:
    """The promise stands. What may be taken later is repeated by the sweep; what will not waits for a person, who
    retries it or gives it up.
    """
    _log.warning("refund refused", refund_no=refund.refund_no, code=refused.code, later=refused.later)
    async with db.transaction():
        if not refused.later:
            await Refund.filter(id=refund.id, state=RefundState.APPROVED).update(ask_again_at=None)
        if not refused.later or refund.asked + 1 >= LATER_UNTIL:
            bill = await Bill.get(id=attempt.bill_id)
            await money_tasks.open_anew(
                TaskKind.REFUND_REFUSED,
                f"refund:{refund.id}",
                attempt.channel,
                unit=bill.collecting_unit,
                ours_fen=refund.amount_fen,
                code=refused.code,
            )
