"""Without this module who was late could never pay (行政处罚法 72: a fine grows while it is not paid)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.kernel import audit, clock, db
from app.kernel.actor import Actor, ActorKind
from app.payments import journal
from app.payments.errors import NotToBeRenewed, TooLargeToRenew
from app.payments.ledger import About, post, unit_of
from app.payments.models import Bill
from app.payments.moves import advance
from app.payments.purposes import locked_with_purpose
from app.payments.queries import bill_at_work, bill_of
from app.payments.rules import BILL_DAYS, BY_DECISION, MOST_FEN, WAITING_FOR_MONEY, BillKind, late_fine
from app.payments.states import BillState

LATE_FINE_KEY = "LATE"
_DAY = timedelta(days=1)


async def renew(actor: Actor, bill_id: UUID) -> Bill:
    """Let an expired bill be paid again for thirty days: its resident does it, or a cashier of the unit. While it can
    be paid, the same again by the same one is harmless.

    A fine that was not paid in time has grown by three per cent a day, at most to twice what it was; what was taken
    off it, or off its late fine, stays off. Raises `NotFound`, `NotToBeRenewed` (also when nothing is owed any more)
    or `TooLargeToRenew`.
    """
    by_staff = actor.kind is ActorKind.STAFF
    seen = await (bill_at_work(actor, bill_id) if by_staff else bill_of(bill_id, actor))
    async with db.transaction():
        held = await locked_with_purpose(seen.id)
        bill = held.bill
        if bill.state in WAITING_FOR_MONEY and await audit.has_done(actor, "bill.renewed", f"bill:{bill.id}"):
            return bill
        renewable = bill.state is BillState.EXPIRED and bill.kind is not BillKind.DEPOSIT
        if not renewable or not await held.is_waiting():
            raise NotToBeRenewed(field="billId")
        now = clock.now()
        lines = _grown(bill.lines, (now - bill.due_at) // _DAY)
        total = sum(_net(line) for line in lines)
        if total == 0:
            raise NotToBeRenewed(field="billId")
        if total > MOST_FEN:
            raise TooLargeToRenew(field="billId")
        due_at = now + timedelta(days=BILL_DAYS)
        await advance(bill, "reissue", lines=lines, total_fen=total, due_at=due_at)
        await post(f"renewed:{bill.id}:{due_at.timestamp():.0f}", journal.issued(unit_of(bill), total), About(bill.id))
        await audit.record(actor, "bill.renewed", f"bill:{bill.id}", person=bill.resident_id)
    return bill


def _net(line: dict[str, Any]) -> int:
    """What is to be paid of a line."""
    return int(line["amount_fen"] * line["quantity"] - line.get("exempt_fen", 0))


def _grown(lines: Sequence[dict[str, Any]], days_late: int) -> list[dict[str, Any]]:
    """The lines with the late fine of what is owed of each fine; one that is there already grows on, within its bound,
    and what was taken off it stays off.
    """
    kept = [line for line in lines if line["fee_key"] != LATE_FINE_KEY]
    late = [line for line in lines if line["fee_key"] == LATE_FINE_KEY]
    before, exempt = (sum(line.get(what, 0) for line in late) for what in ("amount_fen", "exempt_fen"))
    fines = sum(_net(line) for line in kept if line.get("standard") == BY_DECISION)
    more = late_fine(fines, days_late, before)
    if not more:
        return kept
    return [
        *kept,
        {
            "fee_key": LATE_FINE_KEY,
            "name": "加处罚款",
            "amount_fen": more,
            "quantity": 1,
            "basis": "《中华人民共和国行政处罚法》第七十二条",
            "standard": "LATE_FINE",
            "exempt_fen": min(exempt, more),
        },
    ]
