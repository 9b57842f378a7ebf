"""`portal payments …`, as an operator types it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from subprocess import CompletedProcess
from typing import Any

import pytest

from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.audit import AuditLine
from app.kernel.callbacks import RawCallback, Received
from app.kernel.inbox.notices import keep
from app.payments.models import MoneyTask, Receipt, Refund
from app.payments.money_tasks import Wanted, open_each
from app.payments.ports import NOTICE_TOPIC, PaymentState, PaymentTruth
from app.payments.reconciling.closing import close_task
from app.payments.reconciling.rules import Key
from app.payments.reconciling.statements import subject_of
from app.payments.settling import ask_about, settle
from app.payments.states import AttemptState, BillState, RefundState
from app.payments.tracing import trace
from app.payments.words import TaskKind
from tests.identity.accounts import make_staff
from tests.operations.conftest import run_portal_here
from tests.payments.stage import FEE_FEN, Payer, make_payer
from tests.people import new_key
from tests.portal import Portal


@pytest.fixture
async def payer(portal: Portal) -> AsyncIterator[Payer]:
    await portal.control.be_hostile(notify_by_itself=False)
    yield await make_payer(portal)
    await portal.control.be_kind()


async def typed(*words: str) -> CompletedProcess[str]:
    """In a terminal of the running portal."""
    return await asyncio.to_thread(run_portal_here, "payments", *words)


def _paid(order_no: str, open_id: str = "o-nobody") -> dict[str, Any]:
    """One fen short."""
    return {
        "channel": "wechat", "order_no": order_no, "state": "PAID", "amount_fen": FEE_FEN - 1, "currency": "CNY",
        "provider_ref": "42", "payer_open_id": open_id, "paid_at": clock.now().isoformat(),
    }  # fmt: skip


async def test_every_number_of_a_payment_leads_to_all_that_is_known_of_it(portal: Portal, payer: Payer) -> None:
    payable = await payer.open_order()
    await payer.pays(payable)
    order = await portal.control.order(payable.attempt.order_no)
    told = await typed("requery", payable.attempt.order_no)
    assert told.stdout == f"order {payable.attempt.order_no}: the provider says PAID; SETTLE\n", told.stderr

    shown = [(await typed("inspect", number)).stdout for number in (payer.bill.number, order.transaction_id)]
    [text] = set(shown)
    assert text.startswith(f"bill {payer.bill.number} ({payer.bill.id}) CASE_FEE of ps-household: 40.00 PAID\n")
    assert f"  order {payable.attempt.order_no} at wechat: 40.00 SUCCEEDED, theirs {order.transaction_id}" in text
    assert "  ledger: 4 entries, sum 0.00" in text
    steps = [line.split("  ")[1] for line in text.splitlines() if line[:4].isdigit()]
    ways = ["bill.issued", "payment.prepared", "payment.opened", "payment.settled"]
    assert [step for step in steps if step in ways] == ways
    assert steps.count("ledger") == 4


async def test_it_is_told_why_an_order_closed_what_became_of_receipts_and_of_the_lines_of_accounts(
    portal: Portal, payer: Payer
) -> None:
    first = (await payer.open_order()).attempt
    with clock.standing_at(first.expires_at):
        await ask_about(first.id)
    second = await payer.open_order()
    await payer.pays(second)
    await ask_about(second.attempt.id)
    await portal.run_jobs()
    day, key = clock.today(), Key(second.attempt.order_no)
    wanted = Wanted(TaskKind.AMOUNT, subject_of("wechat", day, key), FEE_FEN, 1, detail=key._asdict())
    async with db.transaction():
        await open_each("wechat", day, [wanted])
    task = await MoneyTask.get(subject=wanted.subject)
    await close_task(await make_staff(Role.CASHIER), task.id, "已核实")

    steps = {(step.what, step.about): step.detail for step in (await trace(payer.bill)).steps()}
    closing = steps["payment.to_close", f"payment:{first.id}"]
    assert closing.startswith("done by system:portal")
    assert closing.endswith("; because its time is over")
    closed = steps["payment.closed", f"payment:{first.id}"]
    assert closed.startswith("done by provider:wechat")
    assert closed.endswith("; bill PAYING")
    assert steps["task", f"task:{task.id}"] == "AMOUNT DONE; 已核实"
    assert ("money_task.closed", f"money_task:{task.id}") in steps
    receipt = await Receipt.get(bill_id=payer.bill.id)
    assert ("receipt.issued", f"receipt:{receipt.id}") in steps


async def test_a_number_that_nobody_knows_is_said_so(portal: Portal) -> None:
    for command in ("inspect", "requery", "replay"):
        told = await typed(command, "99010026999999999990")
        assert (told.returncode, told.stdout) == (1, "")
        assert "Nothing is known under 99010026999999999990" in told.stderr


async def test_a_closed_order_that_was_paid_after_all_is_found_by_asking(portal: Portal, payer: Payer) -> None:
    payable = await payer.open_order()
    await settle(PaymentTruth("wechat", payable.attempt.order_no, PaymentState.CLOSED))
    await payer.pays(payable)
    told = await typed("requery", payer.bill.number)
    assert told.stdout.endswith("the provider says PAID; RESTORE\n"), told.stderr
    assert (await payer.standing())["attempts"] == [AttemptState.SUCCEEDED]


async def test_a_notice_that_could_not_be_placed_is_processed_again(portal: Portal, payer: Payer) -> None:
    attempt = (await payer.open_order()).attempt
    content = _paid(attempt.order_no, payer.person.openid)
    await keep(RawCallback("wechat", "payment", {}, {}, b"{}"), Received(f"test:{attempt.id}", NOTICE_TOPIC, content))
    await portal.run_jobs()
    stuck = await typed("dead", "--limit", "1000000")
    assert stuck.returncode == 1
    assert "payments.notice  WRONG_AMOUNT" in stuck.stdout
    assert f"WRONG_AMOUNT  payment:{attempt.id}, ours 40.00, theirs 39.99" in stuck.stdout

    await db.rows(
        "UPDATE inbox_notice SET content = jsonb_set(content, '{amount_fen}', $1::text::jsonb) WHERE event_key = $2",
        str(FEE_FEN),
        f"test:{attempt.id}",
    )
    assert (await typed("replay", attempt.order_no)).stdout == "1 notices asked for; the worker does it\n"
    await portal.run_jobs()
    assert (await payer.standing())["bill"] in {BillState.PAID, BillState.RECEIPTED}
    assert f"payment:{attempt.id}" not in (await typed("dead", "--limit", "1000000")).stdout
    assert (await typed("replay", attempt.order_no)).stdout == "every notice of it is handled already\n"


async def test_a_list_that_is_cut_off_says_so(portal: Portal) -> None:
    for order_no in (new_key(), new_key()):
        await keep(RawCallback("wechat", "payment", {}, {}, b"{}"), Received(order_no, NOTICE_TOPIC, _paid(order_no)))
    await portal.run_jobs()
    cut, whole = await typed("dead", "--limit", "1"), await typed("dead", "--limit", "1000000")
    assert re.search(r"\n\d shown; there are more, a higher --limit lists them\n$", cut.stdout)
    assert whole.stdout.endswith(f"\n{len(whole.stdout.splitlines()) - 1} in all\n")


async def test_an_operator_asks_for_a_refund_and_a_person_of_the_unit_decides(portal: Portal, payer: Payer) -> None:
    payable = await payer.open_order()
    await payer.pays(payable)
    await typed("requery", payer.bill.number)
    too_much = await typed("refund", payer.bill.number, "--yuan", "40.01", "--reason", "CHARGED_WRONGLY")
    assert too_much.returncode == 1
    assert (await typed("refund", payer.bill.number, "--yuan", "x", "--reason", "OTHER")).returncode == 2
    asked = await typed("refund", payer.bill.number, "--yuan", "15", "--reason", "CHARGED_WRONGLY")
    made = await Refund.get(bill_id=payer.bill.id)
    assert asked.stdout.startswith(f"refund {made.refund_no} over 15.00 yuan waits"), asked.stderr
    assert (made.state, made.amount_fen) == (RefundState.REQUESTED, 1_500)
    line = await AuditLine.get(act="refund.requested", subject=f"refund:{made.id}")
    assert line.actor.startswith("system:operator ")
    assert made.requested_by == line.actor


@pytest.mark.parametrize("wanted", [("--retry", "99999999999999999999"), ("--retry", "0"), ("--limit", "9" * 20)])
async def test_a_number_that_no_job_can_have_is_said_to_be_wrong(portal: Portal, wanted: tuple[str, str]) -> None:
    refused = await typed("dead", *wanted)
    assert refused.returncode == 2
    assert f"Error: Invalid value for '{wanted[0]}': {wanted[1]} is not in the range" in refused.stderr
