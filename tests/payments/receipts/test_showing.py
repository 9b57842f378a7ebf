"""Receipts as people see them: the payer, a cashier, and whoever holds one in their hands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.identity.rules import Role
from app.kernel import clock
from app.kernel.audit import AuditLine
from app.payments.models import Bill, Receipt
from app.payments.receipts.issuing import see_to_receipt
from app.payments.receipts.links import link_to
from app.payments.receipts.matters import verify_url
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.payments.receipts.stage import has_seal, paid_payer, the_receipt
from tests.payments.stage import FEE_FEN, Payer
from tests.portal import Portal


@pytest.fixture
async def payer(portal: Portal) -> Payer:
    payer = await paid_payer(portal)
    await see_to_receipt(payer.bill.id)
    return payer


@pytest.fixture
async def receipt(payer: Payer) -> Receipt:
    return await the_receipt(payer.bill.id)


def asked(receipt: Receipt, **otherwise: str) -> dict[str, str]:
    told = {"code": receipt.code, "number": receipt.number, "checkCode": receipt.check_code}
    return {**told, **otherwise}


async def fetch(url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url)


async def test_the_payer_sees_the_receipt_and_opens_its_document(portal: Portal, payer: Payer) -> None:
    phone = await caller_of(portal, payer.actor)
    bill = await phone.do("BillReceipt", billId=str(payer.bill.id))
    shown = bill["receipt"]
    assert (bill["state"], shown["kind"], shown["kindText"], shown["state"], shown["stateText"]) == (
        "RECEIPTED", "PLAIN", "缴费凭据(非财政票据)", "IN_FORCE", "有效",
    )  # fmt: skip
    assert shown["amountFen"] == FEE_FEN
    answer = await fetch(shown["pdfUrl"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "private, no-store"
    assert await has_seal(answer.content)


async def test_a_link_ends_after_ten_minutes_and_opens_nothing_else(receipt: Receipt) -> None:
    with clock.standing_at(clock.now() - timedelta(minutes=10, seconds=2)):
        old = link_to(receipt.id)
    fresh = link_to(receipt.id)
    forged = fresh.replace(fresh[-10:-4], "AAAAAA")
    for url in (old, forged, fresh.replace(".pdf", "x.pdf")):
        answer = await fetch(url)
        assert (answer.status_code, answer.text) == (404, "下载链接已失效,请回到缴费单重新打开票据")


async def test_who_pays_a_notice_of_another_gets_no_document_with_their_name(
    portal: Portal, payer: Payer, receipt: Receipt
) -> None:
    await Bill.filter(id=payer.bill.id).update(anyone_may_pay=True)
    stranger = await caller_of(portal, await make_resident())
    shown = await stranger.do("BillByNumber", number=payer.bill.number)
    assert shown["__typename"] == "BillOfSomebody"
    wanted = "... on BillOfSomebody { bill { receipt { number pdfUrl } } }"
    query = f"query($n: String!) {{ billByNumber(number: $n) {{ {wanted} }} }}"
    answer = (await stranger.post({"query": query, "variables": {"n": payer.bill.number}})).json()
    assert answer["data"]["billByNumber"]["bill"]["receipt"] == {"number": receipt.number, "pdfUrl": None}


async def test_a_cashier_lists_prints_and_voids_and_the_payer_sees_who_looked(
    portal: Portal, payer: Payer, receipt: Receipt
) -> None:
    cashier = await caller_of(portal, await make_staff(Role.CASHIER))
    [listed] = await cashier.do("BillReceipts", billId=str(payer.bill.id))
    assert (listed["id"], listed["pdfUrl"]) == (str(receipt.id), None)
    printed = await cashier.do("ReceiptToPrint", id=str(receipt.id))
    assert (await fetch(printed["url"])).status_code == 200
    [line] = await AuditLine.filter(act="receipt.seen", subject=f"receipt:{receipt.id}")
    assert line.person == payer.bill.resident_id

    voided = await cashier.do("VoidReceipt", id=str(receipt.id), reason="交款人名称有误")
    assert (voided["state"], voided["stateText"]) == ("LEAVING", "作废办理中")
    await portal.run_jobs()
    gone = await cashier.do("ReceiptToPrint", id=str(receipt.id))
    assert gone["code"] == "RECEIPT_TAKEN_BACK"
    assert (await fetch(printed["url"])).status_code == 404
    states = [each["state"] for each in await cashier.do("BillReceipts", billId=str(payer.bill.id))]
    assert states == ["IN_FORCE", "VOIDED"]


async def test_anybody_checks_a_receipt_and_learns_nothing_of_the_payer(
    portal: Portal, payer: Payer, receipt: Receipt
) -> None:
    found = await portal.stranger().do("VerifyReceipt", **asked(receipt, checkCode=receipt.check_code.lower()))
    assert found == {
        "__typename": "VerifiedReceipt",
        "kind": "PLAIN",
        "kindText": "缴费凭据(非财政票据)",
        "code": receipt.code,
        "number": receipt.number,
        "amountFen": FEE_FEN,
        "issuedOn": clock.local(receipt.issued_at).date().isoformat(),
        "state": "IN_FORCE",
        "stateText": "有效",
        "redNumber": "",
        "collectingUnit": found["collectingUnit"],
    }
    assert found["collectingUnit"]["key"] == "ps-household"


async def test_a_wrong_check_code_and_an_unknown_number_are_answered_alike(portal: Portal, receipt: Receipt) -> None:
    def bare(problem: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in problem.items() if name != "requestId"}

    stranger = portal.stranger()
    wrong = bare(await stranger.do("VerifyReceipt", **asked(receipt, checkCode="222222")))
    assert wrong["code"] == "RECEIPT_UNKNOWN"
    for other in ({"number": "9999999999"}, {"code": "X"}, {"checkCode": ""}, {"number": "'; --"}):
        assert bare(await stranger.do("VerifyReceipt", **asked(receipt, **other))) == wrong


async def test_the_code_on_the_paper_leads_to_a_page_for_people(portal: Portal, receipt: Receipt) -> None:
    answer = await fetch(verify_url(receipt))
    assert answer.status_code == 200
    assert "¥40.00" in answer.text
    assert "有效" in answer.text
    assert "测试居民" not in answer.text
    wrong = await fetch(verify_url(receipt).replace(receipt.check_code, "<script>"))
    assert wrong.status_code == 404
    assert "<script>" not in wrong.text
    empty = await fetch(f"{portal.url}/receipts/verify")
    assert (empty.status_code, "票据查验" in empty.text) == (200, True)
    assert "default-src 'none'" in empty.headers["content-security-policy"]


async def test_who_guesses_is_made_to_wait(portal: Portal) -> None:
    """The last one here: nobody at this address can check anything for a minute."""
    stranger = portal.stranger()
    codes = set()
    for guess in range(40):
        problem = await stranger.do("VerifyReceipt", code="P99010026", number="7", checkCode=f"{guess:06}")
        codes.add(problem["code"])
    assert codes == {"RECEIPT_UNKNOWN", "TOO_MANY_REQUESTS"}
