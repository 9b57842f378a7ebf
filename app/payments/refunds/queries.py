"""Without this module nobody could see where money on its way back is, nor how much could still go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tortoise.queryset import QuerySet

from app.identity.rules import Role
from app.kernel import audit, clock, ports
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import NotFound
from app.payments.models import Bill, PaymentAttempt, Refund
from app.payments.ports import PaymentChannel
from app.payments.queries import bill_at_work, bill_of, locked_attempt, locked_bill, of_units
from app.payments.refunds.promising import Promise
from app.payments.refunds.rules import LET_GO, left_by_line, paid_by_line, refund_in_words
from app.payments.states import AttemptState, RefundState
from app.payments.words import RefundReason
from app.texts.models import TextCheck
from app.texts.rules import TextStanding, may_read

DECIDERS = (Role.CASHIER, Role.DEPARTMENT_MANAGER)


@dataclass(frozen=True)
class Refundable:
    """What a bill gives back and can still give back, for its debtor or payer and for its unit. Amounts in fen.

    `paid` and `left` are by line; `left_fen` of all of them.
    """

    bill: Bill
    paid: Sequence[int]
    left: Sequence[int]
    left_fen: int
    refunds: Sequence[Refund]


async def bill_to_refund(actor: Actor, bill_id: UUID) -> Bill:
    """A bill whose money the actor may ask about: of their own matters, or one that was paid with their money because
    the bill let them; for a cashier or manager, one of their units. Raises `NotAllowed` or `NotFound`.
    """
    if actor.kind is ActorKind.STAFF:
        actor.staff_id(*DECIDERS)
        return await bill_at_work(actor, bill_id)
    if actor.principal is None:
        theirs = PaymentAttempt.filter(bill_id=bill_id, payer_id=actor.resident_id(), bill__anyone_may_pay=True)
        if await theirs.filter(state=AttemptState.SUCCEEDED).exists():
            return await Bill.get(id=bill_id)
    return await bill_of(bill_id, actor)


async def money_of(bill_id: UUID) -> PaymentAttempt | None:
    """The attempt with which a bill was paid."""
    return await PaymentAttempt.get_or_none(bill_id=bill_id, state=AttemptState.SUCCEEDED)


async def refundable(actor: Actor, bill_id: UUID) -> Refundable:
    """How much of a bill can be given back, and every repayment so far; a look of the staff is audited.

    Raises `NotAllowed` or `NotFound`.
    """
    bill = await bill_to_refund(actor, bill_id)
    if actor.kind is ActorKind.STAFF:
        await audit.record(actor, "refund.seen", f"bill:{bill.id}", person=bill.resident_id)
    attempt = await money_of(bill_id)
    refunds = await Refund.filter(bill_id=bill_id).prefetch_related("attempt", "bill").order_by("requested_at", "id")
    if attempt is None:
        nothing = [0] * len(bill.lines)
        return Refundable(bill, nothing, nothing, 0, refunds)
    left = left_of(bill, refunds)
    return Refundable(bill, paid_by_line(bill.lines), left, attempt.amount_fen - attempt.promised_fen, refunds)


def left_of(bill: Bill, refunds: Sequence[Refund]) -> list[int]:
    """What can still be given back of each line, after refunds that hold money of the bill."""
    return left_by_line(
        bill.lines,
        [one.lines for one in refunds if one.state not in LET_GO and one.reason is not RefundReason.SURPLUS],
    )


def refunds_at_work(actor: Actor) -> QuerySet[Refund]:
    """Refunds of the collecting units a cashier or manager works for. Raises `NotSignedIn` or `NotAllowed`."""
    actor.staff_id(*DECIDERS)
    return Refund.filter(**of_units(actor, "bill__"))


async def refund_at_work(actor: Actor, refund_id: UUID) -> Refund:
    """Raises `NotAllowed`, or `NotFound` alike for none and for another unit's."""
    refund = await refunds_at_work(actor).get_or_none(id=refund_id)
    if refund is None:
        raise NotFound(what_zh="这笔退款", what_en="refund")
    return refund


@dataclass(frozen=True)
class RefundPage:
    refunds: Sequence[Refund]
    has_more: bool


async def refunds_of_units(actor: Actor, state: RefundState, *, limit: int, after: UUID | None) -> RefundPage:
    """Refunds of the actor's units in a state, oldest first. Residents' own words are shown, so each is audited."""
    query = refunds_at_work(actor).filter(state=state)
    if after is not None:
        query = query.filter(id__gt=after)
    found = await query.prefetch_related("attempt", "bill").order_by("id").limit(limit + 1)
    seen = [(f"refund:{one.id}", one.bill.resident_id) for one in found[:limit]]
    await audit.record_each(actor, "refund.listed", [(what, whose) for what, whose in seen if whose is not None])
    return RefundPage(found[:limit], has_more=len(found) > limit)


async def shown(refund: Refund) -> Refund:
    """The refund as it is now, with its bill and payment."""
    return await Refund.get(id=refund.id).prefetch_related("attempt", "bill")


def remark_standing(refund: Refund, known: TextCheck | None) -> TextStanding | None:
    """What is known of a resident's remark; None for none, and for words of the staff."""
    if known is not None:
        return known.standing
    return TextStanding.UNCHECKED if refund.remark and refund.requested_by.startswith("resident:") else None


def remark_for(actor: Actor, refund: Refund, known: TextCheck | None) -> str:
    """The remark as far as the actor may read it: debtor and payer of one bill may be strangers to each other."""
    standing = remark_standing(refund, known)
    is_writer = known.resident_id == actor.id if known is not None else refund.requested_by == actor.reference
    is_staff = actor.kind is ActorKind.STAFF
    return refund.remark if standing is None or may_read(standing, is_writer=is_writer, is_staff=is_staff) else ""


def is_at_window(attempt: PaymentAttempt) -> bool:
    """Whether a cashier hands the money of a payment back."""
    channel = ports.every(PaymentChannel).get(attempt.channel)
    return channel is not None and channel.at_window


def in_words(refund: Refund, attempt: PaymentAttempt) -> tuple[str, str]:
    """How a refund of a payment stands, as people read it."""
    return refund_in_words(refund.state, at_window=is_at_window(attempt), answered=bool(refund.answer))


async def lock_promise(refund_id: UUID) -> Promise:
    """A refund with its bill and payment, locked in the written order."""
    seen = await Refund.get(id=refund_id)
    bill = await locked_bill(seen.bill_id)
    attempt = await locked_attempt(seen.attempt_id)
    return Promise(bill, attempt, await Refund.select_for_update().get(id=refund_id))


async def refunds_to_ask_about(limit: int) -> list[UUID]:
    """Refunds that are due to be sent or asked about."""
    found = await Refund.filter(ask_again_at__lte=clock.now()).order_by("ask_again_at").limit(limit)
    return [refund.id for refund in found]
