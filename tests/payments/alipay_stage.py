"""A resident who came from Alipay, with a bill that is ready to be paid there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.cases.models import Case
from app.cases.rules import CaseState
from app.kernel.actor import Actor, ActorKind
from app.kernel.audit import AuditLine
from app.payments.issuing import issue_bill
from app.payments.models import Bill, PaymentAttempt
from app.payments.states import AttemptState, BillState
from tests.payments.stage import make_case
from tests.people import AlipayPhone, new_key
from tests.portal import Portal


@dataclass(frozen=True)
class AlipayPayer:
    phone: AlipayPhone
    bill_id: UUID
    case_id: UUID

    async def asks(self) -> dict[str, Any]:
        """Open an order, or go on with the one that is still good, over HTTP."""
        payable: dict[str, Any] = await self.phone.do(
            "Pay", billId=str(self.bill_id), idempotencyKey=new_key(), channel="alipay"
        )
        assert payable["__typename"] == "Payable", payable
        return payable

    async def pays(self) -> str:
        """In the host app; whether Alipay tells us of it is another matter. Gives the order's number."""
        payable = await self.asks()
        parameters = {entry["name"]: entry["value"] for entry in payable["parameters"]}
        assert await self.phone.control.trade_pay(self.phone.user.open_id, parameters) == "9000"
        return str(payable["orderNo"])

    async def standing(self) -> tuple[BillState, CaseState, list[AttemptState]]:
        bill, case = await Bill.get(id=self.bill_id), await Case.get(id=self.case_id)
        attempts = await PaymentAttempt.filter(bill_id=self.bill_id).order_by("id")
        return bill.state, case.state, [attempt.state for attempt in attempts]

    async def is_settled(self) -> bool:
        """Paid once; a receipt may have been made out for it since."""
        bill, case, attempts = await self.standing()
        subjects = [f"payment:{attempt.id}" for attempt in await PaymentAttempt.filter(bill_id=self.bill_id)]
        lines = await AuditLine.filter(act="payment.settled", subject__in=subjects).count()
        moved = (case, attempts, lines) == (CaseState.RESULT_READY, [AttemptState.SUCCEEDED], 1)
        return moved and bill in {BillState.PAID, BillState.RECEIPTED}


async def make_alipay_payer(portal: Portal) -> AlipayPayer:
    """Signed in through Alipay, level one: a bill of one's own needs no proof."""
    user = await portal.control.add_alipay_user()
    phone = AlipayPhone(portal.url, portal.control, user)
    portal.people.append(phone)
    resident = (await phone.sign_in())["resident"]
    case = await make_case(Actor(ActorKind.RESIDENT, UUID(resident["id"])))
    bill = await issue_bill(case.id)
    assert bill is not None
    return AlipayPayer(phone, bill.id, case.id)
