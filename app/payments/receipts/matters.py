"""Without this module each step would gather in its own way what a receipt is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.catalogue.models import Department
from app.catalogue.queries import departments_by_key
from app.identity.models import Resident
from app.kernel import ports
from app.kernel.money import Fen, yuan
from app.kernel.privacy import unseal
from app.kernel.settings import get_settings
from app.payments.models import Bill, PaymentAttempt, Receipt, Refund
from app.payments.ports import FiscalPlatform, ReceiptOrder
from app.payments.receipts.paper import Paper
from app.payments.receipts.rules import AGREED, ReceiptLine, Standing, kind_due, lines_left
from app.payments.states import AttemptState
from app.payments.words import ReceiptKind, ReceiptState

NAMELESS = "未实名用户"


def platform() -> FiscalPlatform | None:
    """The province's platform, where one is live."""
    return next(iter(ports.every(FiscalPlatform).values()), None)


@dataclass(frozen=True)
class Matter:
    """A bill with what came in for it, what goes back of it, and every receipt it ever had, oldest first."""

    bill: Bill
    attempt: PaymentAttempt | None
    refunds: Sequence[Refund]
    receipts: Sequence[Receipt]

    @property
    def in_force(self) -> Receipt | None:
        return next((each for each in self.receipts if each.state is ReceiptState.ISSUED), None)

    @property
    def worth_fen(self) -> int:
        """What came in and is not promised back."""
        came_in: int = self.attempt.amount_fen if self.attempt else 0
        goes_back: int = sum(refund.amount_fen for refund in self.refunds)
        return came_in - goes_back

    @property
    def standing(self) -> Standing:
        receipt = self.in_force
        if receipt is None:
            return Standing(self.worth_fen)
        drawn = receipt.pdf_sealed is not None
        return Standing(self.worth_fen, receipt.amount_fen, leaving=bool(receipt.void_reason), drawn=drawn)

    @property
    def kind(self) -> ReceiptKind:
        return kind_due(self.bill.kind, platform=platform() is not None)

    @property
    def order_id(self) -> str:
        """Of the receipt that comes next: the same until that one is known, however often it is asked for."""
        return f"{self.bill.id.hex}-{len(self.receipts)}"

    @property
    def paid_at(self) -> datetime:
        assert self.attempt is not None
        assert self.attempt.paid_at is not None
        return self.attempt.paid_at

    def lines(self) -> list[ReceiptLine]:
        given_back = [part for refund in self.refunds for part in refund.lines]
        return lines_left(self.bill.lines, given_back, self.worth_fen)

    def remark(self) -> str:
        """What it was for; of a receipt that follows another one, which one; what went back."""
        said = [self.bill.description]
        before = [each for each in self.receipts if each.state is ReceiptState.VOIDED]
        if before:
            said.append(f"换开,原票据{before[-1].code}-{before[-1].number}已作废")
        if self.refunds:
            said.append(f"已退付{yuan(Fen(sum(refund.amount_fen for refund in self.refunds)))}元")
        return ";".join(said)


async def matter_of(bill_id: UUID) -> Matter:
    """As it is now; in a transaction that has locked the bill, as it stays."""
    bill = await Bill.get(id=bill_id)
    attempt = await PaymentAttempt.get_or_none(bill_id=bill_id, state=AttemptState.SUCCEEDED)
    refunds = await Refund.filter(attempt_id=attempt.id, state__in=AGREED).order_by("id") if attempt else []
    receipts = await Receipt.filter(bill_id=bill_id).order_by("id")
    return Matter(bill, attempt, refunds, receipts)


async def order_for(matter: Matter) -> ReceiptOrder:
    """What the platform is told."""
    unit = await unit_of(matter.bill)
    return ReceiptOrder(
        order_id=matter.order_id,
        unit_code=unit.credit_code,
        unit_name=unit.name_zh,
        division_code=matter.bill.division_code,
        payer_name=await payer_of(matter.bill),
        total_fen=matter.worth_fen,
        lines=[(line.code, line.name, line.amount_fen) for line in matter.lines()],
        paid_at=matter.paid_at,
        payment_code=matter.bill.number,
    )


async def paper_for(matter: Matter, receipt: Receipt) -> Paper:
    """What the document says."""
    return Paper(
        kind=receipt.kind,
        code=receipt.code,
        number=receipt.number,
        check_code=receipt.check_code,
        issued_at=receipt.issued_at,
        payer=await payer_of(matter.bill),
        unit=(await unit_of(matter.bill)).name_zh,
        payment_code=matter.bill.number,
        paid_at=matter.paid_at,
        lines=matter.lines(),
        total_fen=receipt.amount_fen,
        remark=matter.remark(),
        verify_url=verify_url(receipt),
    )


def verify_url(receipt: Receipt) -> str:
    """Where the code on the paper leads: to what anybody may know of it."""
    asked = f"code={receipt.code}&number={receipt.number}&check={receipt.check_code}"
    return f"{get_settings().public_url.rstrip('/')}/receipts/verify?{asked}"


async def unit_of(bill: Bill) -> Department:
    [department] = await departments_by_key([bill.collecting_unit])
    assert department is not None
    return department


async def payer_of(bill: Bill) -> str:
    """Who owed it, by name: whoever opened the order may have been an agent."""
    if bill.payer_name_sealed:
        return unseal(bill.payer_name_sealed)
    resident = await Resident.get_or_none(id=bill.resident_id) if bill.resident_id else None
    return unseal(resident.name_sealed) if resident and resident.name_sealed else NAMELESS
