from __future__ import annotations

import asyncio
import random

import pytest
from tortoise.exceptions import IntegrityError

from app.kernel import clock
from app.kernel.audit import AuditLine
from app.payments.models import Bill, Receipt
from app.payments.receipts.issuing import pursue, see_to_receipt
from app.payments.states import BillState
from app.payments.words import ReceiptKind, ReceiptState
from tests.identity.crowds import at_once
from tests.payments.receipts.stage import (
    agree_refund,
    byte_range_of,
    document_of,
    has_seal,
    paid_payer,
    receipts_of,
    signature_of,
    the_receipt,
    words_of,
)
from tests.payments.stage import FEE_FEN, make_payer
from tests.portal import Portal


async def test_a_paid_bill_gets_a_plain_receipt_from_the_worker_and_not_before(portal: Portal) -> None:
    payer = await paid_payer(portal)
    assert await receipts_of(payer.bill.id) == []
    await portal.run_jobs()

    receipt = await the_receipt(payer.bill.id)
    year = clock.today().year % 100
    assert (receipt.kind, receipt.state, receipt.amount_fen) == (ReceiptKind.PLAIN, ReceiptState.ISSUED, FEE_FEN)
    assert receipt.code == f"P{payer.bill.division_code[:6]}{year:02d}"
    assert (len(receipt.number), receipt.number.isdigit(), len(receipt.check_code)) == (10, True, 6)
    assert (await Bill.get(id=payer.bill.id)).state is BillState.RECEIPTED
    lines = await AuditLine.filter(act="receipt.issued", subject=f"receipt:{receipt.id}")
    assert [line.person for line in lines] == [payer.bill.resident_id]


async def test_ten_at_once_issue_one(portal: Portal) -> None:
    payer = await paid_payer(portal)
    await at_once(*(see_to_receipt(payer.bill.id) for _ in range(10)))
    [receipt] = await receipts_of(payer.bill.id)
    assert (receipt.state, receipt.amount_fen) == (ReceiptState.ISSUED, FEE_FEN)
    assert receipt.pdf_sealed is not None
    assert await AuditLine.filter(act="receipt.issued", subject=f"receipt:{receipt.id}").count() == 1


async def test_numbers_go_up_one_by_one_however_many_are_issued_at_once(portal: Portal) -> None:
    payers = [await paid_payer(portal) for _ in range(4)]
    await at_once(*(see_to_receipt(payer.bill.id) for payer in payers))
    numbers = sorted([int((await the_receipt(payer.bill.id)).number) for payer in payers])
    assert numbers == list(range(numbers[0], numbers[0] + 4))


async def test_the_database_allows_one_in_force_whatever_the_code_does(portal: Portal) -> None:
    payer = await paid_payer(portal)
    await see_to_receipt(payer.bill.id)
    with pytest.raises(IntegrityError, match="one_receipt_in_force"):
        await Receipt.create(
            bill_id=payer.bill.id, kind=ReceiptKind.PLAIN, state=ReceiptState.ISSUED, code="X", number="1",
            check_code="X", amount_fen=1, issued_at=clock.now(),
        )  # fmt: skip


async def test_an_unpaid_bill_gets_none(portal: Portal) -> None:
    payer = await make_payer(portal)
    await see_to_receipt(payer.bill.id)
    assert await receipts_of(payer.bill.id) == []
    assert (await Bill.get(id=payer.bill.id)).state is BillState.CREATED


async def test_what_is_agreed_to_go_back_comes_off_by_a_receipt_over_the_rest(portal: Portal) -> None:
    payer = await paid_payer(portal)
    await see_to_receipt(payer.bill.id)
    await agree_refund(payer.bill, 1500)
    await pursue(payer.bill.id)

    first, second = await receipts_of(payer.bill.id)
    assert (first.state, first.amount_fen, first.void_reason) == (
        ReceiptState.VOIDED, FEE_FEN, "部分退付,换开余额票据",
    )  # fmt: skip
    assert (second.state, second.amount_fen) == (ReceiptState.ISSUED, FEE_FEN - 1500)
    assert first.voided_at is not None
    assert (await Bill.get(id=payer.bill.id)).state is BillState.RECEIPTED


async def test_a_refund_while_issuing_leaves_no_receipt_over_money_that_goes_back(portal: Portal) -> None:
    payer = await paid_payer(portal)

    async def agree_and_see_to_it() -> None:
        await agree_refund(payer.bill, FEE_FEN)
        await see_to_receipt(payer.bill.id)

    await at_once(*(see_to_receipt(payer.bill.id) for _ in range(5)), agree_and_see_to_it())
    await see_to_receipt(payer.bill.id)
    assert [each.state for each in await receipts_of(payer.bill.id) if each.state is ReceiptState.ISSUED] == []
    assert (await Bill.get(id=payer.bill.id)).state is BillState.PAID


async def test_a_worker_that_dies_before_it_has_drawn_the_document_is_followed_by_one_that_does(
    portal: Portal,
) -> None:
    payer = await paid_payer(portal)
    await see_to_receipt(payer.bill.id)
    await Receipt.filter(bill_id=payer.bill.id).update(pdf_sealed=None)
    await portal.run_jobs()
    [receipt] = await receipts_of(payer.bill.id)
    assert await has_seal(document_of(receipt))


async def test_the_document_is_sealed_at_rest_and_says_what_a_receipt_says(portal: Portal) -> None:
    payer = await paid_payer(portal)
    await see_to_receipt(payer.bill.id)
    receipt = await the_receipt(payer.bill.id)
    assert receipt.pdf_sealed is not None
    assert not receipt.pdf_sealed.startswith("JVBERi")
    said = words_of(document_of(receipt))
    for words in (
        "非财政票据", "测试居民", "肆拾元整", "¥40.00", receipt.code, receipt.number, receipt.check_code,
        payer.bill.number, "ID40", "居民身份证工本费", "不能代替财政票据报销入账",
    ):  # fmt: skip
        assert words in said, words


async def test_the_seal_holds_and_one_changed_byte_breaks_it(portal: Portal) -> None:
    payer = await paid_payer(portal)
    await see_to_receipt(payer.bill.id)
    document = document_of(await the_receipt(payer.bill.id))
    verdict = await signature_of(document)
    assert (verdict.intact, verdict.valid, verdict.trusted, verdict.bottom_line) == (True, True, True, True)
    start, length, second, _ = byte_range_of(document)
    covered = [*range(start, start + length), *range(second, len(document))]
    for place in random.Random(20).sample(covered, 30):  # noqa: S311 - the same each time
        changed = document[:place] + bytes([document[place] ^ 1]) + document[place + 1 :]
        assert not await has_seal(changed), place
    assert not await has_seal(document[: len(document) // 2])


async def test_a_document_is_made_beside_the_event_loop(portal: Portal) -> None:
    """While a dozen are drawn and signed, nobody else waits for long."""
    payers = [await paid_payer(portal) for _ in range(3)]
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    ticking = asyncio.create_task(tick())
    for payer in payers:
        await see_to_receipt(payer.bill.id)
    ticking.cancel()
    assert ticks >= 3
