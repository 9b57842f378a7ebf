"""Without this module only what a case costs could be paid: notices of non-tax payments stand alone (缴款通知书).

A notice charges what the list of fees of the unit's items names, at the listed amount; only what a decision sets (a
fine) has an amount of its own, with the decision's number. Null amounts are not configured, never free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.catalogue.errors import FeeNotConfigured, FeeOutsideList
from app.catalogue.models import ServiceItem
from app.catalogue.queries import item_in_force
from app.catalogue.rules import fee_key_of
from app.identity.merging import ID_NUMBER
from app.identity.models import Resident
from app.identity.queries import locked_resident
from app.identity.rules import STRONG, Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.inbox.requests import claim
from app.kernel.money import Fen, yuan
from app.kernel.privacy import blind_index, seal, unseal
from app.payments.commands import under_way
from app.payments.errors import AlreadyPaid, AmountNotOpen, DecisionNeeded, NotToBeCancelled
from app.payments.issuing import make_bill
from app.payments.models import Bill
from app.payments.queries import bill_at_work, live_attempt, locked_bill
from app.payments.rules import BILL_DAYS, BY_DECISION, MOST_FEN, WAITING_FOR_MONEY, BillKind
from app.payments.settling import cancel, close_live_order
from app.payments.states import BillState
from app.representation.rules import check_person

LONGEST_DAYS = 180


@dataclass(frozen=True)
class NoticeLine:
    """One fee of an item's list. `amount_fen` and `decision` only for what a decision sets."""

    fee_key: str
    quantity: int = 1
    amount_fen: int | None = None
    decision: str = ""


@dataclass(frozen=True)
class Payer:
    """Whom a notice is for: by the identity number when they may have an account here, always by name."""

    name: str
    id_number: str | None = None


async def issue_notice(
    actor: Actor,
    item_key: str,
    lines: Sequence[NoticeLine],
    payer: Payer,
    *,
    days: int = BILL_DAYS,
    anyone_may_pay: bool = False,
    idempotency_key: str,
) -> Bill:
    """Make out a notice of payment for fees of an item of the cashier's unit, payable for so many days.

    Raises `NotAllowed`, `NotFound` (the item, also of another unit), `FeeOutsideList`, `FeeNotConfigured`,
    `AmountNotOpen`, `DecisionNeeded`, `InvalidInput`, `PersonNameInvalid`, `IdentityNumberInvalid`, `BillTooLarge`
    or `IdempotencyKeyReused`.
    """
    cashier = actor.staff_id(Role.CASHIER)
    item = await _item_of(actor, item_key)
    due = [_due(item, line) for line in lines]
    name = _checked(payer, len(due), days)
    async with db.transaction():
        body = {
            "item": item_key,
            "lines": [[line.fee_key, line.quantity, line.amount_fen, line.decision] for line in lines],
            "person": blind_index(ID_NUMBER, f"{payer.id_number or ''} {payer.name}"),  # the hash gives nobody away
            "days": days,
            "anyone": anyone_may_pay,
        }
        request = await claim(cashier, idempotency_key, "notice", **body)
        if request.earlier is not None:
            return await bill_at_work(actor, request.earlier)
        resident = await _account_of(payer)
        bill = await make_bill(
            actor,
            BillKind.NOTICE,
            item.department_id,
            due,
            description=item.name_zh[:40],
            due_at=clock.now() + timedelta(days=days),
            resident_id=resident.id if resident else None,
            payer_name_sealed=seal(name),
            anyone_may_pay=anyone_may_pay,
            item_key=item.key,
            issued_by_id=cashier,
        )
        await request.answered_with(bill.id)
    return bill


async def _item_of(actor: Actor, key: str) -> ServiceItem:
    item = await item_in_force(key)
    await item.fetch_related("department")
    if not actor.scope.covers(item.department_id, item.department.division_code):
        raise NotFound(what_zh="这个事项", what_en="item", field="itemKey")
    return item


async def _account_of(payer: Payer) -> Resident | None:
    """The payer's locked account, when they proved one under this number and name; the cashier is not told."""
    if payer.id_number is None:
        return None
    person = check_person(payer.name, payer.id_number, clock.today(), "payer")
    index = blind_index(ID_NUMBER, person.id_number)
    seen = await Resident.get_or_none(id_number_index=index, closed_at__isnull=True, merged_into_id__isnull=True)
    if seen is None or seen.level < STRONG:
        return None
    account = await locked_resident(seen.id)
    same = account.id_number_index == index and account.name_sealed is not None
    return account if same and unseal(account.name_sealed or "") == person.name else None


def _due(item: ServiceItem, line: NoticeLine) -> dict[str, Any]:
    """A line of the bill from a line of the list. Raises like `issue_notice`."""
    listed = {fee_key_of(fee, place): fee for place, fee in enumerate(item.fees)}
    fee = listed.get(line.fee_key)
    if fee is None or not 1 <= line.quantity <= 99:
        raise FeeOutsideList(fee_key=line.fee_key, known=", ".join(listed) or "—", field="lines")
    amount, basis = fee["amount_fen"], fee["basis"] or ""
    if amount is None and fee["standard"] == BY_DECISION:
        amount, basis = line.amount_fen, line.decision.strip()
        if amount is None or not 0 < amount <= MOST_FEN or not 2 <= len(basis) <= 100:
            raise DecisionNeeded(name=fee["name"], field="lines")
    elif amount is None:
        raise FeeNotConfigured(name=fee["name"], field="lines")
    elif line.amount_fen is not None:
        raise AmountNotOpen(name=fee["name"], listed_yuan=yuan(Fen(amount)), field="lines")
    return {
        "fee_key": line.fee_key,
        "name": fee["name"],
        "amount_fen": amount,
        "quantity": line.quantity,
        "basis": basis,
        "standard": fee["standard"],
    }


def _checked(payer: Payer, lines: int, days: int) -> str:
    if not 1 <= lines <= 20:
        raise InvalidInput(field="lines", reason_zh="请列出1至20个收费项目", reason_en="name 1 to 20 fees")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput(
            field="days", reason_zh=f"缴款期限为1至{LONGEST_DAYS}天", reason_en=f"it is due in 1 to {LONGEST_DAYS} days"
        )
    name = payer.name.strip()
    if not 2 <= len(name) <= 80:
        raise InvalidInput(field="payer", reason_zh="请填写缴款人姓名或单位名称", reason_en="enter the payer's name")
    return name


async def cancel_notice(actor: Actor, bill_id: UUID, reason: str) -> Bill:
    """Take back an unpaid notice; again is harmless. An order under way is closed at its provider first.

    Raises `NotAllowed`, `NotFound`, `NotToBeCancelled`, `AlreadyPaid`, `PaymentUnderWay`, `InvalidInput` or
    `ProviderUnavailable`.
    """
    actor.staff_id(Role.CASHIER)
    if not 2 <= len(reason.strip()) <= 200:
        raise InvalidInput(field="reason", reason_zh="请写明作废原因", reason_en="say why it is cancelled")
    seen = await bill_at_work(actor, bill_id)
    if seen.kind is not BillKind.NOTICE:
        raise NotToBeCancelled(field="billId")
    if seen.state in WAITING_FOR_MONEY:
        await close_live_order(bill_id, "the notice is cancelled")
    async with db.transaction():
        bill = await locked_bill(bill_id)
        if bill.state is BillState.CANCELLED:
            return bill
        if bill.state not in WAITING_FOR_MONEY | {BillState.EXPIRED}:
            raise AlreadyPaid(field="billId")
        if (opened := await live_attempt(bill_id)) is not None:
            raise under_way(opened)
        await cancel(actor, bill, {"reason": reason.strip()})
    return bill
