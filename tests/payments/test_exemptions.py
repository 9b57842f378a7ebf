from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.cases.rules import CaseState
from app.identity.rules import Role
from app.kernel import clock
from app.payments.errors import BillCancelled, BillExpired
from app.payments.exemptions import exempt
from app.payments.models import LedgerEntry, Refund
from app.payments.notices import cancel_notice
from app.payments.ports import PaymentState, PaymentTruth
from app.payments.settling import settle
from app.payments.states import AttemptState, BillState
from tests.identity.accounts import caller_of, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.payments.stage import FEE_FEN, Payer, make_notice, make_payer
from tests.people import Caller, new_key, outcome
from tests.portal import Portal


@pytest.fixture
async def payer(portal: Portal) -> AsyncIterator[Payer]:
    await portal.control.be_hostile(notify_by_itself=False)
    yield await make_payer(portal)
    await portal.control.be_kind()


async def take_off(clerk: Caller, payer: Payer, fen: int, **more: Any) -> Any:
    asked = {"line": 0, "basis": "低保对象免收工本费", "proof": "低保证 测0001", "idempotencyKey": new_key(), **more}
    return await clerk.do("ExemptBill", billId=str(payer.bill.id), amountFen=fen, **asked)


async def owed(payer: Payer) -> int:
    return sum([entry.amount_fen for entry in await LedgerEntry.filter(bill_id=payer.bill.id, account="PAYER")])


async def test_a_part_that_need_not_be_paid_is_taken_off_and_the_rest_is_due(portal: Portal, payer: Payer) -> None:
    clerk = await caller_of(portal, await make_staff(Role.CASHIER))
    told = await take_off(clerk, payer, 1_500)
    assert (told["totalFen"], told["state"], told["lines"][0]["exemptFen"]) == (2_500, "CREATED", 1_500)
    assert await owed(payer) == 2_500
    payable = await payer.open_order()
    assert payable.attempt.amount_fen == 2_500


async def test_with_nothing_left_the_bill_is_waived_and_the_case_goes_on(portal: Portal, payer: Payer) -> None:
    clerk, key = await caller_of(portal, await make_staff(Role.CASHIER)), new_key()
    for _ in range(2):
        told = await take_off(clerk, payer, FEE_FEN, idempotencyKey=key)
        assert (told["totalFen"], told["state"], told["stateText"]) == (0, "WAIVED", "已免缴")
    assert await payer.standing() == {"bill": BillState.WAIVED, "case": CaseState.RESULT_READY, "attempts": []}
    assert await owed(payer) == 0
    paying = await caller_of(portal, payer.actor)
    assert (await paying.do("Pay", billId=str(payer.bill.id), idempotencyKey=new_key()))["code"] == "NOTHING_TO_PAY"


@pytest.mark.parametrize(
    ("fen", "more", "code"),
    [
        (0, {}, "EXEMPTION_TOO_LARGE"),
        (-1, {}, "EXEMPTION_TOO_LARGE"),
        (FEE_FEN + 1, {}, "EXEMPTION_TOO_LARGE"),
        (100, {"line": 1}, "INVALID_INPUT"),
        (100, {"line": -1}, "INVALID_INPUT"),
        (100, {"basis": " "}, "INVALID_INPUT"),
        (100, {"proof": "x" * 201}, "INVALID_INPUT"),
    ],
)
async def test_an_exemption_without_rule_proof_or_measure_is_refused(
    portal: Portal, payer: Payer, fen: int, more: dict[str, Any], code: str
) -> None:
    clerk, opened = await caller_of(portal, await make_staff(Role.CASHIER)), await payer.open_order()
    async with nothing_moves():
        assert (await take_off(clerk, payer, fen, **more))["code"] == code
    assert (await portal.control.order(opened.attempt.order_no)).trade_state == "NOTPAY"


async def test_a_line_is_reduced_once_however_many_cashiers_do_it_at_once(portal: Portal, payer: Payer) -> None:
    clerk = await caller_of(portal, await make_staff(Role.CASHIER))
    told = await at_once(*(take_off(clerk, payer, 1_000) for _ in range(6)))
    assert sorted(map(outcome, told)) == ["CREATED"] + ["EXEMPTION_TOO_LARGE"] * 5
    assert await owed(payer) == 3_000


async def test_an_order_under_way_is_closed_first_and_its_late_money_goes_back(portal: Portal, payer: Payer) -> None:
    opened = await payer.open_order()
    await exempt(
        await make_staff(Role.CASHIER), payer.bill.id, 0, 1_000, basis="优待", proof="证明", idempotency_key=new_key()
    )
    assert (await portal.control.order(opened.attempt.order_no)).trade_state == "CLOSED"

    told = PaymentTruth(
        "wechat", opened.attempt.order_no, PaymentState.PAID, FEE_FEN, "CNY", "4200", payer.person.openid, clock.now()
    )
    assert (await settle(told)).remark == "SURPLUS"
    assert await payer.standing() == {
        "bill": BillState.CREATED,
        "case": CaseState.PAYMENT_PENDING,
        "attempts": [AttemptState.SURPLUS],
    }
    assert (await Refund.get(attempt_id=opened.attempt.id)).amount_fen == FEE_FEN


async def test_a_repeat_leaves_the_order_alone_that_was_opened_meanwhile(portal: Portal, payer: Payer) -> None:
    clerk, key = await caller_of(portal, await make_staff(Role.CASHIER)), new_key()
    await take_off(clerk, payer, 1_000, idempotencyKey=key)
    opened = await payer.open_order()
    async with nothing_moves("session"):
        told = await take_off(clerk, payer, 1_000, idempotencyKey=key)
        other = await take_off(clerk, payer, 1_001, idempotencyKey=key)
    assert (told["totalFen"], told["state"], other["code"]) == (3_000, "PAYING", "IDEMPOTENCY_KEY_REUSED")
    assert (await portal.control.order(opened.attempt.order_no)).trade_state == "NOTPAY"


async def test_what_is_paid_is_given_back_by_a_refund_not_by_an_exemption(portal: Portal, payer: Payer) -> None:
    payable = await payer.open_order()
    await payer.pays(payable)
    clerk = await caller_of(portal, await make_staff(Role.CASHIER))
    assert (await take_off(clerk, payer, 1_000))["code"] == "BILL_ALREADY_PAID"
    assert (await payer.standing())["bill"] is BillState.PAID


async def test_what_has_expired_is_renewed_first_and_what_was_cancelled_is_owed_by_nobody(portal: Portal) -> None:
    cashier = await make_staff(Role.CASHIER)
    late, cancelled = await make_notice(cashier), await make_notice(cashier)
    await cancel_notice(cashier, cancelled.id, "决定书已撤销")
    asked = {"basis": "优待", "proof": "证明"}
    with clock.standing_at(late.due_at), pytest.raises(BillExpired):
        await exempt(cashier, late.id, 0, 1_000, **asked, idempotency_key=new_key())
    with pytest.raises(BillCancelled):
        await exempt(cashier, cancelled.id, 0, 1_000, **asked, idempotency_key=new_key())
