"""Without this module money of another sum, or from somebody else than agreed, would hold its bill for ever."""

from __future__ import annotations

from uuid import UUID

from app.identity.rules import Role
from app.kernel import audit, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.facts.publishing import publish
from app.payments.events import RefundRequested
from app.payments.models import Bill, MoneyTask, PaymentAttempt, Refund
from app.payments.moves import correct
from app.payments.ports import PaymentTruth
from app.payments.queries import locked_attempt, locked_bill
from app.payments.reconciling.closing import finish, task_at_work
from app.payments.refunds.errors import NothingToReturn
from app.payments.refunds.promising import make_refund
from app.payments.rules import UNDECIDED
from app.payments.settling import enter_surplus, live_channel, paid_as, settle
from app.payments.states import AttemptState, RefundState
from app.payments.words import RefundReason, TaskKind, TaskState

MISTRUSTED = frozenset({TaskKind.WRONG_AMOUNT, TaskKind.WRONG_PAYER})
_NOT_OURS = frozenset({AttemptState.SURPLUS, AttemptState.RETURNED})


async def return_what_came(actor: Actor, task_id: UUID) -> Refund:
    """A cashier has money sent back that an order brought although it is not what was agreed on. The provider is asked
    first: what it says now came, is what goes back, once a second person agrees. The bill can be paid anew at once.
    Again gives the same refund, or another one after it was declined.

    Raises `NotAllowed`, `NotFound` (no such task, or another unit's), `NothingToReturn`, `IllegalMove` when the order
    counts as paid, `ChannelUnavailable` or `ProviderUnavailable`.
    """
    actor.staff_id(Role.CASHIER)
    task = await task_at_work(actor, task_id)
    if task.kind not in MISTRUSTED:
        raise NotFound(what_zh="这项待处理事项", what_en="task")
    seen = await PaymentAttempt.get(id=task.subject.removeprefix("payment:"))
    truth = None if seen.state in _NOT_OURS else await _insisted_on(seen)
    async with db.transaction():
        bill, attempt = await locked_bill(seen.bill_id), await locked_attempt(seen.id)
        if attempt.state not in _NOT_OURS:
            if truth is None:
                raise NothingToReturn
            await _disown(actor, attempt, bill, truth)
        refund = await _earlier(attempt) or await _ask_back(actor, attempt, bill)
        await _see_to(task_id, actor)
    return refund


async def _insisted_on(attempt: PaymentAttempt) -> PaymentTruth | None:
    """The provider's present word, when it is still one that we cannot settle by."""
    truth = await live_channel(attempt.channel).ask(attempt.order_no)
    handled = await settle(truth, present=True)
    if handled.remark not in MISTRUSTED or not truth.amount_fen or truth.currency != "CNY":
        return None
    return truth


async def _disown(actor: Actor, attempt: PaymentAttempt, bill: Bill, truth: PaymentTruth) -> None:
    """The order is over; the money is nobody's, in the sum in which it came."""
    was_live, agreed, came = attempt.state in UNDECIDED, attempt.amount_fen, truth.amount_fen
    await correct(attempt, "disown", came, amount_fen=came, **paid_as(truth))
    await enter_surplus(attempt, bill, was_live=was_live)
    detail = {"agreed_fen": agreed, "came_fen": came}
    await audit.record(actor, "payment.disowned", f"payment:{attempt.id}", detail=detail, person=bill.resident_id)


async def _earlier(attempt: PaymentAttempt) -> Refund | None:
    held = Refund.filter(attempt_id=attempt.id).exclude(state__in=[RefundState.DECLINED, RefundState.CLOSED])
    return await held.order_by("-id").first()


async def _ask_back(actor: Actor, attempt: PaymentAttempt, bill: Bill) -> Refund:
    fen = attempt.amount_fen
    refund = await make_refund(attempt, fen, RefundReason.SURPLUS, actor.reference, (), state=RefundState.REQUESTED)
    await publish(RefundRequested(refund.id))
    detail = {"bill": str(bill.id), "fen": fen, "reason": RefundReason.SURPLUS.value}
    await audit.record(actor, "refund.requested", f"refund:{refund.id}", detail=detail, person=bill.resident_id)
    return refund


async def _see_to(task_id: UUID, actor: Actor) -> None:
    task = await MoneyTask.select_for_update().get(id=task_id)
    if task.state is TaskState.OPEN:
        await finish(task, actor, "已申请原路退回")
