"""Without this module a place could be held by who never pays, or lost by who has paid.

A deposit's bill is due when the hold ends. The order of release is: ask the provider about the order under way, close
it there, hear that it is closed, expire the bill, free the places. While the provider does not answer, the places stay
held. Who comes, cancels in time, or is let down by the hall has the deposit back; who does not come leaves it.
"""

from __future__ import annotations

from uuid import UUID

from app.booking.holds import free_hold, locked_with_slots, overdue_deposits
from app.booking.models import Booking
from app.booking.rules import BookingState
from app.catalogue.queries import item_in_force
from app.kernel import clock, db
from app.kernel.actor import SYSTEM
from app.kernel.errors import ProviderUnavailable
from app.kernel.jobs import job
from app.kernel.logging import get_logger
from app.payments.errors import ChannelUnavailable
from app.payments.issuing import make_bill
from app.payments.models import Bill, Refund
from app.payments.queries import live_attempt, locked_bill
from app.payments.refunds.returning import return_all
from app.payments.rules import WAITING_FOR_MONEY, BillKind
from app.payments.settling import ask_about, cancel, close_live_order, expire
from app.payments.states import BillState
from app.payments.words import RefundReason

_log = get_logger(__name__)
_BASIS = "预约规则:到场办理或按时取消后全额退还"


async def ask_for_deposit(booking_id: UUID) -> Bill | None:
    """Make the bill of a held booking's deposit, due when the hold ends; the same bill when there is one, None when
    nothing is due any more.
    """
    async with db.transaction():
        booking = await locked_with_slots(booking_id)
        earlier = await Bill.get_or_none(booking_id=booking_id)
        if earlier is not None or booking.state is not BookingState.HELD or booking.deposit_fen is None:
            return earlier
        assert booking.held_until is not None
        item = await item_in_force(booking.item_key)
        line = {
            "fee_key": "DEPOSIT", "name": "预约押金", "amount_fen": booking.deposit_fen, "quantity": 1, "basis": _BASIS,
            "standard": "DEPOSIT",
        }  # fmt: skip
        bill = await make_bill(
            SYSTEM,
            BillKind.DEPOSIT,
            item.department_id,
            [line],
            description=f"{item.name_zh[:30]} 预约押金",
            due_at=booking.held_until,
            booking_id=booking.id,
            resident_id=booking.resident_id,
            item_key=booking.item_key,
        )
        await end_deposit.defer(not_before=bill.due_at, bill_id=str(bill.id))
    return bill


@job("payments.end_deposit")
async def end_deposit(bill_id: str) -> None:
    await end_unpaid(UUID(bill_id))


async def end_unpaid(bill_id: UUID) -> bool:
    """Let a deposit that is overdue go, in the order of release. Raises `ProviderUnavailable`: nothing is freed."""
    attempt = await live_attempt(bill_id)
    if attempt is not None:
        await ask_about(attempt.id)
    return await expire(bill_id)


async def release_unbilled(limit: int) -> int:
    """Holds that are over and whose deposit was never asked for, or whose end the worker missed; gives how many."""
    freed = 0
    for booking_id in await overdue_deposits(limit):
        bill = await Bill.get_or_none(booking_id=booking_id)
        try:
            freed += await (end_unpaid(bill.id) if bill else _free(booking_id))
        except (ProviderUnavailable, ChannelUnavailable) as error:  # its places stay held, those of others need not
            _log.warning("deposit not ended", booking_id=str(booking_id), cause=type(error).__name__)
    return freed


async def _free(booking_id: UUID) -> bool:
    async with db.transaction():
        booking = await locked_with_slots(booking_id)
        over = booking.held_until is not None and booking.held_until <= clock.now()
        if booking.state is not BookingState.HELD or not over or await Bill.exists(booking_id=booking_id):
            return False
        await free_hold(booking)
    return True


async def see_to_deposit(booking_id: UUID) -> None:
    """A visit was kept, given up or called off: give the deposit back, or what is left of it, or ask for it no more.
    Again is harmless.

    A late cancellation and a missed visit leave it with the unit, unless excused. Raises `ProviderUnavailable`.
    """
    bill = await Bill.get_or_none(booking_id=booking_id)
    if bill is None:
        return
    booking = await Booking.get(id=booking_id)
    if bill.state in WAITING_FOR_MONEY and booking.state is not BookingState.HELD:
        await _ask_no_more(bill)
        bill = await Bill.get(id=bill.id)
    reason = _back_for(booking)
    if reason is not None and bill.state in {BillState.PAID, BillState.RECEIPTED, BillState.PARTIALLY_REFUNDED}:
        await return_all(bill.id, reason)


def _back_for(booking: Booking) -> RefundReason | None:
    """Why the deposit of a booking goes back; None when it does not."""
    if booking.state is BookingState.HALL_CANCELLED:
        return RefundReason.HALL_CANCELLED
    in_time = booking.state is BookingState.CANCELLED and not booking.late
    kept = in_time or booking.state is BookingState.SERVED or booking.excused_at is not None
    return RefundReason.DEPOSIT_BACK if kept else None


async def see_to_declined(refund_id: UUID) -> None:
    """The unit declined what a resident asked back of a deposit: it may have been kept from going back by its rule."""
    refund = await Refund.get(id=refund_id).prefetch_related("bill")
    if refund.bill.booking_id is not None:
        await see_to_deposit(refund.bill.booking_id)


async def _ask_no_more(seen: Bill) -> None:
    """Cancel an unpaid deposit's bill, its order closed at the provider first."""
    await close_live_order(seen.id, "the visit waits for no deposit any more")
    async with db.transaction():
        bill = await locked_bill(seen.id)
        if bill.state is not BillState.CREATED or await live_attempt(bill.id) is not None:
            return
        await cancel(SYSTEM, bill)
