"""Without this module who need not pay would have to pay first and ask for it back (减免)."""

from __future__ import annotations

from uuid import UUID

from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput
from app.kernel.facts.publishing import publish
from app.kernel.inbox.requests import claim, earlier_answers, wanted
from app.kernel.money import Fen, yuan
from app.payments import journal
from app.payments.commands import check_owed, under_way
from app.payments.errors import AlreadyPaid, ExemptionTooLarge
from app.payments.events import BillReduced
from app.payments.ledger import About, post, unit_of
from app.payments.models import Bill, Exemption
from app.payments.moves import advance
from app.payments.purposes import Held, locked_with_purpose
from app.payments.queries import bill_at_work, live_attempt
from app.payments.rules import WAITING_FOR_MONEY
from app.payments.settling import close_live_order
from app.payments.states import BillState

_LONGEST = 200


async def exempt(
    actor: Actor, bill_id: UUID, line: int, amount_fen: int, *, basis: str, proof: str, idempotency_key: str
) -> Bill:
    """Take a part of one line off an unpaid bill, or all of it. Amount in fen.

    `basis` is the rule, `proof` what was shown (a document and its number). An order under way is closed at its
    provider first: nobody pays the old amount any more; a repeat closes none, nor does what is refused anyway. With
    nothing left the bill is WAIVED and what waited for it goes on. Raises `NotAllowed`, `NotFound` (also of another
    unit), `InvalidInput`, `ExemptionTooLarge`, `AlreadyPaid`, `BillExpired`, `BillCancelled`, `NothingToPay` (what the
    bill is for waits no more), `PaymentUnderWay`, `IdempotencyKeyReused` or `ProviderUnavailable`.
    """
    cashier = actor.staff_id(Role.CASHIER)
    basis, proof = _said("basis", basis), _said("proof", proof)
    await bill_at_work(actor, bill_id)
    body = {"bill": bill_id, "line": line, "fen": amount_fen, "basis": basis, "proof": proof}
    if await earlier_answers([wanted(cashier, idempotency_key, "exempt", **body)]) == [None]:
        async with db.transaction():
            await _reducible(bill_id, line, amount_fen)
        await close_live_order(bill_id, "an exemption is granted")
    async with db.transaction():
        request = await claim(cashier, idempotency_key, "exempt", **body)
        if request.earlier is None:
            held = await _reducible(bill_id, line, amount_fen)
            bill, opened = held.bill, await live_attempt(bill_id)
            if opened is not None:
                raise under_way(opened)
            left = await _take_off(bill, line, amount_fen)
            made = await Exemption.create(
                bill_id=bill.id, line=line, amount_fen=amount_fen, basis=basis, proof=proof, granted_by_id=cashier,
                granted_at=clock.now(),
            )  # fmt: skip
            if left == 0:
                await held.fulfil(actor)
            await request.answered_with(made.id)
            detail = {"line": line, "fen": amount_fen}
            await audit.record(actor, "bill.exempted", f"bill:{bill.id}", detail=detail, person=bill.resident_id)
    return await bill_at_work(actor, bill_id)


def _said(field: str, text: str) -> str:
    text = text.strip()
    if not 2 <= len(text) <= _LONGEST:
        raise InvalidInput(
            field=field,
            reason_zh=f"请写明减免依据和证明材料,各2至{_LONGEST}个字",
            reason_en=f"name the rule and the proof, 2 to {_LONGEST} characters each",
        )
    return text


async def _reducible(bill_id: UUID, line: int, amount_fen: int) -> Held:
    """An unpaid bill with a line of which so much can be taken off, locked behind what it is for."""
    held = await locked_with_purpose(bill_id)
    lines = held.bill.lines
    if held.bill.state not in WAITING_FOR_MONEY | {BillState.EXPIRED, BillState.CANCELLED}:
        raise AlreadyPaid(field="billId")
    await check_owed(held)
    if not 0 <= line < len(lines):
        raise InvalidInput(field="line", reason_zh="没有这个收费项目", reason_en="there is no such line")
    full_fen = lines[line]["amount_fen"] * lines[line]["quantity"]
    if not 0 < amount_fen <= full_fen or lines[line].get("exempt_fen", 0):
        raise ExemptionTooLarge(line_yuan=yuan(Fen(full_fen)), field="amountFen")
    return held


async def _take_off(bill: Bill, line: int, amount_fen: int) -> int:
    """The line, the total and the ledger of a locked bill; gives what is left to pay."""
    lines = [dict(each) for each in bill.lines]
    lines[line]["exempt_fen"] = amount_fen
    left: int = bill.total_fen - amount_fen
    if left:
        bill.lines, bill.total_fen = lines, left
        await bill.save(update_fields=["lines", "total_fen"])
        await publish(BillReduced(bill.id, amount_fen))
    else:
        await advance(bill, "waive", lines=lines, total_fen=0)
    await post(f"exempted:{bill.id}:{line}", journal.written_off(unit_of(bill), amount_fen), About(bill.id))
    return left
