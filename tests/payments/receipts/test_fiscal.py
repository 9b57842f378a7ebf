"""With a platform: one receipt in force here and there, whatever happens on the way."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from app.kernel import clock, ports
from app.kernel.errors import ProviderUnavailable
from app.payments.models import Bill, MoneyTask, Refund
from app.payments.ports import FiscalPlatform, ReceiptRefused
from app.payments.receipts.issuing import pursue, see_to_receipt
from app.payments.receipts.matters import matter_of, order_for
from app.payments.receipts.withdrawing import take_back_receipt
from app.payments.refunds.deciding import confirm_window_refund
from app.payments.refunds.errors import ReceiptStillInForce
from app.payments.refunds.sending import pursue as pursue_refund
from app.payments.states import BillState, RefundState
from app.payments.words import ReceiptKind, ReceiptState, TaskKind, TaskState
from integrations.sandbox.control import FiscalReceipt, SandboxControl
from tests.identity.crowds import at_once
from tests.payments.receipts.stage import (
    agree_refund,
    document_of,
    drop_waiting,
    has_seal,
    next_try,
    paid_for_real,
    paid_payer,
    receipts_of,
    the_receipt,
    words_of,
)
from tests.payments.refunds.stage import make_paid
from tests.payments.stage import FEE_FEN, Payer
from tests.portal import Portal


async def books_of(platform: SandboxControl, payer: Payer) -> list[FiscalReceipt]:
    return await platform.fiscal_receipts(payer.bill.number)


async def check_one_in_force(platform: SandboxControl, payer: Payer, fen: int) -> None:
    """Ours and theirs tell the same, receipt by receipt, and one of them is in force (none, over nothing)."""
    ours, theirs = await receipts_of(payer.bill.id), await books_of(platform, payer)
    assert [(each.number, each.amount_fen, each.red_number) for each in ours] == [
        (each.number, each.total, each.red_number) for each in theirs
    ]
    in_force = [each.amount_fen for each in ours if each.state is ReceiptState.ISSUED]
    assert in_force == ([fen] if fen else [])


async def task_of(bill_id: UUID) -> MoneyTask | None:
    return await MoneyTask.get_or_none(kind=TaskKind.RECEIPT_FAILED, subject=f"bill:{bill_id}")


async def test_a_paid_bill_gets_a_fiscal_receipt(portal: Portal, platform: SandboxControl) -> None:
    payer = await paid_payer(portal)
    await portal.run_jobs()
    receipt = await the_receipt(payer.bill.id)
    [kept] = await books_of(platform, payer)
    assert (receipt.kind, receipt.code, receipt.number, receipt.check_code, receipt.amount_fen) == (
        ReceiptKind.FISCAL, kept.code, kept.number, kept.check_code, FEE_FEN,
    )  # fmt: skip
    assert kept.lines[0][0] == "ID40"
    said = words_of(document_of(receipt))
    assert "非税收入统一票据(电子)" in said
    assert "非财政票据" not in said
    assert await has_seal(document_of(receipt))
    assert (await Bill.get(id=payer.bill.id)).state is BillState.RECEIPTED


async def test_ten_at_once_issue_one_here_and_there(portal: Portal, platform: SandboxControl) -> None:
    payer = await paid_payer(portal)
    await at_once(*(see_to_receipt(payer.bill.id) for _ in range(10)))
    await check_one_in_force(platform, payer, FEE_FEN)
    assert len(await books_of(platform, payer)) == 1


async def test_killed_between_platform_and_database_the_next_one_finds_it(
    portal: Portal, platform: SandboxControl
) -> None:
    """The platform has issued; whoever asked for it died before they wrote it down."""
    payer = await paid_payer(portal)
    live = ports.get(FiscalPlatform, "fiscal")
    issued = await live.issue(await order_for(await matter_of(payer.bill.id)))
    assert await receipts_of(payer.bill.id) == []
    await see_to_receipt(payer.bill.id)
    assert (await the_receipt(payer.bill.id)).number == issued.number
    await check_one_in_force(platform, payer, FEE_FEN)


async def test_killed_between_and_then_refunded_it_is_found_and_taken_back(
    portal: Portal, platform: SandboxControl
) -> None:
    payer = await paid_payer(portal)
    await ports.get(FiscalPlatform, "fiscal").issue(await order_for(await matter_of(payer.bill.id)))
    await agree_refund(payer.bill, FEE_FEN)
    await see_to_receipt(payer.bill.id)
    await check_one_in_force(platform, payer, 0)
    [kept] = await books_of(platform, payer)
    assert kept.red_number


async def test_killed_between_and_then_refunded_in_part_the_rest_has_one(
    portal: Portal, platform: SandboxControl
) -> None:
    payer = await paid_payer(portal)
    await ports.get(FiscalPlatform, "fiscal").issue(await order_for(await matter_of(payer.bill.id)))
    await agree_refund(payer.bill, 1000)
    await see_to_receipt(payer.bill.id)
    await check_one_in_force(platform, payer, FEE_FEN - 1000)
    assert [bool(each.red_number) for each in await books_of(platform, payer)] == [True, False]


async def test_an_answer_lost_after_the_deed_leaves_one(portal: Portal, platform: SandboxControl) -> None:
    payer = await paid_payer(portal)
    await platform.be_hostile(error_after_effect=1.0)
    with pytest.raises(ProviderUnavailable):
        await see_to_receipt(payer.bill.id)
    assert await receipts_of(payer.bill.id) == []
    await platform.be_kind()
    await see_to_receipt(payer.bill.id)
    await check_one_in_force(platform, payer, FEE_FEN)


async def test_a_red_letter_whose_answer_was_lost_is_not_written_twice(
    portal: Portal, platform: SandboxControl
) -> None:
    payer = await paid_payer(portal)
    await see_to_receipt(payer.bill.id)
    await agree_refund(payer.bill, FEE_FEN)
    await platform.be_hostile(error_after_effect=1.0)
    assert await take_back_receipt(payer.bill.id, "全额退付") is False
    [leaving] = await receipts_of(payer.bill.id)
    assert (leaving.state, leaving.void_reason) == (ReceiptState.ISSUED, "全额退付")
    await platform.be_kind()
    assert await take_back_receipt(payer.bill.id, "全额退付") is True
    await check_one_in_force(platform, payer, 0)
    assert len(await books_of(platform, payer)) == 1
    await drop_waiting(payer.bill.id)


async def test_a_platform_down_for_two_days_and_back_loses_nothing_and_doubles_nothing(
    portal: Portal, platform: SandboxControl
) -> None:
    payers = [await paid_payer(portal) for _ in range(3)]
    await platform.fiscal_platform(open=False)
    await portal.run_jobs()
    assert [await receipts_of(payer.bill.id) for payer in payers] == [[], [], []]
    assert [(await Bill.get(id=payer.bill.id)).state for payer in payers] == [BillState.PAID] * 3

    hour = clock.now()
    for tried in range(1, 6):
        hour += timedelta(hours=12)
        with clock.standing_at(hour):
            for payer in payers:
                await pursue(payer.bill.id, tried)
    tasks = [await task_of(payer.bill.id) for payer in payers]
    assert [task.state for task in tasks if task] == [TaskState.OPEN] * 3

    await platform.fiscal_platform(open=True)
    await at_once(*(pursue(payer.bill.id, 6) for payer in payers for _ in range(3)))
    for payer in payers:
        await check_one_in_force(platform, payer, FEE_FEN)
        task = await task_of(payer.bill.id)
        assert task is not None
        assert task.state is TaskState.SETTLED


async def test_silence_is_left_alone_for_longer_and_longer_but_never_given_up(
    portal: Portal, platform: SandboxControl
) -> None:
    payer = await paid_payer(portal)
    await platform.fiscal_platform(open=False)
    begun = clock.now()
    waits = []
    with clock.standing_at(begun):
        for tried in (0, 1, 2, 3, 4, 5, 60):
            await pursue(payer.bill.id, tried)
            waits.append(await next_try(payer.bill.id, tried + 1) - begun.timestamp())
    assert [round(wait) for wait in waits] == [10, 60, 300, 900, 3600, 3600, 3600]
    await drop_waiting(payer.bill.id)


async def test_a_refusal_is_told_at_once_and_heals_when_its_cause_is_gone(
    portal: Portal, platform: SandboxControl
) -> None:
    payer = await paid_payer(portal)
    unit = (await order_for(await matter_of(payer.bill.id))).unit_code
    await platform.fiscal_unit(unit, known=False)
    with pytest.raises(ReceiptRefused, match="UNIT_UNKNOWN"):
        await see_to_receipt(payer.bill.id)
    await pursue(payer.bill.id)
    task = await task_of(payer.bill.id)
    assert task is not None
    assert (task.state, task.detail["code"], task.unit) == (TaskState.OPEN, "UNIT_UNKNOWN", "ps-household")
    assert await receipts_of(payer.bill.id) == []

    await platform.fiscal_unit(unit, known=True)
    await pursue(payer.bill.id, 1)
    await check_one_in_force(platform, payer, FEE_FEN)
    settled = await task_of(payer.bill.id)
    assert settled is not None
    assert settled.state is TaskState.SETTLED
    await drop_waiting(payer.bill.id)


async def test_a_refund_while_issuing_ends_alike_here_and_there(portal: Portal, platform: SandboxControl) -> None:
    payer = await paid_payer(portal)

    async def give_back() -> bool:
        await agree_refund(payer.bill, FEE_FEN)
        return await take_back_receipt(payer.bill.id, "全额退付")

    await at_once(*(see_to_receipt(payer.bill.id) for _ in range(6)), give_back())
    await see_to_receipt(payer.bill.id)
    await check_one_in_force(platform, payer, 0)


async def test_without_its_platform_a_fiscal_receipt_cannot_be_taken_back_and_somebody_is_told(
    portal: Portal, platform: SandboxControl
) -> None:
    payer = await paid_payer(portal)
    await see_to_receipt(payer.bill.id)
    await agree_refund(payer.bill, FEE_FEN)
    switched_off = ports._adapters.pop(FiscalPlatform)
    assert await take_back_receipt(payer.bill.id, "全额退付") is False
    await pursue(payer.bill.id)
    ports._adapters[FiscalPlatform] = switched_off
    task = await task_of(payer.bill.id)
    assert task is not None
    assert task.detail["code"] == "PLATFORM_SWITCHED_OFF"
    assert (await the_receipt(payer.bill.id)).kind is ReceiptKind.FISCAL
    await drop_waiting(payer.bill.id)


async def test_money_goes_back_only_after_its_receipt_was_taken_back(portal: Portal, platform: SandboxControl) -> None:
    """While the platform is closed the money waits; when it is open again, the red letter comes first."""
    payer = await paid_for_real(portal)
    await see_to_receipt(payer.bill.id)
    await platform.fiscal_platform(open=False)
    refund = await agree_refund(payer.bill, FEE_FEN)
    await pursue_refund(refund.id)
    assert (await Refund.get(id=refund.id)).state is RefundState.APPROVED
    assert [each.state for each in await receipts_of(payer.bill.id)] == [ReceiptState.ISSUED]

    await platform.fiscal_platform(open=True)
    with clock.standing_at(clock.now() + timedelta(hours=1)):
        await pursue_refund(refund.id)
    assert (await Refund.get(id=refund.id)).state in {RefundState.PROCESSING, RefundState.SUCCEEDED}
    await check_one_in_force(platform, payer, 0)
    await drop_waiting(payer.bill.id)


async def test_cash_stays_in_the_till_until_its_receipt_was_taken_back(
    portal: Portal, platform: SandboxControl
) -> None:
    paid = await make_paid(portal, FEE_FEN, channel="cash")
    await see_to_receipt(paid.bill.id)
    refund = await paid.refund(FEE_FEN, FEE_FEN)
    await platform.fiscal_platform(open=False)
    with pytest.raises(ReceiptStillInForce):
        await confirm_window_refund(paid.cashier, refund.id)
    assert (await Refund.get(id=refund.id)).state is RefundState.APPROVED
    assert [each.state for each in await receipts_of(paid.bill.id)] == [ReceiptState.ISSUED]

    await platform.fiscal_platform(open=True)
    settled = await confirm_window_refund(paid.cashier, refund.id)
    assert settled.state is RefundState.SUCCEEDED
    [ended] = await receipts_of(paid.bill.id)
    [theirs] = await platform.fiscal_receipts(paid.bill.number)
    assert (ended.state, ended.red_number) == (ReceiptState.VOIDED, theirs.red_number)
    assert ended.voided_at is not None
    assert settled.settled_at is not None
    assert ended.voided_at < settled.settled_at
    await drop_waiting(paid.bill.id)


async def test_a_part_goes_back_without_waiting_for_the_platform(portal: Portal, platform: SandboxControl) -> None:
    payer = await paid_for_real(portal)
    await see_to_receipt(payer.bill.id)
    await platform.fiscal_platform(open=False)
    refund = await agree_refund(payer.bill, 1000)
    await pursue_refund(refund.id)
    assert (await Refund.get(id=refund.id)).state in {RefundState.PROCESSING, RefundState.SUCCEEDED}
    await platform.fiscal_platform(open=True)
    await see_to_receipt(payer.bill.id)
    await check_one_in_force(platform, payer, FEE_FEN - 1000)
