"""Without this module neither the resident nor the sweep could see what is open."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.payments.models import Bill, PaymentAttempt
from app.payments.rules import UNDECIDED, WAITING_FOR_MONEY


def _not_found() -> NotFound:
    return NotFound(what_zh="这张缴费单", what_en="bill")


async def bill_of(bill_id: UUID, actor: Actor) -> Bill:
    """A bill of the actor's matters. Raises `NotFound` alike for none and for somebody else's."""
    bill = await Bill.filter(**actor.matters()).get_or_none(id=bill_id)
    if bill is None:
        raise _not_found()
    return bill


async def payable_bill(bill_id: UUID, actor: Actor) -> Bill:
    """A bill the actor may pay: of their own matters, or one that says that anybody may. Raises `NotFound`."""
    bill = await Bill.get_or_none(id=bill_id, anyone_may_pay=True)
    bill = bill or await Bill.filter(**actor.matters()).get_or_none(id=bill_id)
    if bill is None:
        raise _not_found()
    return bill


async def locked_bill(bill_id: UUID) -> Bill:
    """The row, locked for this transaction. Raises `NotFound`."""
    bill = await Bill.filter(id=bill_id).select_for_update().first()
    if bill is None:
        raise _not_found()
    return bill


async def locked_attempt(attempt_id: UUID) -> PaymentAttempt:
    return await PaymentAttempt.select_for_update().get(id=attempt_id)


async def attempt_by_order(channel: str, order_no: str) -> PaymentAttempt | None:
    return await PaymentAttempt.get_or_none(channel=channel, order_no=order_no)


async def live_attempt(bill_id: UUID) -> PaymentAttempt | None:
    """The attempt that may still be paid."""
    return await PaymentAttempt.get_or_none(bill_id=bill_id, state__in=UNDECIDED)


async def bills_of_cases(case_ids: Sequence[UUID]) -> list[Bill | None]:
    """In key order."""
    found = {bill.case_id: bill for bill in await Bill.filter(case_id__in=list(case_ids))}
    return [found.get(key) for key in case_ids]


async def attempts_to_ask_about(limit: int) -> list[UUID]:
    """Orders the provider has not told us about for a while."""
    found = (
        await PaymentAttempt.filter(state__in=UNDECIDED, ask_again_at__lte=clock.now())
        .order_by("ask_again_at")
        .limit(limit)
    )
    return [attempt.id for attempt in found]


async def overdue_bills(limit: int) -> list[UUID]:
    """Unpaid bills past their due date."""
    found = await Bill.filter(state__in=WAITING_FOR_MONEY, due_at__lte=clock.now()).order_by("due_at").limit(limit)
    return [bill.id for bill in found]
