"""Without this module a joined account could not pay the bills of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.identity.ports import Fate, Kind, Reason, Retention
from app.kernel.actor import Actor, ActorKind
from app.kernel.money import Fen, yuan
from app.payments.models import Bill, PaymentAttempt, Receipt, Refund
from app.payments.refunds.queries import remark_for
from app.payments.rules import UNDECIDED, WAITING_FOR_MONEY
from app.payments.states import UNDER_WAY


class Holdings:
    """Bills and what was paid on them: vouchers of public accounts, which nobody may take away."""

    rank = 3
    kinds: Mapping[str, Kind] = {
        "bills": Kind(
            "缴费单和支付记录", "bills and payments", Fate.KEPT, "《会计档案管理办法》第十四条:会计凭证保管三十年"
        ),
    }
    retention: tuple[Retention, ...] = (Retention("bills", 10950, "《会计档案管理办法》第十四条:三十年"),)

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:
        """Bills follow their cases; an order under way is still paid from the app in which it was opened."""
        # Whole rows: of a list of values Tortoise forgets the lock.
        bills = await Bill.filter(resident_id=absorbed).order_by("id").select_for_update()
        await PaymentAttempt.filter(payer_id=absorbed).update(payer_id=survivor)
        return {"bills": await Bill.filter(id__in=[bill.id for bill in bills]).update(resident_id=survivor)}

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:
        bills = await Bill.filter(resident_id=resident_id).order_by("id")
        live = PaymentAttempt.filter(bill_id__in=[bill.id for bill in bills], state__in=UNDECIDED)
        under_way = set(await live.values_list("bill_id", flat=True))
        unpaid = [
            _reason(bill, under_way=bill.id in under_way)
            for bill in bills
            if bill.id in under_way or bill.state in WAITING_FOR_MONEY
        ]
        going_back = Refund.filter(bill_id__in=[bill.id for bill in bills], state__in=UNDER_WAY).order_by("id")
        return [*unpaid, *[_refund_reason(refund) for refund in await going_back]]

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        return {"bills": await Bill.filter(resident_id=resident_id).count()}

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """With every order opened, every refund and every receipt; who paid is left out, it may have been an agent."""
        bills = await Bill.filter(resident_id=resident_id).order_by("id")
        keys = [bill.id for bill in bills]
        attempts = await PaymentAttempt.filter(bill_id__in=keys).order_by("id")
        refunds = await Refund.filter(bill_id__in=keys).order_by("id").prefetch_related("remark_check")
        receipts = await Receipt.filter(bill_id__in=keys).order_by("id")
        return {
            "bills": [
                {
                    **_bill(bill, [one for one in attempts if one.bill_id == bill.id]),
                    "refunds": [_refund(one, resident_id) for one in refunds if one.bill_id == bill.id],
                    "receipts": [_receipt(one) for one in receipts if one.bill_id == bill.id],
                }
                for bill in bills
            ]
        }

    async def purge(self, kind: str, before: datetime) -> int:  # noqa: ARG002 - the archives decide, not we
        return 0


def _reason(bill: Bill, *, under_way: bool) -> Reason:
    if under_way:
        return Reason(
            "PAYMENT_UNDER_WAY",
            f"缴费单{bill.number}正在支付,请等支付结果出来后再注销",
            f"Bill {bill.number} is being paid; please wait for the outcome first.",
            f"bill:{bill.id}",
        )
    return Reason(
        "UNPAID_BILL",
        f"缴费单{bill.number}还没有缴费,请先缴费",
        f"Bill {bill.number} is not paid yet; please pay it first.",
        f"bill:{bill.id}",
    )


def _refund_reason(refund: Refund) -> Reason:
    return Reason(
        "REFUND_UNDER_WAY",
        f"还有一笔{yuan(Fen(refund.amount_fen))}元的退款没有到账,请等退款到账后再注销",
        f"A refund of {yuan(Fen(refund.amount_fen))} yuan is not back yet; please wait until it is.",
        f"refund:{refund.id}",
    )


def _refund(row: Refund, reader: UUID) -> dict[str, object]:
    """Whoever paid for somebody else may have written the remark."""
    return {
        "id": row.id,
        "reason": row.reason,
        "remark": remark_for(Actor(ActorKind.RESIDENT, reader), row, row.remark_check),
        "amount_fen": row.amount_fen,
        "lines": row.lines,
        "state": row.state,
        "answer": row.answer,
        "requested_at": row.requested_at,
        "decided_at": row.decided_at,
        "settled_at": row.settled_at,
    }


def _receipt(row: Receipt) -> dict[str, object]:
    """Its document is fetched with `pdfUrl`; it says no more than the bill does."""
    return {
        "kind": row.kind,
        "code": row.code,
        "number": row.number,
        "check_code": row.check_code,
        "amount_fen": row.amount_fen,
        "state": row.state,
        "issued_at": row.issued_at,
        "voided_at": row.voided_at,
        "red_number": row.red_number,
    }


def _bill(row: Bill, attempts: Sequence[PaymentAttempt]) -> dict[str, object]:
    return {
        "id": row.id,
        "number": row.number,
        "case": row.case_id,
        "description": row.description,
        "lines": row.lines,
        "total_fen": row.total_fen,
        "state": row.state,
        "issued_at": row.issued_at,
        "due_at": row.due_at,
        "paid_at": row.paid_at,
        "payments": [
            {
                "id": attempt.id,
                "channel": attempt.channel,
                "order_no": attempt.order_no,
                "amount_fen": attempt.amount_fen,
                "state": attempt.state,
                "opened_at": attempt.opened_at,
                "paid_at": attempt.paid_at,
            }
            for attempt in attempts
        ],
    }
