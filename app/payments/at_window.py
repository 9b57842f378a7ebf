"""Without this module money taken at a window would be on no bill, or on one that a phone pays at the same moment."""

from __future__ import annotations

from uuid import UUID

from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput
from app.kernel.inbox.requests import claim, earlier_answers, wanted
from app.payments.commands import locked_owed, under_way
from app.payments.errors import AmountDiffers, ChannelUnavailable, SlipUsed
from app.payments.models import Bill, PaymentAttempt
from app.payments.moves import advance
from app.payments.ports import PaymentState, PaymentTruth
from app.payments.queries import bill_at_work, live_attempt
from app.payments.rules import is_slip_number
from app.payments.settling import close_live_order, live_channel, settle
from app.payments.states import AttemptState, BillState


async def collect_at_window(
    actor: Actor, bill_id: UUID, channel: str, *, amount_fen: int, slip: str = "", idempotency_key: str
) -> Bill:
    """A cashier has taken the money of a bill, all of it, in cash or with the card machine.

    `amount_fen` is what lies on the counter: it must be what is due. `slip` is the number on the card machine's slip,
    in either case, which pays one bill only; cash has none. An order a phone has opened is closed at its provider
    first, unless this is refused anyway or a repeat. Raises `NotAllowed`, `NotFound` (also of another unit),
    `ChannelUnavailable`, `AmountDiffers`, `InvalidInput`, `SlipUsed`, `NothingToPay` (also when what the bill is for
    waits no more), `BillExpired`, `BillCancelled`, `PaymentUnderWay`, `IdempotencyKeyReused` or `ProviderUnavailable`.
    """
    cashier = actor.staff_id(Role.CASHIER)
    if not live_channel(channel).at_window:
        raise ChannelUnavailable(field="channel")
    slip = slip.strip().upper()
    _check_slip(channel, slip)
    await bill_at_work(actor, bill_id)
    body = {"bill": bill_id, "channel": channel, "fen": amount_fen, "slip": slip}
    if await earlier_answers([wanted(cashier, idempotency_key, "collect", **body)]) == [None]:
        async with db.transaction():
            await _check_pays(bill_id, channel, amount_fen, slip)
        await close_live_order(bill_id, "money lies on the counter")
    async with db.transaction():
        if slip:
            await db.one_at_a_time(f"slip:{channel}/{slip}")
        request = await claim(cashier, idempotency_key, "collect", **body)
        if request.earlier is None:
            attempt = await _taken(bill_id, channel, cashier, amount_fen, slip)
            await settle(_cashiers_word(attempt, slip), actor)
            await request.answered_with(attempt.id)
    return await bill_at_work(actor, bill_id)


def _check_slip(channel: str, slip: str) -> None:
    if channel == "cash" and slip:
        raise InvalidInput(
            field="slip",
            reason_zh="现金收款没有签购单,请留空参考号",
            reason_en="cash has no slip; leave its number empty",
        )
    if channel != "cash" and not is_slip_number(slip):
        raise InvalidInput(
            field="slip",
            reason_zh="请输入签购单上的参考号(6至32位数字或字母)",
            reason_en="enter the reference number on the slip: 6 to 32 digits or letters",
        )


async def _check_pays(bill_id: UUID, channel: str, amount_fen: int, slip: str) -> Bill:
    """The bill that lies paid on the counter, locked like `locked_owed`, whose refusals it raises as well."""
    bill = await locked_owed(bill_id)
    if amount_fen != bill.total_fen:
        raise AmountDiffers.of(bill.total_fen)
    if slip and await PaymentAttempt.exists(channel=channel, provider_ref=slip):
        raise SlipUsed(field="slip")
    return bill


async def _taken(bill_id: UUID, channel: str, cashier: UUID, amount_fen: int, slip: str) -> PaymentAttempt:
    """The attempt of money that lies on the counter, after everything has been locked and looked at."""
    bill, now = await _check_pays(bill_id, channel, amount_fen, slip), clock.now()
    opened = await live_attempt(bill.id)
    if opened is not None:
        raise under_way(opened)
    if bill.state is not BillState.PAYING:
        await advance(bill, "open")
    attempt_id = db.new_id()
    return await PaymentAttempt.create(
        id=attempt_id,
        bill_id=bill.id,
        channel=channel,
        order_no=attempt_id.hex,
        amount_fen=bill.total_fen,
        description=bill.description,
        taken_by_id=cashier,
        payer_open_id="",
        state=AttemptState.PREPARING,
        opened_at=now,
        expires_at=now,
    )


def _cashiers_word(attempt: PaymentAttempt, slip: str) -> PaymentTruth:
    return PaymentTruth(
        attempt.channel,
        attempt.order_no,
        PaymentState.PAID,
        attempt.amount_fen,
        provider_ref=slip or None,
        paid_at=clock.now(),
    )
