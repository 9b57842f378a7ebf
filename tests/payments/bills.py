"""The bills whose histories are played: how each comes about, and what must be true of what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.booking import commands
from app.booking.models import Booking
from app.booking.rules import KEEPS_THE_PLACE, BookingState
from app.kernel import db
from app.kernel.actor import SYSTEM, Actor
from app.payments.deposits import ask_for_deposit
from app.payments.issuing import issue_bill, make_bill
from app.payments.models import Bill, Refund
from app.payments.renewing import LATE_FINE_KEY
from app.payments.rules import BY_DECISION, BillKind
from app.payments.states import BillState
from app.payments.words import RefundReason
from tests.booking.places import places_taken, visit
from tests.cases.filing import CARD
from tests.payments.guests import a_slot
from tests.payments.stage import make_case
from tests.people import new_key

UNIT = "ps-household"
PAID_BILLS = frozenset({BillState.PAID, BillState.RECEIPTED, BillState.PARTIALLY_REFUNDED, BillState.FULLY_REFUNDED})
OWED = frozenset({BillState.CREATED, BillState.PAYING})
SETTLED = PAID_BILLS | {BillState.WAIVED}
_TO_COME = frozenset({BookingState.BOOKED, BookingState.CHECKED_IN})
_NOT_SURE = frozenset({BookingState.HELD, BookingState.EXPIRED})
_CALLED_OFF = frozenset({BookingState.CANCELLED, BookingState.HALL_CANCELLED})
_MISSED = BookingState.NO_SHOW
_BY_RULE = frozenset({RefundReason.DEPOSIT_BACK, RefundReason.HALL_CANCELLED})


async def make(kind: BillKind, payer: Actor) -> Bill:
    return await _MAKERS[kind](payer)


async def _fee(payer: Actor) -> Bill:
    bill = await issue_bill((await make_case(payer)).id)
    assert bill is not None
    return bill


async def _notice(payer: Actor) -> Bill:
    """A fine, which grows, and a fee."""
    lines = [
        {"fee_key": "f", "name": name, "amount_fen": fen, "quantity": 1, "basis": "测试依据", "standard": standard}
        for name, fen, standard in (("收费项目一", 4_000, BY_DECISION), ("收费项目二", 30_000, "FIXED"))
    ]
    async with db.transaction():
        return await make_bill(
            SYSTEM,
            BillKind.NOTICE,
            UNIT,
            lines,
            description="测试缴费",
            resident_id=payer.id,
            item_key="id-card-replace",
        )


async def _deposit(payer: Actor) -> Bill:
    """Of a place tomorrow that nobody else can have."""
    held = await commands.book(payer, (await a_slot()).id, visit(CARD), idempotency_key=new_key())
    bill = await ask_for_deposit(held.id)
    assert bill is not None
    return bill


_MAKERS = {BillKind.CASE_FEE: _fee, BillKind.NOTICE: _notice, BillKind.DEPOSIT: _deposit}


# what must be true


def net(line: dict[str, Any]) -> int:
    return int(line["amount_fen"] * line["quantity"] - line["exempt_fen"])


def check_lines(bill: Bill) -> None:
    """A bill is over what its lines say, and nothing is taken off that is not there."""
    assert all(0 <= line["exempt_fen"] <= line["amount_fen"] * line["quantity"] for line in bill.lines)
    assert bill.total_fen == sum(map(net, bill.lines))


def check_grown(before: Bill, after: Bill) -> None:
    """The late fine of a bill that was renewed: no more than the fine, never less than it was, and what was waived of
    it stays waived; nothing else has changed.
    """
    fine = net(after.lines[0]) if after.lines[0]["standard"] == BY_DECISION else 0
    [old, new] = [_late(bill) for bill in (before, after)]
    assert min(fine, old["amount_fen"]) <= new["amount_fen"] <= fine
    assert new["exempt_fen"] == min(old["exempt_fen"], new["amount_fen"])
    [kept, now] = [[line for line in bill.lines if line["fee_key"] != LATE_FINE_KEY] for bill in (before, after)]
    assert kept == now


def _late(bill: Bill) -> dict[str, Any]:
    none: dict[str, Any] = {"fee_key": LATE_FINE_KEY, "amount_fen": 0, "exempt_fen": 0}
    return next((line for line in bill.lines if line["fee_key"] == LATE_FINE_KEY), none)


async def check_visit(booking: Booking, bill: Bill, refunds: Sequence[Refund]) -> None:
    """A place is sure once its deposit is settled and not before; only who may have it back by rule has it so."""
    taken = int(booking.state in KEEPS_THE_PLACE)
    assert await places_taken(booking.slot) == (taken, taken)
    if booking.state in _TO_COME | {BookingState.SERVED, _MISSED}:
        assert bill.state in SETTLED, (booking.state, bill.state)
    if booking.state in _NOT_SURE:
        assert bill.state not in SETTLED, (booking.state, bill.state)
    if bill.state in OWED | {BillState.EXPIRED}:
        assert booking.state in _CALLED_OFF | ({BookingState.HELD} if bill.state in OWED else {BookingState.EXPIRED})
    if not goes_back(booking):
        assert not [refund for refund in refunds if refund.reason in _BY_RULE], booking.state


def goes_back(booking: Booking) -> bool:
    """Whether a deposit is given back to whoever booked."""
    if booking.state is BookingState.CANCELLED:
        return not booking.late or booking.excused_at is not None
    excused = booking.state is _MISSED and booking.excused_at is not None
    return excused or booking.state in {BookingState.SERVED, BookingState.HALL_CANCELLED}
