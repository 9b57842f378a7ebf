"""Without this module no bill could be opened for payment; what comes of it is in `settling`.

Locks are taken in the written order: what the bill is for, bill, payment. No transaction is open while a provider is
asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from uuid import UUID

from app.identity.queries import channel_user
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.inbox.requests import claim
from app.kernel.logging import get_logger
from app.payments.errors import (
    BillCancelled,
    BillExpired,
    ChannelUnavailable,
    NothingToPay,
    PaymentRefused,
    PaymentUnderWay,
)
from app.payments.models import Bill, PaymentAttempt
from app.payments.moves import advance
from app.payments.ports import OrderRefused, PaymentChannel, PaymentOrder
from app.payments.purposes import Held, locked_with_purpose
from app.payments.queries import live_attempt, locked_attempt, payable_bill
from app.payments.rules import ATTEMPT_TIME, PREPAY_GOOD_FOR, UNDISTURBED, WAITING_FOR_MONEY, next_sweep
from app.payments.settling import close_order, live_channel, settle
from app.payments.states import ATTEMPT_LIFE, AttemptState, BillState
from app.representation.queries import locked_subject

_log = get_logger(__name__)


@dataclass(frozen=True)
class Payable:
    """An attempt the phone can go on with: the provider's parameters, signed for this moment."""

    bill: Bill
    attempt: PaymentAttempt
    client_parameters: Mapping[str, str]


async def pay(actor: Actor, bill_id: UUID, channel: str, *, idempotency_key: str) -> Payable:
    """Open an order at a payment channel and give the phone what it needs.

    The amount is the bill's. An order of the same payer that is still good is used again; any other order of the
    bill is closed at its provider first, and the provider has confirmed that, so that nobody pays twice. Raises
    `NotFound`, `NothingToPay` (also when what the bill is for waits no more), `BillExpired`, `BillCancelled`,
    `PaymentUnderWay` (the other order could not be closed, or is too young for who only knows the payment code),
    `ChannelUnavailable`, `PaymentRefused`, `ProviderUnavailable` or `IdempotencyKeyReused`.
    """
    adapter = live_channel(channel)
    await payable_bill(bill_id, actor)
    user = await channel_user(actor, adapter.sign_in_channel) if not adapter.at_window else None
    if user is None:
        raise ChannelUnavailable(field="channel")
    earlier = await live_attempt(bill_id)
    if earlier is not None and not _is_usable(earlier, channel, user.open_id, clock.now()):
        await _check_may_end(actor, earlier)
        async with db.transaction():
            await locked_owed(bill_id)
        await close_order(earlier, "another order is opened")
    attempt = await _prepare(actor, bill_id, channel, user.open_id, idempotency_key)
    if attempt.prepay_ref is None or _prepay_is_old(attempt):
        attempt = await _open(actor, adapter, attempt)
    assert attempt.prepay_ref is not None
    bill = await payable_bill(bill_id, actor)
    return Payable(bill, attempt, await adapter.client_parameters(attempt.prepay_ref))


def _is_usable(attempt: PaymentAttempt, channel: str, open_id: str, now: datetime) -> bool:
    """An order at a provider is for one payer, in one app, for a while."""
    return (attempt.channel, attempt.payer_open_id) == (channel, open_id) and attempt.expires_at > now


async def _check_may_end(actor: Actor, attempt: PaymentAttempt) -> None:
    """An order under way is ended by its payer or the debtor whenever they want; whoever else may pay the bill leaves
    it alone while somebody is at it. Raises `PaymentUnderWay`.
    """
    if attempt.payer_id == actor.id or _left_alone_until(attempt) <= clock.now():
        return
    if not await Bill.filter(**actor.matters()).filter(id=attempt.bill_id).exists():
        raise under_way(attempt)


def _left_alone_until(attempt: PaymentAttempt) -> datetime:
    return min(attempt.opened_at + UNDISTURBED, attempt.expires_at)


def _prepay_is_old(attempt: PaymentAttempt) -> bool:
    return attempt.prepaid_at is None or clock.now() - attempt.prepaid_at > PREPAY_GOOD_FOR


async def _prepare(actor: Actor, bill_id: UUID, channel: str, open_id: str, idempotency_key: str) -> PaymentAttempt:
    async with db.transaction():
        request = await claim(actor.resident_id(), idempotency_key, "pay", bill=bill_id, channel=channel)
        await locked_subject(actor)
        bill = await locked_owed(bill_id)
        attempt = await live_attempt(bill.id)
        if attempt is None:
            attempt = await _new_attempt(actor, bill, channel, open_id)
        elif not _is_usable(attempt, channel, open_id, clock.now()):
            raise under_way(attempt)
        if bill.state is not BillState.PAYING:
            await advance(bill, "open")
        if request.earlier is None:
            await request.answered_with(attempt.id)
            await audit.record(actor, "payment.prepared", f"payment:{attempt.id}", detail={"channel": channel})
    return attempt


async def locked_owed(bill_id: UUID) -> Bill:
    """A bill that waits for its money, as what it is for does, both locked in the caller's transaction.

    Raises `NothingToPay`, `BillCancelled` or `BillExpired`.
    """
    held = await locked_with_purpose(bill_id)
    await check_owed(held)
    return held.bill


async def check_owed(held: Held) -> None:
    """Raises like `locked_owed`."""
    bill = held.bill
    if bill.state is BillState.CANCELLED:
        raise BillCancelled(field="billId")
    if bill.state is BillState.EXPIRED or (bill.state in WAITING_FOR_MONEY and bill.due_at <= clock.now()):
        raise BillExpired(field="billId")
    if bill.state not in WAITING_FOR_MONEY or not await held.is_waiting():
        raise NothingToPay(field="billId")


def under_way(attempt: PaymentAttempt) -> PaymentUnderWay:
    """The refusal for who finds a young order, or one its provider has just not closed: that one ends by itself."""
    now, alone = clock.now(), _left_alone_until(attempt)
    until = alone if alone > now else attempt.expires_at
    seconds = max(1, ceil((until - now).total_seconds()))
    return PaymentUnderWay(minutes=ceil(seconds / 60), retry_after_seconds=seconds, field="billId")


async def _new_attempt(actor: Actor, bill: Bill, channel: str, open_id: str) -> PaymentAttempt:
    now = clock.now()
    attempt_id = db.new_id()
    return await PaymentAttempt.create(
        id=attempt_id,
        bill_id=bill.id,
        channel=channel,
        order_no=attempt_id.hex,
        amount_fen=bill.total_fen,
        description=bill.description,
        payer_id=actor.id,
        payer_open_id=open_id,
        state=AttemptState.PREPARING,
        opened_at=now,
        expires_at=(min(now + ATTEMPT_TIME, bill.due_at)).replace(microsecond=0),
        ask_again_at=next_sweep(now, 0, now),
    )


async def _open(actor: Actor, adapter: PaymentChannel, attempt: PaymentAttempt) -> PaymentAttempt:
    order = PaymentOrder(
        attempt.order_no, attempt.amount_fen, attempt.description, attempt.payer_open_id, attempt.expires_at
    )
    try:
        opened = await adapter.open_payment(order)
    except OrderRefused as refused:
        _log.warning("order refused", order_no=attempt.order_no, code=refused.code)
        if refused.already_paid or refused.already_closed:
            await settle(await adapter.ask(attempt.order_no))
            raise (NothingToPay if refused.already_paid else PaymentRefused) from None
        raise PaymentRefused from None
    async with db.transaction():
        kept = await locked_attempt(attempt.id)
        if ATTEMPT_LIFE.may(kept.state, "open"):
            await advance(kept, "open", prepay_ref=opened.prepay_ref, prepaid_at=clock.now())
            await audit.record(actor, "payment.opened", f"payment:{kept.id}", detail={"channel": kept.channel})
    if kept.prepay_ref is None:
        raise PaymentRefused
    return kept


async def confirm(actor: Actor, bill_id: UUID) -> Bill:
    """The phone says it has paid: ask the provider, believe only that; until it knows, or still knows of nothing a
    minute later, the bill says that we are asking. Raises `NotFound` or `ProviderUnavailable`.
    """
    bill = await payable_bill(bill_id, actor)
    attempt = await live_attempt(bill.id)
    if attempt is not None:
        await PaymentAttempt.filter(id=attempt.id, returned_at=None).update(returned_at=clock.now())
        await settle(await live_channel(attempt.channel).ask(attempt.order_no))
    return await payable_bill(bill_id, actor)
