"""What residents and the staff of a unit see and do, with the documents of their programs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.payments.models import Refund
from app.payments.personal_data import Holdings
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import nothing_moves
from tests.payments.refunds.stage import Paid, back, make_paid
from tests.people import new_key
from tests.portal import Portal


@pytest.fixture
async def paid(portal: Portal) -> AsyncIterator[Paid]:
    await portal.control.be_hostile(notify_by_itself=False, haste=0.002)
    yield await make_paid(portal, 4000, 56000)
    await portal.control.be_kind()


async def test_a_resident_asks_reads_how_it_stands_and_gets_the_money(portal: Portal, paid: Paid) -> None:
    phone, manager = await caller_of(portal, paid.payer), await caller_of(portal, paid.second)
    seen = await phone.do("BillRefunds", billId=str(paid.bill.id))
    assert (seen["billNumber"], seen["refundedFen"], seen["refundableFen"]) == (paid.bill.number, 0, 60000)
    assert seen["lines"] == [
        {"line": 0, "name": "收费项目0", "paidFen": 4000, "refundableFen": 4000},
        {"line": 1, "name": "收费项目1", "paidFen": 56000, "refundableFen": 56000},
    ]
    asked = await phone.do(
        "RequestRefund",
        billId=str(paid.bill.id),
        reason="CHARGED_WRONGLY",
        lines=[{"line": 1, "amountFen": 6000}],
        remark="多收了一份",
        believedRefundableFen=60000,
        idempotencyKey=new_key(),
    )
    assert (asked["state"], asked["stateText"], asked["reasonText"]) == ("REQUESTED", "退款审核中", "收费有误")

    [edge] = (await manager.do("UnitRefunds", first=50))["edges"][-1:]
    assert (edge["node"]["id"], edge["node"]["remark"]) == (asked["id"], "多收了一份")
    approved = await manager.do("ApproveRefund", id=asked["id"])
    assert (approved["state"], approved["stateText"]) == ("APPROVED", "退款已同意,等待支付平台受理")
    await back(await Refund.get(id=asked["id"]))

    seen = await phone.do("BillRefunds", billId=str(paid.bill.id))
    assert (seen["refundedFen"], seen["refundableFen"]) == (6000, 54000)
    [refund] = seen["refunds"]
    assert (refund["stateText"], refund["amountFen"]) == ("已退款", 6000)
    assert refund["lines"] == [{"line": 1, "name": "收费项目1", "amountFen": 6000}]
    assert refund["refundedAt"] is not None
    looks = await phone.do("LookedAtMyData", first=20)
    said = [edge["node"]["text"] for edge in looks["edges"]]
    assert said == ["同意了您的退款", "在退款列表中看到您的退款"]


async def test_a_resident_reads_why_the_unit_declined(portal: Portal, paid: Paid) -> None:
    phone, manager = await caller_of(portal, paid.payer, "en"), await caller_of(portal, paid.second)
    asked = await phone.do(
        "RequestRefund",
        billId=str(paid.bill.id),
        reason="PAID_TWICE",
        amountFen=60000,
        believedRefundableFen=60000,
        idempotencyKey=new_key(),
    )
    await manager.do("DeclineRefund", id=asked["id"], answer="只缴过一次")
    [refund] = (await phone.do("BillRefunds", billId=str(paid.bill.id)))["refunds"]
    assert (refund["stateText"], refund["answer"], refund["reasonText"]) == (
        "Refund declined",
        "只缴过一次",
        "Paid twice",
    )


async def test_a_cashier_asks_and_cannot_agree_with_themselves(portal: Portal, paid: Paid) -> None:
    cashier = await caller_of(portal, paid.cashier)
    wrong = await cashier.do(
        "RequestRefund",
        billId=str(paid.bill.id),
        reason="OTHER",
        amountFen=60000,
        believedRefundableFen=50000,
        idempotencyKey=new_key(),
    )
    assert (wrong["code"], wrong["field"]) == ("REFUNDABLE_DIFFERS", "believedRefundableFen")
    assert "600.00元" in wrong["message"]
    asked = await cashier.do(
        "RequestRefund",
        billId=str(paid.bill.id),
        reason="OTHER",
        amountFen=60000,
        believedRefundableFen=60000,
        idempotencyKey=new_key(),
    )
    assert asked["state"] == "REQUESTED"
    assert (await cashier.do("ApproveRefund", id=asked["id"]))["code"] == "SECOND_PERSON_NEEDED"
    assert (await cashier.do("RetryRefund", id=asked["id"]))["code"] == "ILLEGAL_MOVE"
    other = await caller_of(portal, paid.second)
    assert (await other.do("DeclineRefund", id=asked["id"], answer=" "))["field"] == "answer"
    await other.do("ApproveRefund", id=asked["id"])
    given_up = await other.do("GiveUpRefund", id=asked["id"], answer="改为单位转账")
    assert (given_up["state"], given_up["stateText"]) == ("CLOSED", "退款没有进行,原因见说明")


async def test_cash_is_collected_at_the_window(portal: Portal) -> None:
    paid = await make_paid(portal, 4000, channel="cash")
    cashier, phone = await caller_of(portal, paid.cashier), await caller_of(portal, paid.payer)
    asked = await cashier.do(
        "RequestRefund",
        billId=str(paid.bill.id),
        reason="CHARGED_WRONGLY",
        amountFen=4000,
        believedRefundableFen=4000,
        idempotencyKey=new_key(),
    )
    [refund] = (await phone.do("BillRefunds", billId=str(paid.bill.id)))["refunds"]
    assert (refund["atWindow"], refund["stateText"]) == (True, "退款已同意,请到缴费窗口领取")
    found = (await cashier.do("UnitRefunds", state="APPROVED", first=50))["edges"]
    [listed] = [edge["node"] for edge in found if edge["node"]["id"] == asked["id"]]
    assert (listed["description"], listed["maskedName"]) == (paid.bill.description, "测**民")
    assert refund["maskedName"] is None
    assert (await cashier.do("ConfirmWindowRefund", id=asked["id"]))["stateText"] == "已退款"


async def test_somebody_elses_refunds_are_nowhere(portal: Portal, paid: Paid) -> None:
    stranger = await caller_of(portal, await make_resident())
    async with nothing_moves("session"):
        assert (await stranger.do("BillRefunds", billId=str(paid.bill.id)))["code"] == "NOT_FOUND"
        refused = await stranger.do(
            "RequestRefund",
            billId=str(paid.bill.id),
            reason="WITHDRAWN",
            amountFen=1,
            believedRefundableFen=60000,
            idempotencyKey=new_key(),
        )
    assert refused["code"] == "NOT_FOUND"


async def test_nobody_closes_an_account_while_money_is_on_its_way_back_to_it(portal: Portal, paid: Paid) -> None:
    refund = await paid.refund(4000, 60000)
    reasons = await Holdings().reasons_to_stay(paid.payer.resident_id())
    assert [(one.code, one.subject) for one in reasons] == [("REFUND_UNDER_WAY", f"refund:{refund.id}")]
    assert reasons[0].zh == "还有一笔40.00元的退款没有到账,请等退款到账后再注销"
    await back(refund)
    assert await Holdings().reasons_to_stay(paid.payer.resident_id()) == []


async def test_the_export_tells_of_refunds(portal: Portal, paid: Paid) -> None:
    refund = await paid.refund(4000, 60000, paid.payer, remark="多收")
    [bill] = (await Holdings().export(paid.payer.resident_id()))["bills"]
    refunds: Any = bill["refunds"]
    [told] = refunds
    assert (told["id"], told["amount_fen"], told["remark"], told["state"]) == (refund.id, 4000, "多收", "REQUESTED")
