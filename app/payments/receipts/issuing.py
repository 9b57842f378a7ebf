"""Without this module a paid bill would stay without a receipt, or get two.

A bill's receipt is brought to what it should be, one step after another, each bearing to be done by several at once and
to be done again. No transaction is open while the platform is asked: what it did and nobody recorded is found again,
since an order is answered with one receipt.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM
from app.kernel.errors import ProviderUnavailable
from app.kernel.facts.publishing import publish
from app.kernel.jobs import Priority, job
from app.kernel.logging import get_logger
from app.kernel.privacy import seal as seal_text
from app.kernel.signing import secret_of
from app.payments import money_tasks
from app.payments.events import ReceiptIssued, ReceiptVoided
from app.payments.models import Receipt, Refund
from app.payments.moves import advance
from app.payments.ports import FiscalPlatform, IssuedReceipt, ReceiptRefused
from app.payments.queries import locked_bill
from app.payments.receipts import paper, seal
from app.payments.receipts.matters import Matter, matter_of, order_for, paper_for, platform
from app.payments.receipts.rules import (
    GOES_BACK,
    GOES_BACK_IN_PART,
    TASK_AFTER,
    Step,
    check_letters,
    next_step,
    plain_code,
    wait_after,
)
from app.payments.states import BILL_LIFE
from app.payments.words import ReceiptKind, ReceiptState, TaskKind

_log = get_logger(__name__)
_MOST_STEPS = 12
_NEXT_NUMBER = """
    INSERT INTO receipt_counter (code, given_out) VALUES ($1, 1)
    ON CONFLICT (code) DO UPDATE SET given_out = receipt_counter.given_out + 1 RETURNING given_out
"""
_desk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="receipts")
_SWITCHED_OFF = "PLATFORM_SWITCHED_OFF"


async def pursue(bill_id: UUID, tried: int = 0) -> None:
    """See to a bill's receipt; when the platform does not answer or refuses, again later, for as long as it takes.

    Somebody is told of a refusal at once, and of silence after three tries.
    """
    try:
        await see_to_receipt(bill_id)
    except (ProviderUnavailable, ReceiptRefused) as failure:
        code = failure.code if isinstance(failure, ReceiptRefused) else ""
        _log.warning("receipt not through", bill=str(bill_id), tried=tried, code=code)
        async with db.transaction():
            if code or tried + 1 >= TASK_AFTER:
                await _ask_for_a_person(bill_id, code)
            later = clock.now() + wait_after(tried)
            await pursue_receipt.defer(not_before=later, bill_id=str(bill_id), tried=tried + 1)


async def pursue_for_refund(refund_id: UUID) -> None:
    """The same for the bill a refund is of."""
    await pursue((await Refund.get(id=refund_id)).bill_id)


@job("payments.pursue_receipt", priority=Priority.PATIENT)
async def pursue_receipt(bill_id: str, tried: int = 0) -> None:
    await pursue(UUID(bill_id), tried)


async def see_to_receipt(bill_id: UUID, *, draws: bool = True) -> None:
    """Take every step a bill's receipt needs; drawing takes a seal, which only workers have. Raises
    `ProviderUnavailable` or `ReceiptRefused`.
    """
    for _ in range(_MOST_STEPS):
        matter = await matter_of(bill_id)
        step = next_step(matter.standing)
        if step is Step.DRAW and not draws:
            return
        if step is Step.NOTHING or (step is Step.LOOK and not await _look(matter)):
            await money_tasks.settle_by_itself(_subject(bill_id), TaskKind.RECEIPT_FAILED)
            return
        if step in _ACTS:
            await _ACTS[step](matter)
    _log.error("receipt never at rest", bill=str(bill_id))


async def _look(matter: Matter) -> bool:
    """Whether the platform gave a receipt whose answer never reached us; it is recorded then."""
    live = platform()
    if live is None or matter.attempt is None or matter.kind is not ReceiptKind.FISCAL:
        return False
    found = await live.ask(matter.order_id)
    if found is not None:
        await _record(matter.bill.id, ReceiptKind.FISCAL, found)
    return found is not None


async def _issue(matter: Matter) -> None:
    if matter.kind is ReceiptKind.FISCAL:
        issued = await _live().issue(await order_for(matter))
        await _record(matter.bill.id, ReceiptKind.FISCAL, issued)
        return
    async with db.transaction():
        await locked_bill(matter.bill.id)
        present = await matter_of(matter.bill.id)
        if next_step(present.standing) is Step.ISSUE:
            await _record(matter.bill.id, ReceiptKind.PLAIN, await _plain(present))


async def _plain(matter: Matter) -> IssuedReceipt:
    """The next number of the division's own, and a check code that only our key gives."""
    now = clock.now()
    code = plain_code(matter.bill.division_code, clock.local(now).year)
    counted = await db.row(_NEXT_NUMBER, code)
    assert counted is not None
    number = f"{counted['given_out']:010d}"
    about = f"{code} {number} {matter.worth_fen} {matter.bill.id}"
    return IssuedReceipt(code, number, check_letters(secret_of("receipt", about.encode())), matter.worth_fen, now)


async def _record(bill_id: UUID, kind: ReceiptKind, issued: IssuedReceipt) -> None:
    """Enter a receipt once, whoever comes first, also one that turns out not to be due any more."""
    async with db.transaction():
        bill = await locked_bill(bill_id)
        if await Receipt.exists(code=issued.code, number=issued.number):
            return
        receipt = await Receipt.create(
            bill_id=bill_id,
            kind=kind,
            state=ReceiptState.ISSUED,
            code=issued.code,
            number=issued.number,
            check_code=issued.check_code,
            amount_fen=issued.total_fen,
            issued_at=issued.issued_at,
        )
        if BILL_LIFE.may(bill.state, "receipt"):
            await advance(bill, "receipt")
        await _record_act("issued", receipt, bill.resident_id)


async def _take_back(matter: Matter) -> None:
    """Red-letter a fiscal receipt at its platform (冲红); a plain one is ours to end."""
    receipt = matter.in_force
    assert receipt is not None
    reason = receipt.void_reason or (GOES_BACK_IN_PART if matter.worth_fen else GOES_BACK)
    red = ""
    if receipt.kind is ReceiptKind.FISCAL:
        told = IssuedReceipt(receipt.code, receipt.number, receipt.check_code, receipt.amount_fen, receipt.issued_at)
        red = (await _live().take_back(told, reason)).number
    async with db.transaction():
        bill = await locked_bill(matter.bill.id)
        kept = await Receipt.get(id=receipt.id)
        if kept.state is not ReceiptState.ISSUED:
            return
        kept.state, kept.voided_at, kept.void_reason, kept.red_number = ReceiptState.VOIDED, clock.now(), reason, red
        await kept.save(update_fields=["state", "voided_at", "void_reason", "red_number"])
        if BILL_LIFE.may(bill.state, "unreceipt"):
            await advance(bill, "unreceipt")
        await publish(ReceiptVoided(kept.id, bill.id))
        await _record_act("taken_back", kept, bill.resident_id)


async def _draw(matter: Matter) -> None:
    """Make the signed document, once; in the one thread for it, for it computes for long. Now it can be opened.

    Several at once would be no faster and would take the interpreter from everything else, money included.
    """
    receipt = matter.in_force
    assert receipt is not None
    said = await paper_for(matter, receipt)
    drawing = asyncio.get_running_loop().run_in_executor(_desk, lambda: seal.sign(paper.draw(said), said.unit))
    sealed = seal_text(base64.b64encode(await drawing).decode())
    async with db.transaction():
        if await Receipt.filter(id=receipt.id, pdf_sealed=None).update(pdf_sealed=sealed):
            await publish(ReceiptIssued(receipt.id, receipt.bill_id))


def _live() -> FiscalPlatform:
    """Raises `ReceiptRefused` when nobody can be asked about a fiscal receipt any more."""
    live = platform()
    if live is None:
        raise ReceiptRefused(_SWITCHED_OFF)
    return live


async def _ask_for_a_person(bill_id: UUID, code: str) -> None:
    bill = await locked_bill(bill_id)
    await money_tasks.open_anew(
        TaskKind.RECEIPT_FAILED, _subject(bill_id), unit=bill.collecting_unit, ours_fen=bill.total_fen, code=code
    )


def _subject(bill_id: UUID) -> str:
    return f"bill:{bill_id}"


async def _record_act(act: str, receipt: Receipt, person: UUID | None) -> None:
    detail = {"bill": str(receipt.bill_id), "code": receipt.code, "number": receipt.number, "fen": receipt.amount_fen}
    await audit.record(SYSTEM, f"receipt.{act}", f"receipt:{receipt.id}", detail=detail, person=person)


_ACTS: dict[Step, Callable[[Matter], Awaitable[None]]] = {
    Step.ISSUE: _issue,
    Step.TAKE_BACK: _take_back,
    Step.DRAW: _draw,
}
