from __future__ import annotations

from typing import Any

import pytest

from app.identity.rules import Role
from app.kernel import db
from app.payments.models import Bill
from app.payments.money_tasks import open_task
from app.payments.words import TaskKind
from tests.benchmarks.measuring import counted_statements
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.payments.refunds.stage import Paid, make_paid
from tests.payments.stage import make_notice
from tests.people import Caller
from tests.portal import Portal

ROWS = 20


async def _cost(caller: Caller, operation: str, **wanted: Any) -> tuple[int, Any]:
    with counted_statements() as counter:
        told = await caller.do(operation, **wanted)
    return counter.statements, told


async def _with_refunds(portal: Portal, times: int) -> Paid:
    paid = await make_paid(portal, *[100] * ROWS, channel="cash")
    for done in range(times):
        await paid.refund(100, 100 * (ROWS - done))
    return paid


@pytest.mark.parametrize("operation", ["UnitBills", "MyBills", "MoneyTasks", "UnitRefunds"])
async def test_a_list_of_twenty_costs_as_many_statements_as_one_of_two(portal: Portal, operation: str) -> None:
    cashier, resident = await make_staff(Role.CASHIER), await make_resident()
    notices = [await make_notice(cashier) for _ in range(ROWS)]
    await Bill.filter(id__in=[notice.id for notice in notices]).update(resident_id=resident.id)
    async with db.transaction():
        for notice in notices:
            await open_task(TaskKind.AMOUNT, f"bill:{notice.id}", unit=notice.collecting_unit, ours_fen=1)
    await _with_refunds(portal, ROWS)
    reader = await caller_of(portal, resident if operation == "MyBills" else cashier)
    more = {"state": "APPROVED"} if operation == "UnitRefunds" else {}
    await reader.do(operation, first=1, **more)  # what is cached is read once
    few, many = [await _cost(reader, operation, first=rows, **more) for rows in (2, ROWS)]
    assert [len(told["edges"]) for _, told in (few, many)] == [2, ROWS]
    assert few[0] == many[0]
    await portal.run_jobs()


async def test_twenty_refunds_of_a_bill_cost_as_many_statements_as_two(portal: Portal) -> None:
    costs = []
    for times in (2, ROWS):
        paid = await _with_refunds(portal, times)
        for who in (paid.payer, paid.cashier):
            caller = await caller_of(portal, who)
            await caller.do("BillRefunds", billId=str(paid.bill.id))
            cost, told = await _cost(caller, "BillRefunds", billId=str(paid.bill.id))
            assert len(told["refunds"]) == times
            costs.append(cost)
    assert costs[:2] == costs[2:]
