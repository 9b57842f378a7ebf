"""Without this module no bill would be made or opened for payment; what comes of it is in `settling`.

Locks are taken in the written order: case, bill, payment. No transaction is open while a provider is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from app.cases.queries import item_of, locked_case
from app.cases.rules import CaseState
from app.catalogue.queries import departments_by_key
from app.identity.queries import channel_user
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM, Actor
from app.kernel.facts.publishing import publish
from app.kernel.inbox.requests import claim
from app.kernel.logging import get_logger
from app.payments.errors import BillExpired, ChannelUnavailable, NothingToPay, PaymentRefused, PaymentUnderWay
from app.payments.events import BillIssued
from app.payments.models import Bill, PaymentAttempt
from app.payments.ports import OrderRefused, PaymentChannel, PaymentOrder
from app.payments.queries import (
    bill_of,
    live_attempt,
    locked_attempt,
    locked_bill,
)
from app.payments.rules import (
    ATTEMPT_LIFE,
    ATTEMPT_TIME,
    BILL_DAYS,
    BILL_LIFE,
    PREPAY_GOOD_FOR,
    AttemptState,
    BillState,
    make_bill_number,
    next_sweep,
)
from app.payments.settling import ask_about, live_channel, settle
from app.representation.queries import locked_subject

_log = get_logger(__name__)
_NEXT_SEQUENCE = """
    INSERT INTO bill_counter (division_code, year, given_out) VALUES ($1, $2, 1)
    ON CONFLICT (division_code, year) DO UPDATE SET given_out = bill_counter.given_out + 1 RETURNING given_out
"""


async def issue_bill(case_id: UUID) -> Bill | None:
    """Make the bill of an approved case; the same bill when there is one, None when nothing is due."""
    async with db.transaction():
        case = await locked_case(case_id)
        earlier = await Bill.get_or_none(case_id=case_id)
        if earlier is not None or case.state is not CaseState.PAYMENT_PENDING:
            return earlier
        item = await item_of(case)
        [department] = await departments_by_key([item.department_id])
        assert department is not None
        now = clock.now()
        year = clock.today().year
        counted = await db.row(_NEXT_SEQUENCE, department.division_code[:6], year)
        assert counted is not None
        bill = await Bill.create(
            number=make_bill_number(department.division_code, year, counted["given_out"]),
            case_id=case.id,
            resident_id=case.resident_id,
            collecting_unit=department.key,
            description=item.name_zh[:40],
            lines=case.fees,
            total_fen=sum(line["amount_fen"] * line["quantity"] for line in case.fees),
            state=BillState.CREATED,
            issued_at=now,
            due_at=now + timedelta(days=BILL_DAYS),
        )
        await publish(BillIssued(bill.id))
        await audit.record(SYSTEM, "bill.issued", f"bill:{bill.id}", detail={"total_fen": bill.total_fen})
    return bill


@dataclass(frozen=True)
class Payable:
    """An attempt the phone can go on with: the provider's parameters, signed for this moment."""

    bill: Bill
    attempt: PaymentAttempt
    client_parameters: Mapping[str, str]


async def pay(actor: Actor, bill_id: UUID, channel: str, *, idempotency_key: str) -> Payable:
    """Open an order at a payment channel and give the phone what it needs.

    The amount is the bill's. An attempt that is still good is used again, one whose time is over is closed at
    the provider first. Raises `NotFound`, `NothingToPay`, `BillExpired`, `PaymentUnderWay` (somebody else
    opened it), `ChannelUnavailable`, `PaymentRefused`, `ProviderUnavailable` or `IdempotencyKeyReused`.
    """
    adapter = live_channel(channel)
    await bill_of(bill_id, actor)
    earlier = await live_attempt(bill_id)
    if earlier is not None and earlier.expires_at <= clock.now():
        await ask_about(earlier.id)
    attempt = await _prepare(actor, bill_id, channel, adapter, idempotency_key)
    if attempt.prepay_ref is None or _prepay_is_old(attempt):
        attempt = await _open(adapter, attempt)
    assert attempt.prepay_ref is not None
    bill = await bill_of(bill_id, actor)
    return Payable(bill, attempt, adapter.client_parameters(attempt.prepay_ref))


def _prepay_is_old(attempt: PaymentAttempt) -> bool:
    return attempt.prepaid_at is None or clock.now() - attempt.prepaid_at > PREPAY_GOOD_FOR


async def _prepare(
    actor: Actor, bill_id: UUID, channel: str, adapter: PaymentChannel, idempotency_key: str
) -> PaymentAttempt:
    resident_id = actor.resident_id()
    user = await channel_user(actor, adapter.sign_in_channel)
    if user is None:
        raise ChannelUnavailable(field="channel")
    async with db.transaction():
        request = await claim(resident_id, idempotency_key, "pay", bill=bill_id, channel=channel)
        await locked_subject(actor)
        bill = await locked_bill(bill_id)
        if bill.state is BillState.PAID:
            raise NothingToPay
        now = clock.now()
        if bill.state is BillState.EXPIRED or bill.due_at <= now:
            raise BillExpired
        attempt = await live_attempt(bill.id)
        if attempt is None:
            attempt = await _new_attempt(bill, channel, user.open_id)
        _check_own(attempt, channel, user.open_id, now)
        bill.state = BILL_LIFE.next_state(bill.state, "open")
        await bill.save(update_fields=["state"])
        if request.earlier is None:
            await request.answered_with(attempt.id)
            await audit.record(actor, "payment.prepared", f"payment:{attempt.id}", detail={"channel": channel})
    return attempt


def _check_own(attempt: PaymentAttempt, channel: str, open_id: str, now: datetime) -> None:
    """An order at the provider is for one payer: an agent or a second app of the resident cannot go on with it."""
    if (attempt.channel, attempt.payer_open_id) != (channel, open_id):
        left = max(timedelta(), attempt.expires_at - now)
        seconds = ceil(left.total_seconds())
        raise PaymentUnderWay(minutes=ceil(seconds / 60), retry_after_seconds=seconds, field="billId")


async def _new_attempt(bill: Bill, channel: str, open_id: str) -> PaymentAttempt:
    now = clock.now()
    attempt_id = db.new_id()
    return await PaymentAttempt.create(
        id=attempt_id,
        bill_id=bill.id,
        channel=channel,
        order_no=attempt_id.hex,
        amount_fen=bill.total_fen,
        description=bill.description,
        payer_open_id=open_id,
        state=AttemptState.PREPARING,
        opened_at=now,
        expires_at=(min(now + ATTEMPT_TIME, bill.due_at)).replace(microsecond=0),
        ask_again_at=next_sweep(now, 0),
    )


async def _open(adapter: PaymentChannel, attempt: PaymentAttempt) -> PaymentAttempt:
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
            kept.state = ATTEMPT_LIFE.next_state(kept.state, "open")
            kept.prepay_ref = opened.prepay_ref
            kept.prepaid_at = clock.now()
            await kept.save(update_fields=["state", "prepay_ref", "prepaid_at"])
    if kept.prepay_ref is None:
        raise PaymentRefused
    return kept


async def confirm(actor: Actor, bill_id: UUID) -> Bill:
    """The phone says it has paid: ask the provider, believe only that. Raises `NotFound` or
    `ProviderUnavailable`.
    """
    bill = await bill_of(bill_id, actor)
    attempt = await live_attempt(bill.id)
    if attempt is not None:
        await settle(await live_channel(attempt.channel).ask(attempt.order_no))
    return await bill_of(bill_id, actor)
