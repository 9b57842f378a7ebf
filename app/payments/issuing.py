"""Without this module nothing would ever be owed. Each bill is made once, and the ledger knows of it from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.cases.queries import item_of, locked_case
from app.cases.rules import CaseState
from app.catalogue.models import Department
from app.catalogue.queries import departments_by_key
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM, Actor
from app.kernel.facts.publishing import publish
from app.payments import journal
from app.payments.errors import BillTooLarge
from app.payments.events import BillIssued
from app.payments.ledger import About, post, unit_of
from app.payments.models import Bill
from app.payments.rules import BILL_DAYS, MOST_FEN, BillKind, make_bill_number, treasury_level
from app.payments.states import BillState

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
        return await make_bill(
            SYSTEM,
            BillKind.CASE_FEE,
            item.department_id,
            case.fees,
            description=item.name_zh[:40],
            case_id=case.id,
            resident_id=case.resident_id,
            item_key=case.item_key,
        )


async def make_bill(
    actor: Actor,
    kind: BillKind,
    unit: str,
    lines: Sequence[Mapping[str, Any]],
    *,
    description: str,
    due_at: datetime | None = None,
    **whose: Any,
) -> Bill:
    """Write a bill of a collecting unit (a department's key) with its lines, in the caller's transaction.

    Each line is `{fee_key, name, amount_fen, quantity, basis, standard}`. Without `due_at` it can be paid for thirty
    days. Raises `BillTooLarge`.
    """
    now = clock.now()
    [department] = await departments_by_key([unit])
    assert department is not None
    total = sum(line["amount_fen"] * line["quantity"] for line in lines)
    if not 0 < total <= MOST_FEN:
        raise BillTooLarge(field="lines")
    bill = await Bill.create(
        number=await _next_number(department),
        kind=kind,
        collecting_unit=department.key,
        treasury_level=treasury_level(department.division_code),
        division_code=department.division_code,
        description=description,
        lines=[{**line, "exempt_fen": 0} for line in lines],
        total_fen=total,
        state=BillState.CREATED,
        issued_at=now,
        due_at=due_at or now + timedelta(days=BILL_DAYS),
        **whose,
    )
    await post(f"issued:{bill.id}", journal.issued(unit_of(bill), total), About(bill.id))
    await publish(BillIssued(bill.id))
    await audit.record(
        actor, "bill.issued", f"bill:{bill.id}", detail={"total_fen": total}, person=whose.get("resident_id")
    )
    return bill


async def _next_number(department: Department) -> str:
    year = clock.today().year
    counted = await db.row(_NEXT_SEQUENCE, department.division_code[:6], year)
    assert counted is not None
    return make_bill_number(department.division_code, year, counted["given_out"])
