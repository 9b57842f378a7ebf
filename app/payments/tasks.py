"""Without this module an approved case would never be billed and a lost notice never be missed."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from app.booking.events import BookingCancelled, BookingHallCancelled, DepositDue, FaultExcused, VisitKept
from app.cases.events import CaseApproved
from app.kernel import db
from app.kernel.callbacks import Handled
from app.kernel.facts.publishing import reacts_to
from app.kernel.inbox.notices import handles
from app.kernel.jobs import Priority, job, timetable
from app.payments.deposits import ask_for_deposit, release_unbilled, see_to_declined, see_to_deposit
from app.payments.events import (
    BillFact,
    BillFullyRefunded,
    BillPaid,
    ClosedRefundSucceeded,
    ExpiredBillPaid,
    MoneyTaskOpened,
    RefundApproved,
    RefundClosed,
    RefundDeclined,
    RefundFact,
)
from app.payments.issuing import issue_bill
from app.payments.ports import NOTICE_TOPIC, REFUND_TOPIC, PaymentTruth, RefundTruth
from app.payments.queries import attempts_to_ask_about, overdue_bills
from app.payments.receipts import issuing as receipts
from app.payments.reconciling.asking import settle_difference
from app.payments.reconciling.commands import reconcile_missed
from app.payments.reconciling.queries import missed_days
from app.payments.refunds.queries import refunds_to_ask_about
from app.payments.refunds.sending import pursue
from app.payments.refunds.settling import settle_refund
from app.payments.reminders import remind
from app.payments.settling import ask_patiently, expire, settle, took_turn

_TRUTH = TypeAdapter(PaymentTruth)
_REFUND_TRUTH = TypeAdapter(RefundTruth)
_BATCH = 200


@reacts_to(CaseApproved)
async def bill_the_case(fact: CaseApproved) -> None:
    if fact.has_fees:
        await issue_bill(fact.case_id)


@reacts_to(DepositDue)
async def bill_the_deposit(fact: DepositDue) -> None:
    await ask_for_deposit(fact.booking_id)


@reacts_to(VisitKept)
async def give_deposit_back(fact: VisitKept) -> None:
    await see_to_deposit(fact.booking_id)


@reacts_to(BookingCancelled)
async def see_to_deposit_of_cancelled(fact: BookingCancelled) -> None:
    await see_to_deposit(fact.booking_id)


@reacts_to(BookingHallCancelled)
async def return_deposit_of_closed_session(fact: BookingHallCancelled) -> None:
    await see_to_deposit(fact.booking_id)


@reacts_to(FaultExcused)
async def return_deposit_of_excused(fact: FaultExcused) -> None:
    await see_to_deposit(fact.booking_id)


@reacts_to(RefundDeclined)
async def return_deposit_of_declined(fact: RefundDeclined) -> None:
    await see_to_declined(fact.refund_id)


@timetable("* * * * *", name="payments.end_deposits")
async def end_forgotten_deposits() -> None:
    """Each deposit has a job of its own for its end; this finds those whose job was lost or never made."""
    await release_unbilled(_BATCH)


@handles(NOTICE_TOPIC)
async def take_notice(content: dict[str, Any]) -> Handled:
    return await settle(_TRUTH.validate_python(content))


@timetable("* * * * *", name="payments.sweep")
async def sweep_open_orders() -> None:
    """Ask about every order that is due to be asked about, each in a job of its own: one for each turn."""
    for attempt_id in await attempts_to_ask_about(_BATCH):
        async with db.transaction():
            if await took_turn(attempt_id):
                await ask_provider.defer(lock=f"payment:{attempt_id}", attempt_id=str(attempt_id))


@job("payments.ask_provider")
async def ask_provider(attempt_id: str) -> None:
    await ask_patiently(UUID(attempt_id))


@timetable("*/10 * * * *", name="payments.expire_bills")
async def expire_overdue_bills() -> None:
    for bill_id in await overdue_bills(_BATCH):
        await expire(bill_id)


@timetable("*/10 * * * *", name="payments.remind")
async def remind_of_bills() -> None:
    await remind()


@reacts_to(RefundApproved)
async def send_refund(fact: RefundApproved) -> None:
    await pursue(fact.refund_id)


@handles(REFUND_TOPIC)
async def take_refund_notice(content: dict[str, Any]) -> Handled:
    return await settle_refund(_REFUND_TRUTH.validate_python(content))


@timetable("* * * * *", name="payments.sweep_refunds")
async def sweep_refunds() -> None:
    """Send, or ask about, every refund whose time has come, each in a job of its own."""
    for refund_id in await refunds_to_ask_about(_BATCH):
        async with db.transaction():
            await pursue_refund.defer(lock=f"refund:{refund_id}", refund_id=str(refund_id))


@job("payments.pursue_refund")
async def pursue_refund(refund_id: str) -> None:
    await pursue(UUID(refund_id))


@timetable("5,35 2-15 * * *", name="payments.reconcile", priority=Priority.PATIENT)
async def reconcile_missed_days() -> None:
    """From five past ten to the evening: every day whose account has not been compared yet, also after an outage."""
    for channel, day in await missed_days():
        async with db.transaction():
            await reconcile_day.defer(lock=f"statement:{channel}", channel=channel, day=day.isoformat())


@job("payments.reconcile_day", priority=Priority.PATIENT)
async def reconcile_day(channel: str, day: str) -> None:
    await reconcile_missed(channel, date.fromisoformat(day))


@reacts_to(MoneyTaskOpened, priority=Priority.PATIENT)
async def ask_about_difference(fact: MoneyTaskOpened) -> None:
    await settle_difference(fact.task_id)


async def see_to_receipt_of_bill(fact: BillFact) -> None:
    """Paid, a bill gets a receipt; refunded, it loses the one it had."""
    await receipts.pursue(fact.bill_id)


async def see_to_receipt_of_refund(fact: RefundFact) -> None:
    """What is agreed to go back comes off the receipt, what is given up comes back onto it."""
    await receipts.pursue_for_refund(fact.refund_id)


for told_of_bill in (BillPaid, ExpiredBillPaid, BillFullyRefunded):
    reacts_to(told_of_bill, priority=Priority.PATIENT)(see_to_receipt_of_bill)
for told_of_refund in (RefundApproved, RefundClosed, ClosedRefundSucceeded):
    reacts_to(told_of_refund, priority=Priority.PATIENT)(see_to_receipt_of_refund)
