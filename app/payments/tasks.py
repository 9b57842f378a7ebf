"""Without this module an approved case would never be billed and a lost notice never be missed."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from app.cases.events import CaseApproved
from app.kernel import db
from app.kernel.callbacks import Handled
from app.kernel.facts.publishing import reacts_to
from app.kernel.inbox.notices import handles
from app.kernel.jobs import job, timetable
from app.payments.events import MoneyTaskOpened, RefundApproved
from app.payments.issuing import issue_bill
from app.payments.ports import NOTICE_TOPIC, REFUND_TOPIC, PaymentTruth, RefundTruth
from app.payments.queries import attempts_to_ask_about, overdue_bills
from app.payments.reconciling.asking import settle_difference
from app.payments.reconciling.commands import reconcile_missed
from app.payments.reconciling.queries import missed_days
from app.payments.refunds.queries import refunds_to_ask_about
from app.payments.refunds.sending import pursue
from app.payments.refunds.settling import settle_refund
from app.payments.settling import ask_about, expire, settle

_TRUTH = TypeAdapter(PaymentTruth)
_REFUND_TRUTH = TypeAdapter(RefundTruth)
_BATCH = 200


@reacts_to(CaseApproved)
async def bill_the_case(fact: CaseApproved) -> None:
    if fact.has_fees:
        await issue_bill(fact.case_id)


@handles(NOTICE_TOPIC)
async def take_notice(content: dict[str, Any]) -> Handled:
    return await settle(_TRUTH.validate_python(content))


@timetable("* * * * *", name="payments.sweep")
async def sweep_open_orders() -> None:
    """Ask about every order that is due to be asked about, each in a job of its own."""
    for attempt_id in await attempts_to_ask_about(_BATCH):
        async with db.transaction():
            await ask_provider.defer(lock=f"payment:{attempt_id}", attempt_id=str(attempt_id))


@job("payments.ask_provider")
async def ask_provider(attempt_id: str) -> None:
    await ask_about(UUID(attempt_id))


@timetable("*/10 * * * *", name="payments.expire_bills")
async def expire_overdue_bills() -> None:
    for bill_id in await overdue_bills(_BATCH):
        await expire(bill_id)


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


@timetable("5,35 2-15 * * *", name="payments.reconcile")
async def reconcile_missed_days() -> None:
    """From five past ten to the evening: every day whose account has not been compared yet, also after an outage."""
    for channel, day in await missed_days():
        async with db.transaction():
            await reconcile_day.defer(lock=f"statement:{channel}", channel=channel, day=day.isoformat())


@job("payments.reconcile_day")
async def reconcile_day(channel: str, day: str) -> None:
    await reconcile_missed(channel, date.fromisoformat(day))


@reacts_to(MoneyTaskOpened)
async def ask_about_difference(fact: MoneyTaskOpened) -> None:
    await settle_difference(fact.task_id)
