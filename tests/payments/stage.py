"""A bill that is ready to be paid, without the walk through the whole hall."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

from app.cases.models import Case
from app.cases.rules import CaseState, Decision, DeliveryMethod
from app.catalogue.queries import item_in_force
from app.catalogue.rules import due_fees
from app.identity.models import ChannelBinding
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.audit import AuditLine
from app.payments.commands import Payable, pay
from app.payments.issuing import issue_bill
from app.payments.models import Bill, LedgerEntry, PaymentAttempt
from app.payments.notices import NoticeLine, issue_notice
from app.payments.notices import Payer as Named
from integrations.sandbox.control import Phone, SandboxControl
from tests.identity.accounts import make_resident
from tests.people import new_key
from tests.portal import Portal

FEE_FEN = 4000
FINE = NoticeLine("TF", amount_fen=20_000, decision="云公交决字〔2026〕第0001号")
SOMEBODY = Named("测试缴款人甲")


@dataclass(frozen=True)
class Payer:
    """A resident with an approved case and its bill, and their phone in the sandbox."""

    actor: Actor
    person: Phone
    case: Case
    bill: Bill
    control: SandboxControl

    async def open_order(self) -> Payable:
        return await pay(self.actor, self.bill.id, "wechat", idempotency_key=new_key())

    async def pays(self, payable: Payable) -> None:
        """In the host app; whether WeChat tells us of it is another matter."""
        answer = await self.control.pay(self.person.openid, payable.client_parameters)
        assert answer == "requestPayment:ok"

    async def standing(self) -> dict[str, Any]:
        """Where the bill, the case and every attempt are."""
        bill, case = await Bill.get(id=self.bill.id), await Case.get(id=self.case.id)
        attempts = await PaymentAttempt.filter(bill_id=self.bill.id).order_by("id")
        return {"bill": bill.state, "case": case.state, "attempts": [attempt.state for attempt in attempts]}

    async def settlements(self) -> int:
        subjects = [f"payment:{attempt.id}" for attempt in await PaymentAttempt.filter(bill_id=self.bill.id)]
        return await AuditLine.filter(act="payment.settled", subject__in=subjects).count()


async def make_case(actor: Actor, item_key: str = "id-card-replace") -> Case:
    """An approved case whose fixed fees are due."""
    item = await item_in_force(item_key)
    return await Case.create(
        number=f"T{db.new_id().hex}",
        resident_id=actor.resident_id(),
        item_id=item.id,
        item_key=item.key,
        state=CaseState.PAYMENT_PENDING,
        decision=Decision.APPROVED,
        fees=[asdict(line) for line in due_fees(item.fees, {})],
        delivery_method=DeliveryMethod.COLLECT,
        submitted_at=clock.now(),
    )


async def make_payer(portal: Portal) -> Payer:
    actor = await make_resident()
    person = await portal.control.make_phone()
    await ChannelBinding.create(
        resident_id=actor.resident_id(),
        channel="wechat",
        app_id=os.environ["WECHAT_APP_ID"],
        open_id=person.openid,
        bound_at=clock.now(),
    )
    case = await make_case(actor)
    bill = await issue_bill(case.id)
    assert bill is not None
    return Payer(actor, person, case, bill, portal.control)


async def make_notice(cashier: Actor, *lines: NoticeLine, **more: Any) -> Bill:
    asked = {"idempotency_key": new_key(), **more}
    return await issue_notice(cashier, "traffic-fine", lines or (FINE,), SOMEBODY, **asked)


async def owed(bill: Bill) -> int:
    """What the ledger says that the payer of a bill still owes."""
    return sum([entry.amount_fen for entry in await LedgerEntry.filter(bill_id=bill.id, account="PAYER")])
