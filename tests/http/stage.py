"""How a test gets to an order that can be paid, by the way a resident and the clerks go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.identity.rules import Role
from app.kernel import db
from app.kernel.audit import AuditLine
from app.payments.models import Bill, PaymentAttempt
from app.payments.states import AttemptState, BillState
from tests.people import Phone, new_key
from tests.portal import Portal

ITEM = "id-card-replace"
FEE_FEN = 4000


async def apply(phone: Phone) -> str:
    case = await phone.do("Apply", itemKey=ITEM, delivery="POST", address=phone.address(), idempotencyKey=new_key())
    assert case["__typename"] == "Case", case
    return str(case["id"])


async def approve(portal: Portal, case_id: str, **headers: str) -> None:
    """Accepted at a window and approved; the worker has not made the bill yet."""
    acceptor, approver = await portal.clerk(Role.WINDOW_ACCEPTOR), await portal.clerk(Role.APPROVER)
    assert (await acceptor.do("AcceptCase", id=case_id))["state"] == "ACCEPTED"
    approver.http.headers.update(headers)
    assert (await approver.do("ApproveCase", id=case_id))["state"] == "PAYMENT_PENDING"


@dataclass(frozen=True)
class Order:
    """An order open at WeChat Pay and nobody has paid yet."""

    phone: Phone
    case_id: str
    bill_id: str
    number: str
    parameters: Mapping[str, str]

    async def pay(self, portal: Portal) -> None:
        """In the host app; whether WeChat tells us of it is another matter."""
        assert await portal.control.pay(self.phone.person.openid, self.parameters) == "requestPayment:ok"

    async def standing(self) -> dict[str, Any]:
        """Everything a notification could have moved."""
        case = await self.phone.do("CaseDetail", id=self.case_id)
        attempt = await PaymentAttempt.get(order_no=self.number)
        bill = await Bill.get(id=self.bill_id)
        return {
            "case": case["state"],
            "bill": bill.state,
            "paid at": bill.paid_at,
            "attempt": attempt.state,
            "provider's number": attempt.provider_ref,
            "jobs": await db.rows("SELECT id FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"),
        }

    async def settlements(self) -> int:
        """How often the money was taken for the bill: once is right, twice is a scandal."""
        attempt = await PaymentAttempt.get(order_no=self.number)
        return await AuditLine.filter(act="payment.settled", subject=f"payment:{attempt.id}").count()

    async def is_settled(self) -> bool:
        attempt, bill = await PaymentAttempt.get(order_no=self.number), await Bill.get(id=self.bill_id)
        case = await self.phone.do("CaseDetail", id=self.case_id)
        paid = bill.state in {BillState.PAID, BillState.RECEIPTED}
        return paid and (attempt.state, case["state"]) == (AttemptState.SUCCEEDED, "RESULT_READY")


async def open_order(portal: Portal) -> Order:
    """A new resident with a bill of forty yuan, ready for the phone to ask for the payment."""
    phone = await portal.phone()
    case_id = await apply(phone)
    await approve(portal, case_id)
    await portal.run_jobs()
    bill = (await phone.do("CaseDetail", id=case_id))["bill"]
    payable = await phone.do("Pay", billId=bill["id"], idempotencyKey=new_key())
    assert payable["__typename"] == "Payable", payable
    parameters = {entry["name"]: entry["value"] for entry in payable["parameters"]}
    return Order(phone, case_id, bill["id"], payable["orderNo"], parameters)


async def newest_line() -> int:
    """Where the audit ends at this moment."""
    row = await db.row("SELECT coalesce(max(id), 0) AS id FROM audit_line")
    assert row is not None
    return int(row["id"])


async def lines_since(start: int) -> list[tuple[str, str]]:
    """Act and result of every audit line after `start`, oldest first."""
    return [(line.act, line.result) for line in await AuditLine.filter(id__gt=start).order_by("id")]
