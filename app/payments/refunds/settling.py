"""Without this module money could be back twice in our books, or not at all.

Every word on a refund ends here: answers, queries, notices, the cashier's hand. A notice never undoes what we were
told before; it makes us ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from app.kernel import audit, clock, db
from app.kernel.actor import Actor, ActorKind, provider_actor
from app.kernel.callbacks import Handled
from app.kernel.logging import get_logger
from app.payments import journal, money_tasks
from app.payments.models import Refund
from app.payments.moves import advance, correct
from app.payments.ports import RefundStanding, RefundTruth
from app.payments.refunds.promising import Promise, enter, let_go, promise_again, take_again
from app.payments.refunds.queries import lock_promise
from app.payments.refunds.rules import AT_PROVIDER, MOVES, RefundJudgement, is_correction, judge_refund, next_question
from app.payments.states import AttemptState, RefundState
from app.payments.words import TaskKind

_log = get_logger(__name__)
_GONE = "这笔款项已由支付平台另行退回,请核对收款记录后再申请"


async def settle_refund(truth: RefundTruth, actor: Actor | None = None, *, present: bool = False) -> Handled:
    """Take a channel's verified word on a refund; again and again without harm.

    `present`: it answers a question we have just put. `actor` is the cashier when the money was handed back at a
    window.
    """
    known = await Refund.get_or_none(refund_no=truth.refund_no, attempt__channel=truth.channel)
    if known is None:
        return await _unknown(truth)
    async with db.transaction():
        promise = await lock_promise(known.id)
        refund = promise.refund
        judgement = judge_refund(truth.state, truth.amount_fen, refund.state, refund.amount_fen, present=present)
        judgement = await _carry_out(Word(truth, actor or provider_actor(truth.channel), promise, judgement))
        if present and refund.state not in AT_PROVIDER:
            again = (
                next_question(clock.now(), refund.asked) if await _is_unfinished(promise, truth, judgement) else None
            )
            await Refund.filter(id=refund.id).update(ask_again_at=again)
    return _handled(promise, truth, judgement)


async def _is_unfinished(promise: Promise, truth: RefundTruth, judgement: RefundJudgement) -> bool:
    """Of a refund that we believe to be over: whether the provider has another end for it that we have to learn.

    What we gave up while it was being sent, and the provider took all the same, will end there some day. What it
    carried out after all has no place in our books yet while the money is promised otherwise.
    """
    if promise.refund.state is not RefundState.CLOSED:
        return False
    if judgement is RefundJudgement.IMPOSSIBLE:
        return await _rivals_are_asked_about(promise)
    return truth.state is RefundStanding.PROCESSING


@dataclass(frozen=True)
class Word:
    """What a channel or a cashier said of a locked refund, and what it means."""

    truth: RefundTruth
    who: Actor
    promise: Promise
    judgement: RefundJudgement

    @property
    def reference(self) -> dict[str, object]:
        return {"provider_ref": self.truth.provider_ref} if self.truth.provider_ref else {}

    async def move(self, *told: Any, **changes: object) -> None:
        """Move the refund as the verdict says, by its life or by a correction."""
        move = correct if is_correction(self.promise.refund.state, self.judgement) else advance
        await move(self.promise.refund, MOVES[self.judgement], *told, **changes)

    async def record(self, act: str) -> None:
        promise = self.promise
        detail = {"bill": str(promise.bill.id), "fen": promise.refund.amount_fen}
        person = promise.bill.resident_id
        await audit.record(self.who, f"refund.{act}", f"refund:{promise.refund.id}", detail=detail, person=person)


async def _carry_out(word: Word) -> RefundJudgement:
    """Do what a verdict asks for; gives what it came to."""
    act = _ACTS.get(word.judgement)
    if act is not None:
        await act(word)
    elif word.judgement is RefundJudgement.BACK_AFTER_ALL:
        if not await _made_room(word.promise):
            await _mistrust(word)
            return RefundJudgement.IMPOSSIBLE
        await _give_back(word)
    return word.judgement


def _handled(promise: Promise, truth: RefundTruth, judgement: RefundJudgement) -> Handled:
    if judgement not in {RefundJudgement.WRONG_AMOUNT, RefundJudgement.IMPOSSIBLE}:
        return Handled(remark=judgement.value)
    detail = {"expected_fen": promise.refund.amount_fen, "told_fen": truth.amount_fen, "told": truth.state.value}
    return Handled(matched=False, remark=judgement.value, detail=detail)


async def _take(word: Word) -> None:
    """The channel has it."""
    await word.move(**word.reference)


async def _give_back(word: Word) -> None:
    """The payer has it: the bill or the surplus it came from says so too."""
    promise, at = word.promise, word.truth.refunded_at or clock.now()
    refund = promise.refund
    cashier = word.who.id if word.who.kind is ActorKind.STAFF else None
    await word.move(refund.amount_fen, settled_at=at, ask_again_at=None, handed_back_by_id=cashier, **word.reference)
    await enter(promise, "refunded", journal.refunded(promise.attempt.channel, refund.amount_fen), at=at)
    await _count(promise, refund.amount_fen)
    await money_tasks.settle_by_itself(f"refund:{refund.id}", TaskKind.REFUND_ABNORMAL, TaskKind.REFUND_REFUSED)
    await word.record("settled")


async def _count(promise: Promise, fen: int) -> None:
    bill, attempt = promise.bill, promise.attempt
    if attempt.state is AttemptState.SURPLUS:
        await advance(attempt, "return", fen)
        return
    refunded = bill.refunded_fen + fen
    await advance(bill, "refund_all" if refunded == bill.total_fen else "refund_part", fen, refunded_fen=refunded)


async def _be_stuck(word: Word) -> None:
    """The channel could not bring it to the payer."""
    await word.move(**word.reference)
    await _ask_for_a_person(word.promise, TaskKind.REFUND_ABNORMAL)
    await word.record("abnormal")


async def _bounce(word: Word) -> None:
    """The bank has sent it back: it is owed again, and somebody has to find out where it may go."""
    refund, bill, attempt = word.promise.refund, word.promise.bill, word.promise.attempt
    fen = refund.amount_fen
    await word.move(settled_at=None, ask_again_at=next_question(clock.now(), refund.asked))
    await enter(word.promise, "bounced", journal.bounced(attempt.channel, fen))
    if attempt.state is AttemptState.RETURNED:
        await correct(attempt, "bounce", fen)
    else:
        left = bill.refunded_fen - fen
        await correct(bill, "bounce_part" if left else "bounce_all", fen, refunded_fen=left)
    await _ask_for_a_person(word.promise, TaskKind.REFUND_ABNORMAL)
    await word.record("bounced")


async def _close(word: Word) -> None:
    """The channel gave it up: start it again under a new number, once by itself; after that a person looks first.

    It was once already when it had been given up before, was back after all, and bounced.
    """
    promise = word.promise
    await word.move(ask_again_at=None)
    await let_go(promise)
    await word.record("closed")
    if promise.refund.again_of is None and not await Refund.exists(again_of=promise.refund.id):
        await promise_again(promise)
    else:
        await _ask_for_a_person(promise, TaskKind.REFUND_REFUSED)


async def _ask(word: Word) -> None:
    await Refund.filter(id=word.promise.refund.id).update(ask_again_at=clock.now())


async def _mistrust(word: Word) -> None:
    """Nothing moves; somebody is told."""
    truth = word.truth
    _log.error("refund mistrusted", refund_no=truth.refund_no, judgement=word.judgement.value, told=truth.state.value)
    kind = TaskKind.WRONG_AMOUNT if word.judgement is RefundJudgement.WRONG_AMOUNT else TaskKind.STATE
    await _ask_for_a_person(word.promise, kind, truth)


_ACTS: dict[RefundJudgement, Callable[[Word], Awaitable[None]]] = {
    RefundJudgement.TAKEN: _take,
    RefundJudgement.BACK: _give_back,
    RefundJudgement.STUCK: _be_stuck,
    RefundJudgement.BOUNCED: _bounce,
    RefundJudgement.GIVEN_UP: _close,
    RefundJudgement.DOUBTED: _ask,
    RefundJudgement.WRONG_AMOUNT: _mistrust,
    RefundJudgement.IMPOSSIBLE: _mistrust,
}


async def _made_room(promise: Promise) -> bool:
    """Promise the money of a closed refund again; the one that was to do it again, and is not back, ends instead.

    What the channel already has of that one may reach the payer too, so a person is told. The money is gone, so other
    promises of it that the channel has not got end as well where there is no room, the newest first.
    """
    other = await Refund.get_or_none(again_of=promise.refund.id)
    while other is not None and other.state is RefundState.CLOSED:
        other = await Refund.get_or_none(again_of=other.id)
    if other is not None:
        instead = Promise(promise.bill, promise.attempt, await Refund.select_for_update().get(id=other.id))
        if other.state in AT_PROVIDER:
            await advance(instead.refund, "close", ask_again_at=clock.now())
            await let_go(instead)
        await _ask_for_a_person(instead, TaskKind.STATE)
    for rival in await _unsent_rivals(promise):
        if await take_again(promise):
            return True
        await _end_for_want_of_money(Promise(promise.bill, promise.attempt, rival))
    return await take_again(promise)


async def _unsent_rivals(promise: Promise) -> list[Refund]:
    """Other promises of the same money, locked: first those that wait for a decision, then those not at the channel."""
    unsent = Refund.filter(attempt_id=promise.attempt.id, state__in=[RefundState.REQUESTED, RefundState.APPROVED])
    rivals = await unsent.exclude(id=promise.refund.id).order_by("-id").select_for_update()
    return sorted(rivals, key=lambda rival: rival.state is not RefundState.REQUESTED)


async def _rivals_are_asked_about(promise: Promise) -> bool:
    """Whether the channel holds other promises of the same money; it has to know how they stand before all fits."""
    held = Refund.filter(attempt_id=promise.attempt.id, state__in=[RefundState.PROCESSING, RefundState.ABNORMAL])
    return bool(await held.update(ask_again_at=clock.now()))


async def _end_for_want_of_money(instead: Promise) -> None:
    """The payer reads why; should the channel have got it all the same, it is asked."""
    if instead.refund.state is RefundState.REQUESTED:
        await let_go(instead, entered=False)
        await advance(instead.refund, "decline", decided_at=clock.now(), answer=_GONE)
    else:
        await let_go(instead)
        await advance(instead.refund, "close", ask_again_at=clock.now(), answer=_GONE)
    await _ask_for_a_person(instead, TaskKind.STATE)


async def _ask_for_a_person(promise: Promise, kind: TaskKind, truth: RefundTruth | None = None) -> None:
    await money_tasks.open_anew(
        kind,
        f"refund:{promise.refund.id}",
        promise.attempt.channel,
        unit=promise.bill.collecting_unit,
        ours_fen=promise.refund.amount_fen,
        theirs_fen=truth.amount_fen if truth else None,
        state=promise.refund.state.value,
    )


async def _unknown(truth: RefundTruth) -> Handled:
    """Money that left for a refund we do not know stays for a person; anything else about one is no news."""
    if truth.state is RefundStanding.SUCCEEDED:
        async with db.transaction():
            subject = f"refund:{truth.channel}/{truth.refund_no}"
            await money_tasks.open_task(TaskKind.UNKNOWN_ORDER, subject, truth.channel, theirs_fen=truth.amount_fen)
    return Handled(matched=False, remark="unknown refund")
