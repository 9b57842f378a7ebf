"""Without this module money could count twice, or not at all.

Every path to the truth ends here: notices, the phone's return, the sweep. Locks are taken in the written order
(case, bill, payment); no transaction is open while a provider is asked.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from app.cases.commands import record_payment
from app.cases.queries import locked_case
from app.kernel import audit, clock, db, ports
from app.kernel.actor import SYSTEM, provider_actor
from app.kernel.callbacks import Handled
from app.kernel.facts.publishing import publish
from app.kernel.logging import get_logger
from app.payments.errors import ChannelUnavailable
from app.payments.events import BillPaid, SurplusReceived
from app.payments.models import Bill, PaymentAttempt
from app.payments.ports import OrderRefused, PaymentChannel, PaymentState, PaymentTruth
from app.payments.queries import attempt_by_order, live_attempt, locked_attempt, locked_bill
from app.payments.rules import ATTEMPT_LIFE, BILL_LIFE, UNDECIDED, Expected, Judgement, judge, next_sweep

_log = get_logger(__name__)


def live_channel(code: str) -> PaymentChannel:
    """The adapter of a payment channel. Raises `ChannelUnavailable`."""
    try:
        return ports.get(PaymentChannel, code)
    except ports.NoSuchAdapter:
        raise ChannelUnavailable(field="channel") from None


async def settle(truth: PaymentTruth) -> Handled:
    """Take a provider's verified word on an order, from a notice or a query; again and again without harm."""
    known = await attempt_by_order(truth.channel, truth.order_no)
    if known is None:
        return Handled(matched=False, remark="unknown order")
    case_id = (await Bill.get(id=known.bill_id)).case_id
    async with db.transaction():
        case = await locked_case(case_id)
        bill = await locked_bill(known.bill_id)
        attempt = await locked_attempt(known.id)
        judgement = judge(truth, Expected(attempt.amount_fen, attempt.payer_open_id, attempt.state, bill.state))
        match judgement:
            case Judgement.SETTLE:
                await _succeed(attempt, bill, truth)
                await record_payment(provider_actor(truth.channel), case)
            case Judgement.SURPLUS:
                await _exceed(attempt, truth)
            case Judgement.CLOSE:
                await _close(attempt, bill)
            case Judgement.WRONG_AMOUNT | Judgement.WRONG_PAYER:
                return await _mistrust(attempt, truth, judgement)
            case Judgement.REPEATED | Judgement.NOTHING:
                pass
    return Handled(remark=judgement.value)


async def _succeed(attempt: PaymentAttempt, bill: Bill, truth: PaymentTruth) -> None:
    attempt.state = ATTEMPT_LIFE.next_state(attempt.state, "succeed")
    attempt.provider_ref = truth.provider_ref
    attempt.paid_at = bill.paid_at = truth.paid_at or clock.now()
    bill.state = BILL_LIFE.next_state(bill.state, "settle")
    await attempt.save(update_fields=["state", "provider_ref", "paid_at"])
    await bill.save(update_fields=["state", "paid_at"])
    await publish(BillPaid(bill.id, bill.total_fen))
    await audit.record(
        provider_actor(truth.channel), "payment.settled", f"payment:{attempt.id}", detail={"fen": attempt.amount_fen}
    )


async def _close(attempt: PaymentAttempt, bill: Bill) -> None:
    attempt.state = ATTEMPT_LIFE.next_state(attempt.state, "close")
    await attempt.save(update_fields=["state"])
    if BILL_LIFE.may(bill.state, "release"):
        bill.state = BILL_LIFE.next_state(bill.state, "release")
        await bill.save(update_fields=["state"])


async def _exceed(attempt: PaymentAttempt, truth: PaymentTruth) -> None:
    attempt.state = ATTEMPT_LIFE.next_state(attempt.state, "exceed")
    attempt.provider_ref = truth.provider_ref
    attempt.paid_at = truth.paid_at or clock.now()
    await attempt.save(update_fields=["state", "provider_ref", "paid_at"])
    await publish(SurplusReceived(attempt.id, attempt.amount_fen))
    await audit.record(provider_actor(truth.channel), "payment.surplus", f"payment:{attempt.id}", result="to refund")


async def _mistrust(attempt: PaymentAttempt, truth: PaymentTruth, judgement: Judgement) -> Handled:
    _log.error("payment mistrusted", order_no=attempt.order_no, judgement=judgement.value)
    detail = {"expected_fen": attempt.amount_fen, "told_fen": truth.amount_fen, "told_currency": truth.currency}
    return Handled(matched=False, remark=judgement.value, detail=detail)


async def ask_about(attempt_id: UUID) -> None:
    """Ask the provider about an order that nobody told us of; close it there once its time is over.

    Raises `ProviderUnavailable`.
    """
    attempt = await PaymentAttempt.get(id=attempt_id)
    if attempt.state not in UNDECIDED:
        return
    adapter = live_channel(attempt.channel)
    truth = await adapter.ask(attempt.order_no)
    await settle(truth)
    over = attempt.expires_at <= clock.now()
    if over and truth.state is PaymentState.NOT_PAID:
        try:
            await adapter.close(attempt.order_no)
        except OrderRefused as refused:
            _log.warning("order not closed", order_no=attempt.order_no, code=refused.code)
        await settle(await adapter.ask(attempt.order_no))
    elif over and truth.state is PaymentState.UNKNOWN:
        await settle(PaymentTruth(attempt.channel, attempt.order_no, PaymentState.CLOSED))
    asked = attempt.asked + 1
    await PaymentAttempt.filter(id=attempt_id).update(
        asked=asked, ask_again_at=max(next_sweep(attempt.opened_at, asked), clock.now() + timedelta(minutes=1))
    )


async def expire(bill_id: UUID) -> bool:
    """End a bill past its due date, unless an order of it may still be paid; gives whether it ended."""
    async with db.transaction():
        bill = await locked_bill(bill_id)
        if not BILL_LIFE.may(bill.state, "expire") or await live_attempt(bill.id) is not None:
            return False
        bill.state = BILL_LIFE.next_state(bill.state, "expire")
        await bill.save(update_fields=["state"])
        await audit.record(SYSTEM, "bill.expired", f"bill:{bill.id}")
    return True
