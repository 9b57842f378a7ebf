"""Without this module "I paid but it does not know" would be an afternoon in five tables.

Everything that is known of one payment, in the order in which it happened: the bill, its orders, what providers told
of them, what went back, the ledger, the audit and open tasks. An operator may start from any of its numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.kernel import db
from app.kernel.audit import AuditLine
from app.kernel.inbox.notices import Notice
from app.kernel.money import Fen, yuan
from app.payments.models import Bill, LedgerEntry, MoneyTask, PaymentAttempt, Receipt, Refund

_BILL_OF = """
    SELECT id FROM bill WHERE number = $1 OR id::text = $1
    UNION SELECT bill_id FROM payment_attempt WHERE order_no = $1 OR provider_ref = $1 OR id::text = $1
    UNION SELECT bill_id FROM refund WHERE refund_no = $1 OR provider_ref = $1 OR id::text = $1
    LIMIT 2
"""
_NOTICES_OF = """
    SELECT id FROM inbox_notice
    WHERE content->>'order_no' = ANY($1::text[]) OR content->>'refund_no' = ANY($2::text[])
"""


_TASKS_OF = "SELECT id FROM money_task WHERE subject = ANY($1::text[]) OR detail->>'order_no' = ANY($2::text[])"


@dataclass(frozen=True)
class Step:
    """One thing that happened: when, what, about which id, and under which request or notice it can be looked up."""

    at: datetime
    what: str
    about: str
    detail: str


@dataclass(frozen=True)
class Trace:
    """What belongs to one bill."""

    bill: Bill
    attempts: Sequence[PaymentAttempt]
    refunds: Sequence[Refund]
    notices: Sequence[Notice]
    receipts: Sequence[Receipt]
    tasks: Sequence[MoneyTask]
    entries: Sequence[LedgerEntry]
    audit: Sequence[AuditLine]

    def steps(self) -> list[Step]:
        """In the order of time."""
        return sorted(self._steps(), key=lambda step: step.at)

    def _steps(self) -> Iterator[Step]:
        for notice in self.notices:
            told = f"{notice.topic} {notice.state}, {notice.deliveries} times; {notice.remark}"
            yield Step(notice.received_at, "notice", f"notice:{notice.id}", told)
        for entry in self.entries:
            where = " ".join(filter(None, (entry.account.value, entry.channel, entry.unit)))
            yield Step(entry.at, "ledger", entry.journal, f"{where} {yuan(Fen(entry.amount_fen))}")
        for line in self.audit:
            said = f"{line.result} by {line.actor}" + (f", request {line.request_id}" if line.request_id else "")
            said += "".join(f"; {name} {value}" for name, value in (line.detail or {}).items())
            yield Step(line.at, line.act, line.subject, said)
        for task in self.tasks:
            yield Step(task.opened_at, "task", f"task:{task.id}", f"{task.kind} {task.state}; {task.resolution}")


async def find_bill(number: str) -> Bill | None:
    """The bill of a payment code, order number, refund number, provider's number or id; None when there is none."""
    found = await db.rows(_BILL_OF, number.strip())
    return await Bill.get(id=found[0]["id"]) if found else None


async def trace(bill: Bill) -> Trace:
    attempts = await PaymentAttempt.filter(bill_id=bill.id).order_by("id")
    refunds = await Refund.filter(bill_id=bill.id).order_by("id")
    receipts = await Receipt.filter(bill_id=bill.id).order_by("id")
    subjects = [
        f"bill:{bill.id}",
        *(f"payment:{attempt.id}" for attempt in attempts),
        *(f"refund:{refund.id}" for refund in refunds),
        *(f"receipt:{receipt.id}" for receipt in receipts),
    ]
    tasks = await _tasks_of(subjects, attempts)
    subjects += [f"money_task:{task.id}" for task in tasks]
    return Trace(
        bill,
        attempts,
        refunds,
        await notices_of(attempts, refunds),
        receipts,
        tasks,
        await LedgerEntry.filter(bill_id=bill.id).order_by("id"),
        await AuditLine.filter(subject__in=subjects).order_by("id"),
    )


async def _tasks_of(subjects: Sequence[str], attempts: Sequence[PaymentAttempt]) -> list[MoneyTask]:
    """Also differences of a day, which are about a line of an account."""
    found = await db.rows(_TASKS_OF, list(subjects), [attempt.order_no for attempt in attempts])
    return await MoneyTask.filter(id__in=[row["id"] for row in found]).order_by("id")


async def notices_of(attempts: Sequence[PaymentAttempt], refunds: Sequence[Refund]) -> list[Notice]:
    """What providers told of these orders and refunds, as it was kept."""
    found = await db.rows(
        _NOTICES_OF, [attempt.order_no for attempt in attempts], [refund.refund_no for refund in refunds]
    )
    ids: list[UUID] = [row["id"] for row in found]
    return await Notice.filter(id__in=ids).order_by("received_at")
