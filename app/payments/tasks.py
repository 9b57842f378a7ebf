"""Without this module an approved case would never be billed and a lost notice never be missed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from app.cases.events import CaseApproved
from app.kernel import db
from app.kernel.callbacks import Handled
from app.kernel.facts.publishing import reacts_to
from app.kernel.inbox.notices import handles
from app.kernel.jobs import job, timetable
from app.payments.issuing import issue_bill
from app.payments.ports import NOTICE_TOPIC, PaymentTruth
from app.payments.queries import attempts_to_ask_about, overdue_bills
from app.payments.settling import ask_about, expire, settle

_TRUTH = TypeAdapter(PaymentTruth)
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
