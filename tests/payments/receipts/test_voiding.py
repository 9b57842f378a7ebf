from __future__ import annotations

from datetime import timedelta

import pytest

from app.identity.rules import Role
from app.kernel.actor import Scope
from app.kernel.audit import AuditLine
from app.kernel.errors import InvalidInput, NotFound
from app.payments.models import Bill, Receipt
from app.payments.receipts.errors import ReceiptTakenBack
from app.payments.receipts.issuing import see_to_receipt
from app.payments.receipts.queries import newest_receipts, receipts_at_work
from app.payments.receipts.withdrawing import void_receipt
from app.payments.states import BillState
from app.payments.words import ReceiptState
from integrations.sandbox.control import SandboxControl
from tests.identity.accounts import make_staff
from tests.identity.crowds import at_once
from tests.messages.stage import messages_about
from tests.payments.receipts.stage import document_of, paid_payer, receipts_of, the_receipt, words_of
from tests.payments.stage import FEE_FEN, Payer
from tests.portal import Portal

REASON = "交款人名称有误"


@pytest.fixture
async def payer(portal: Portal) -> Payer:
    """With a receipt in force."""
    payer = await paid_payer(portal)
    await see_to_receipt(payer.bill.id)
    return payer


async def test_a_cashier_voids_a_receipt_and_another_one_over_the_same_money_follows(
    portal: Portal, payer: Payer
) -> None:
    cashier = await make_staff(Role.CASHIER)
    first = await the_receipt(payer.bill.id)
    await void_receipt(cashier, first.id, REASON)
    await portal.run_jobs()

    voided, second = await receipts_of(payer.bill.id)
    assert (voided.id, voided.state, voided.void_reason) == (first.id, ReceiptState.VOIDED, REASON)
    assert (second.state, second.amount_fen) == (ReceiptState.ISSUED, FEE_FEN)
    assert second.number != first.number
    assert f"换开,原票据{first.code}-{first.number}已作废" in words_of(document_of(second))
    assert (await Bill.get(id=payer.bill.id)).state is BillState.RECEIPTED
    [line] = await AuditLine.filter(act="receipt.voided", subject=f"receipt:{first.id}")
    assert (line.actor, line.person, line.detail["reason"]) == (cashier.reference, payer.bill.resident_id, REASON)


async def test_the_payer_is_told_of_each_receipt_once_it_can_be_opened(portal: Portal, payer: Payer) -> None:
    async def told() -> list[str]:
        about = await messages_about(f"bill:{payer.bill.id}")
        return [message.body for message in about if message.key == "receipt-issued"]

    await portal.run_jobs()
    assert len(await told()) == 1
    await void_receipt(await make_staff(Role.CASHIER), (await the_receipt(payer.bill.id)).id, REASON)
    await portal.run_jobs()
    assert len(await told()) == 2
    await see_to_receipt(payer.bill.id)
    await portal.run_jobs()
    assert len(await told()) == 2


async def test_of_ten_who_void_at_once_one_is_the_one(portal: Portal, payer: Payer) -> None:
    cashier = await make_staff(Role.CASHIER)
    receipt = await the_receipt(payer.bill.id)
    await at_once(*(void_receipt(cashier, receipt.id, REASON) for _ in range(10)))
    await portal.run_jobs()
    assert [each.state for each in await receipts_of(payer.bill.id)] == [ReceiptState.VOIDED, ReceiptState.ISSUED]
    assert await AuditLine.filter(act="receipt.voided", subject=f"receipt:{receipt.id}").count() == 1


async def test_voiding_while_issuing_leaves_one_in_force(
    portal: Portal, payer: Payer, platform: SandboxControl
) -> None:
    """With a platform: what follows is a fiscal one, and its books say the same."""
    cashier = await make_staff(Role.CASHIER)
    receipt = await the_receipt(payer.bill.id)
    await at_once(void_receipt(cashier, receipt.id, REASON), *(see_to_receipt(payer.bill.id) for _ in range(8)))
    await portal.run_jobs()
    kept = await receipts_of(payer.bill.id)
    assert [each.state for each in kept] == [ReceiptState.VOIDED, ReceiptState.ISSUED]
    assert [each.number for each in await platform.fiscal_receipts(payer.bill.number)] == [kept[1].number]


async def test_the_receipt_in_force_is_the_newest_although_the_platforms_clock_is_slow(
    portal: Portal, payer: Payer
) -> None:
    cashier = await make_staff(Role.CASHIER)
    first = await the_receipt(payer.bill.id)
    await void_receipt(cashier, first.id, REASON)
    await portal.run_jobs()
    second = await the_receipt(payer.bill.id)
    await Receipt.filter(id=second.id).update(issued_at=first.issued_at - timedelta(minutes=5))

    assert [each and each.id for each in await newest_receipts([payer.bill.id])] == [second.id]
    assert [each.id for each in await receipts_at_work(cashier, payer.bill.id)] == [second.id, first.id]


async def test_what_was_taken_back_cannot_be_voided_again(portal: Portal, payer: Payer) -> None:
    cashier = await make_staff(Role.CASHIER)
    receipt = await the_receipt(payer.bill.id)
    await void_receipt(cashier, receipt.id, REASON)
    await portal.run_jobs()
    for again, reason in ((cashier, "其他原因"), (await make_staff(Role.CASHIER), REASON)):
        with pytest.raises(ReceiptTakenBack):
            await void_receipt(again, receipt.id, reason)
    assert (await void_receipt(cashier, receipt.id, REASON)).state is ReceiptState.VOIDED
    assert len(await receipts_of(payer.bill.id)) == 2


@pytest.mark.parametrize("reason", ["", " ", "错", "长" * 201])
async def test_nobody_voids_without_saying_why(payer: Payer, reason: str) -> None:
    cashier, receipt = await make_staff(Role.CASHIER), await the_receipt(payer.bill.id)
    with pytest.raises(InvalidInput):
        await void_receipt(cashier, receipt.id, reason)
    assert (await the_receipt(payer.bill.id)).void_reason == ""


@pytest.mark.parametrize("scope", [Scope("hrss"), Scope(None, "11")])
async def test_another_units_receipt_does_not_exist(payer: Payer, scope: Scope) -> None:
    stranger, receipt = await make_staff(Role.CASHIER, scope=scope), await the_receipt(payer.bill.id)
    with pytest.raises(NotFound):
        await void_receipt(stranger, receipt.id, REASON)
    assert (await the_receipt(payer.bill.id)).void_reason == ""
