from __future__ import annotations

import asyncio

import pytest
from stdnum import luhn
from tortoise.exceptions import IntegrityError

from app.kernel import clock, db
from app.payments.issuing import issue_bill
from app.payments.models import Bill, PaymentAttempt
from app.payments.states import AttemptState
from tests.cases.filing import CARD, PERMIT, accept_case, approve_case, approved_case, file_case
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import audit_of, nothing_moves
from tests.payments.stage import make_payer
from tests.portal import Portal


async def test_the_worker_makes_the_bill_of_an_approved_case(portal: Portal) -> None:
    resident = await make_resident()
    case = await approved_case(resident, CARD)

    await portal.run_jobs()

    seen = await (await caller_of(portal, resident)).do("CaseDetail", id=str(case.id))
    bill = await Bill.get(case_id=case.id)
    assert (seen["bill"]["totalFen"], seen["bill"]["state"]) == (4000, "CREATED")
    assert (seen["nextStep"]["code"], bill.collecting_unit) == ("PAY", "ps-household")
    assert bill.number[:8] == f"990100{clock.today():%y}"
    assert await audit_of(f"bill:{bill.id}") == [("bill.issued", "done")]


async def test_the_chosen_lines_add_up(portal: Portal) -> None:
    case = await accept_case(await file_case(await make_resident(), "re-transfer"))
    await approve_case(case, {"RE_N": 1, "RE_B": 3})
    bill = await issue_bill(case.id)
    assert bill is not None
    assert [(line["fee_key"], line["amount_fen"], line["quantity"]) for line in bill.lines] == [
        ("RE_N", 55_000, 1),
        ("RE_B", 1_000, 3),
    ]
    assert bill.total_fen == 58_000


async def test_where_nothing_is_due_there_is_no_bill(portal: Portal) -> None:
    free = await approved_case(await make_resident(), PERMIT)
    undecided = await file_case(await make_resident(), CARD)
    async with nothing_moves():
        assert await issue_bill(free.id) is None
        assert await issue_bill(undecided.id) is None


async def test_twenty_bills_at_once_get_twenty_payment_codes_in_a_row(portal: Portal) -> None:
    cases = [await approved_case(await make_resident(), CARD) for _ in range(20)]
    bills = await asyncio.gather(*(issue_bill(case.id) for case in cases))
    numbers = sorted(bill.number for bill in bills if bill is not None)
    assert all(luhn.is_valid(number) for number in numbers)
    sequences = [int(number[8:19]) for number in numbers]
    assert sequences == list(range(sequences[0], sequences[0] + 20))


async def test_the_database_allows_one_open_order_per_bill_whatever_the_code_does(portal: Portal) -> None:
    payer = await make_payer(portal)
    attempt = (await payer.open_order()).attempt
    copied = {name: getattr(attempt, name) for name in attempt._meta.db_fields if name not in {"id", "order_no"}}
    with pytest.raises(IntegrityError, match="one_live_attempt_per_bill"):
        await PaymentAttempt.create(**copied, order_no=db.new_id().hex)
    assert [found.state for found in await PaymentAttempt.filter(bill_id=payer.bill.id)] == [AttemptState.OPEN]
