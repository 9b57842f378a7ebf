"""Without this module money the account tells of would wait for a person, although the provider knows the answer.

Only a difference of state settles so: the sums agree, and what the provider answers now is the truth. No transaction
is open while it is asked.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from app.kernel import clock, db
from app.payments.errors import ChannelUnavailable
from app.payments.models import MoneyTask, PaymentAttempt, Refund, StatementLine
from app.payments.ports import PaymentState, RefundStanding
from app.payments.queries import attempt_by_order
from app.payments.reconciling.rules import agree
from app.payments.reconciling.statements import locked_statement, tell_state
from app.payments.refunds.sending import order_of
from app.payments.refunds.settling import settle_refund
from app.payments.settling import live_channel, settle
from app.payments.states import AttemptState, RefundState
from app.payments.words import TaskKind, TaskState

HAS_MONEY = frozenset({AttemptState.SUCCEEDED, AttemptState.SURPLUS, AttemptState.RETURNED})


async def to_ask_about(channel: str, day: date) -> list[UUID]:
    """Differences of state of a day that the provider can settle."""
    found = MoneyTask.filter(channel=channel, day=day, kind=TaskKind.STATE, state=TaskState.OPEN)
    return [task.id for task in await found.order_by("id").only("id")]


async def settle_difference(task_id: UUID) -> None:
    """Ask the provider about a payment or refund whose state differs, and close the task when we are as it says.

    Raises `ProviderUnavailable`; the task is then as open as before.
    """
    task = await MoneyTask.get(id=task_id)
    if task.kind is not TaskKind.STATE or task.day is None or task.state is not TaskState.OPEN:
        return
    attempt = await attempt_by_order(task.channel, task.detail["order_no"])
    if attempt is None:
        return
    refund_no = task.detail["refund_no"]
    try:
        theirs, ours = await (_ask_refund(attempt, refund_no) if refund_no else _ask_payment(attempt))
    except ChannelUnavailable:  # switched off meanwhile: there is nobody to ask
        return
    line = await StatementLine.get(
        statement__channel=task.channel, statement__day=task.day, order_no=attempt.order_no, refund_no=refund_no
    )
    if agree(account=line.settled, provider=theirs, ours=ours):
        await _close(task)


async def _ask_payment(attempt: PaymentAttempt) -> tuple[bool, bool]:
    """Whether the money moved: as the provider says now, and in our books after that."""
    truth = await live_channel(attempt.channel).ask(attempt.order_no)
    await settle(truth)
    now = await PaymentAttempt.get(id=attempt.id)
    return truth.state is PaymentState.PAID, now.state in HAS_MONEY


async def _ask_refund(attempt: PaymentAttempt, refund_no: str) -> tuple[bool, bool]:
    refund = await Refund.get(attempt_id=attempt.id, refund_no=refund_no)
    truth = await live_channel(attempt.channel).ask_refund(order_of(refund, attempt))
    await settle_refund(truth, present=True)
    now = await Refund.get(id=refund.id)
    return truth.state is RefundStanding.SUCCEEDED, now.state is RefundState.SUCCEEDED


async def _close(task: MoneyTask) -> None:
    assert task.day is not None
    async with db.transaction():
        statement = await locked_statement(task.channel, task.day)
        still_open = MoneyTask.filter(id=task.id, state=TaskState.OPEN)
        await still_open.update(state=TaskState.SETTLED, closed_at=clock.now())
        await tell_state(statement)
