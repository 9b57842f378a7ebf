"""Without this module an operator could only look on while money is somewhere else than the bill says."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from app.kernel import audit, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.facts.publishing import publish
from app.kernel.inbox import notices
from app.kernel.inbox.notices import Notice, NoticeState
from app.kernel.money import Fen, yuan
from app.kernel.stuck import Stuck, cut_off
from app.payments.events import RefundRequested
from app.payments.models import Bill, MoneyTask, PaymentAttempt, Refund
from app.payments.ports import PaymentState
from app.payments.queries import locked_bill
from app.payments.refunds.errors import NothingToRefund
from app.payments.refunds.promising import make_refund
from app.payments.refunds.requesting import locked_money, shares_of
from app.payments.refunds.rules import STAFF_REASONS, RefundWish, check_wish
from app.payments.refunds.sending import order_of
from app.payments.refunds.settling import settle_refund
from app.payments.settling import live_channel, settle
from app.payments.states import RefundState
from app.payments.tracing import notices_of
from app.payments.words import RefundReason, TaskState

_FAILED_JOBS = """
    SELECT id, task_name, attempts, args::text AS args FROM procrastinate_jobs
    WHERE status = 'failed' AND (task_name LIKE 'payments.%' OR task_name = 'inbox.process') ORDER BY id LIMIT $1
"""
_TOPICS = ("payments.notice", "payments.refund_notice")


@dataclass(frozen=True)
class Answer:
    """What a provider says of one order or refund, and what came of it."""

    number: str
    said: str
    came_of_it: str


async def requery(bill: Bill) -> list[Answer]:
    """Ask the providers about every order and refund of a bill, closed ones too, and believe what they say.

    Raises `ChannelUnavailable` or `ProviderUnavailable`; what was asked before stays settled.
    """
    answers = []
    for attempt in await PaymentAttempt.filter(bill_id=bill.id).order_by("id"):
        channel = live_channel(attempt.channel)
        if channel.at_window:
            continue
        truth = await channel.ask(attempt.order_no)
        handled = await settle(truth)
        told = "never heard of it" if truth.state is PaymentState.UNKNOWN else truth.state.value
        answers.append(Answer(f"order {attempt.order_no}", told, handled.remark))
        for refund in await Refund.filter(attempt_id=attempt.id).order_by("id"):
            if refund.state is RefundState.REQUESTED:
                continue
            back = await channel.ask_refund(order_of(refund, attempt))
            settled = await settle_refund(back, present=True)
            answers.append(Answer(f"refund {refund.refund_no}", back.state.value, settled.remark))
    return answers


async def replay_all(bill: Bill) -> int:
    """Have every kept notice of a bill that was not handled processed again; gives how many."""
    attempts = await PaymentAttempt.filter(bill_id=bill.id)
    refunds = await Refund.filter(bill_id=bill.id)
    kept = await notices_of(attempts, refunds)
    return sum([await notices.replay(notice.id) for notice in kept])


async def ask_for_refund(bill: Bill, operator: str, fen: int | None, reason: RefundReason, remark: str) -> Refund:
    """Ask for money of a bill back, all that is left when no amount is named; a person of the unit decides.

    Raises `NothingToRefund`, `RefundTooLarge` or `InvalidInput`.
    """
    who = Actor(ActorKind.SYSTEM, name=f"operator {operator}")
    async with db.transaction():
        locked = await locked_bill(bill.id)
        attempt = await locked_money(locked)
        refundable = attempt.amount_fen - attempt.promised_fen
        if refundable == 0:
            raise NothingToRefund
        wish = RefundWish(reason, refundable, refundable if fen is None else fen, remark=remark)
        check_wish(wish, STAFF_REASONS)
        shares = await shares_of(wish, locked, attempt)
        asked = sum(share.amount_fen for share in shares)
        refund = await make_refund(
            attempt,
            asked,
            reason,
            who.reference,
            [asdict(share) for share in shares],
            state=RefundState.REQUESTED,
            remark=remark,
        )
        await publish(RefundRequested(refund.id))
        detail = {"bill": str(bill.id), "fen": asked, "reason": reason.value}
        await audit.record(who, "refund.requested", f"refund:{refund.id}", detail=detail, person=bill.resident_id)
    return refund


async def stuck(limit: int) -> tuple[list[Stuck], bool]:
    """Jobs that were given up, notices nobody could place, and tasks that wait for a person; whether there are more.

    At most `limit` of each, the oldest first.
    """
    failed = await db.rows(_FAILED_JOBS, limit + 1)
    unplaced = await Notice.filter(topic__in=_TOPICS, state=NoticeState.UNMATCHED).order_by("id").limit(limit + 1)
    tasks = await MoneyTask.filter(state=TaskState.OPEN).order_by("id").limit(limit + 1)
    kinds = (
        [Stuck(f"job {row['id']}", row["task_name"], f"{row['attempts']} tries; {row['args']}") for row in failed],
        [Stuck(f"notice {each.id}", each.topic, each.remark) for each in unplaced],
        [Stuck(f"task {each.id}", each.kind.value, _about(each)) for each in tasks],
    )
    return cut_off(kinds, limit)


def _about(task: MoneyTask) -> str:
    sums = {"ours": task.ours_fen, "theirs": task.theirs_fen}
    known = [f"{name} {yuan(Fen(fen))}" for name, fen in sums.items() if fen is not None]
    return ", ".join([task.subject, *known])
