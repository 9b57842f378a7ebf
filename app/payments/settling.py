"""Without this module money could count twice, or not at all.

Every path to the truth ends here: notices, the phone's return, the sweep, the cashier's till. Locks are taken in the
written order (what the bill is for, bill, payment); no transaction is open while a provider is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.kernel import audit, clock, db, ports
from app.kernel.actor import SYSTEM, Actor, provider_actor
from app.kernel.callbacks import Handled
from app.kernel.errors import ProviderUnavailable
from app.kernel.logging import get_logger
from app.payments import journal, money_tasks
from app.payments.errors import ChannelUnavailable
from app.payments.ledger import About, post, unit_of
from app.payments.models import Bill, PaymentAttempt
from app.payments.moves import advance, correct
from app.payments.ports import OrderRefused, PaymentChannel, PaymentState, PaymentTruth
from app.payments.purposes import Held, locked_with_purpose
from app.payments.queries import attempt_by_order, live_attempt, locked_attempt
from app.payments.refunds.promising import promise_surplus
from app.payments.rules import PHONE_BELIEVED, UNDECIDED, WAITING_FOR_MONEY, Expected, Judgement, judge, next_sweep
from app.payments.states import BILL_LIFE, BillState
from app.payments.words import TaskKind

_log = get_logger(__name__)


def live_channel(code: str) -> PaymentChannel:
    """The adapter of a payment channel. Raises `ChannelUnavailable`."""
    try:
        return ports.get(PaymentChannel, code)
    except ports.NoSuchAdapter:
        raise ChannelUnavailable(field="channel") from None


async def settle(truth: PaymentTruth, actor: Actor | None = None, *, present: bool = False) -> Handled:
    """Take a provider's verified word on an order, from a notice or a query; again and again without harm.

    `actor` is the cashier when the money was taken at a window. `present`: it answers a question we have just put.
    """
    known = await attempt_by_order(truth.channel, truth.order_no)
    if known is None:
        return await _unknown(truth)
    who = actor or provider_actor(truth.channel)
    async with db.transaction():
        held = await locked_with_purpose(known.bill_id)
        bill, attempt = held.bill, await locked_attempt(known.id)
        judgement = await _judged(truth, attempt, held)
        match judgement:
            case Judgement.SETTLE | Judgement.RESTORE:
                move = advance if attempt.state in UNDECIDED else correct
                await move(attempt, "succeed", attempt.amount_fen, **paid_as(truth))
                await _pay_bill(who, attempt, held)
                if judgement is Judgement.RESTORE:
                    await _end_what_is_open(bill)
            case Judgement.SURPLUS:
                await _exceed(who, attempt, bill, truth)
            case Judgement.CLOSE:
                await _close(who, attempt, bill)
            case Judgement.WRONG_AMOUNT | Judgement.WRONG_PAYER:
                return await _mistrust(attempt, bill, truth, judgement, present=present)
            case Judgement.NOTHING:
                await _doubt_the_phone(attempt, truth)
            case Judgement.REPEATED:
                pass
    return Handled(remark=judgement.value)


async def _judged(truth: PaymentTruth, attempt: PaymentAttempt, held: Held) -> Judgement:
    bill, wanted = held.bill, truth.state is PaymentState.PAID and await held.is_waiting()
    expected = Expected(
        attempt.amount_fen, attempt.payer_open_id, attempt.state, bill.state, bill.total_fen, wanted=wanted
    )
    return judge(truth, expected)


def paid_as(truth: PaymentTruth) -> dict[str, object]:
    """What a paid order keeps of the provider's word."""
    return {"provider_ref": truth.provider_ref, "paid_at": truth.paid_at or clock.now()}


async def _pay_bill(who: Actor, attempt: PaymentAttempt, held: Held) -> None:
    """The one success: the bill is paid and what waited for it goes on."""
    bill = held.bill
    at, about = attempt.paid_at, About(bill.id, attempt.id)
    if bill.state in WAITING_FOR_MONEY:
        await advance(bill, "settle", bill.total_fen, paid_at=at)
    else:
        await correct(bill, "revive", bill.total_fen, paid_at=at)
        await post(f"revived:{bill.id}", journal.issued(unit_of(bill), bill.total_fen), about, at=at)
    await post(f"paid:{attempt.id}", journal.paid(attempt.channel, attempt.amount_fen), about, at=at)
    await held.fulfil(who)
    await money_tasks.settle_by_itself(f"payment:{attempt.id}")
    detail = {"fen": attempt.amount_fen}
    await audit.record(who, "payment.settled", f"payment:{attempt.id}", detail=detail, person=bill.resident_id)


async def _doubt_the_phone(attempt: PaymentAttempt, truth: PaymentTruth) -> None:
    """Who has not paid after all, whatever their phone said, is told so again: that they may."""
    said = attempt.returned_at
    if truth.state is PaymentState.NOT_PAID and said is not None and said <= clock.now() - PHONE_BELIEVED:
        await PaymentAttempt.filter(id=attempt.id).update(returned_at=None)


async def _end_what_is_open(bill: Bill) -> None:
    """Late money has paid the bill while a later order of it is still open: the sweep closes that one at once, before
    somebody pays twice.
    """
    await PaymentAttempt.filter(bill_id=bill.id, state__in=UNDECIDED).update(ask_again_at=clock.now())


async def _close(who: Actor, attempt: PaymentAttempt, bill: Bill) -> None:
    await advance(attempt, "close")
    await audit.record(who, "payment.closed", f"payment:{attempt.id}", detail={"bill": bill.state.value})
    if BILL_LIFE.may(bill.state, "release"):
        await advance(bill, "release")


async def _exceed(who: Actor, attempt: PaymentAttempt, bill: Bill, truth: PaymentTruth) -> None:
    """Money that nothing waits for goes back by itself; a bill it was the open order of waits on."""
    was_live = attempt.state in UNDECIDED
    await (advance if was_live else correct)(attempt, "exceed", attempt.amount_fen, **paid_as(truth))
    await enter_surplus(attempt, bill, was_live=was_live)
    await audit.record(who, "payment.surplus", f"payment:{attempt.id}", result="to refund")
    await promise_surplus(attempt)


async def enter_surplus(attempt: PaymentAttempt, bill: Bill, *, was_live: bool) -> None:
    """The channel holds the money of an order that is over; the bill it was open for waits on."""
    if was_live and BILL_LIFE.may(bill.state, "release"):
        await advance(bill, "release")
    entry = journal.surplus(attempt.channel, attempt.amount_fen)
    await post(f"surplus:{attempt.id}", entry, About(bill.id, attempt.id), at=attempt.paid_at)


async def _unknown(truth: PaymentTruth) -> Handled:
    """Money for an order we do not know stays for a person; anything else about one is no news."""
    if truth.state is PaymentState.PAID:
        async with db.transaction():
            subject = f"order:{truth.channel}/{truth.order_no}"
            await money_tasks.open_task(TaskKind.UNKNOWN_ORDER, subject, truth.channel, theirs_fen=truth.amount_fen)
    return Handled(matched=False, remark="unknown order")


async def _mistrust(
    attempt: PaymentAttempt, bill: Bill, truth: PaymentTruth, judgement: Judgement, *, present: bool
) -> Handled:
    """Nothing moves; somebody is told, and the sweep asks the provider at once whether it really says so."""
    _log.error("payment mistrusted", order_no=attempt.order_no, judgement=judgement.value)
    await money_tasks.open_task(
        TaskKind(judgement.value),
        f"payment:{attempt.id}",
        attempt.channel,
        unit=bill.collecting_unit,
        ours_fen=attempt.amount_fen,
        theirs_fen=truth.amount_fen,
    )
    if attempt.state in UNDECIDED and not present:
        await PaymentAttempt.filter(id=attempt.id).update(ask_again_at=clock.now())
    detail = {"expected_fen": attempt.amount_fen, "told_fen": truth.amount_fen, "told_currency": truth.currency}
    return Handled(matched=False, remark=judgement.value, detail=detail)


async def took_turn(attempt_id: UUID) -> bool:
    """Whether an order is to be asked about now. The next time is set before anybody asks: a provider that does not
    answer, or is switched off, is asked less and less, and keeps the orders of no other waiting.
    """
    attempt, now = await PaymentAttempt.get(id=attempt_id), clock.now()
    if attempt.state not in UNDECIDED or attempt.ask_again_at is None or attempt.ask_again_at > now:
        return False
    unchanged = PaymentAttempt.filter(id=attempt.id, asked=attempt.asked, ask_again_at=attempt.ask_again_at)
    asked = attempt.asked + 1
    return bool(await unchanged.update(asked=asked, ask_again_at=next_sweep(attempt.opened_at, asked, now)))


async def ask_patiently(attempt_id: UUID) -> None:
    """The same as `ask_about`; a provider that does not answer is asked at the next turn."""
    try:
        await ask_about(attempt_id)
    except (ProviderUnavailable, ChannelUnavailable) as error:
        _log.warning("order unanswered", attempt_id=str(attempt_id), cause=type(error).__name__)


async def ask_about(attempt_id: UUID) -> None:
    """Ask the provider about an order that nobody told us of; close it there once its time is over or nothing
    waits for it any more.

    Raises `ChannelUnavailable` or `ProviderUnavailable`.
    """
    attempt = await PaymentAttempt.get(id=attempt_id)
    if attempt.state not in UNDECIDED:
        return
    bill = await Bill.get(id=attempt.bill_id)
    is_over = attempt.expires_at <= clock.now()
    if is_over or bill.state not in WAITING_FOR_MONEY:
        await close_order(attempt, "its time is over" if is_over else "its bill no longer waits")
    else:
        await settle(await live_channel(attempt.channel).ask(attempt.order_no), present=True)


async def close_order(attempt: PaymentAttempt, why: str) -> None:
    """End an order at its provider unless it is paid, and believe only the provider that it ended. `why` is for who
    looks into it later.

    Raises `ProviderUnavailable`; the order is then as open as before.
    """
    adapter = live_channel(attempt.channel)
    truth = await adapter.ask(attempt.order_no)
    await settle(truth, present=True)
    if truth.state in {PaymentState.NOT_PAID, PaymentState.UNKNOWN}:
        await audit.record(SYSTEM, "payment.to_close", f"payment:{attempt.id}", detail={"because": why})
    if truth.state is PaymentState.NOT_PAID:
        try:
            await adapter.close(attempt.order_no)
        except OrderRefused as refused:
            _log.warning("order not closed", order_no=attempt.order_no, code=refused.code)
        await settle(await adapter.ask(attempt.order_no), present=True)
    elif truth.state is PaymentState.UNKNOWN:
        await settle(PaymentTruth(attempt.channel, attempt.order_no, PaymentState.CLOSED))


async def close_live_order(bill_id: UUID, why: str) -> None:
    """End the order of a bill that may still be paid, when there is one. Raises like `close_order`."""
    attempt = await live_attempt(bill_id)
    if attempt is not None:
        await close_order(attempt, why)


async def cancel(actor: Actor, bill: Bill, detail: Mapping[str, Any] | None = None) -> None:
    """Take a locked bill back that no order may still pay, in the caller's transaction. Raises `IllegalMove`."""
    was_owed = bill.state is BillState.CREATED
    await advance(bill, "cancel")
    if was_owed:
        await post(f"cancelled:{bill.id}", journal.written_off(unit_of(bill), bill.total_fen), About(bill.id))
    await audit.record(actor, "bill.cancelled", f"bill:{bill.id}", detail=detail, person=bill.resident_id)


async def expire(bill_id: UUID) -> bool:
    """End a bill past its due date and let go of what it held; gives whether it ended.

    An order of it that may still be paid is never passed over: it is asked about and closed first (`ask_about`).
    """
    async with db.transaction():
        held = await locked_with_purpose(bill_id)
        bill = held.bill
        if not BILL_LIFE.may(bill.state, "expire") or bill.due_at > clock.now():
            return False
        if await live_attempt(bill.id) is not None:
            return False
        await advance(bill, "expire")
        journal_name = f"expired:{bill.id}:{bill.due_at.timestamp():.0f}"
        await post(journal_name, journal.written_off(unit_of(bill), bill.total_fen), About(bill.id))
        await held.give_up()
        await audit.record(SYSTEM, "bill.expired", f"bill:{bill.id}", person=bill.resident_id)
    return True
