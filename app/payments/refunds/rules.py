"""Without this module more could go back than came in, one pair of eyes could send it, an old word undo a new one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.kernel.errors import InvalidInput
from app.payments.ports import RefundStanding
from app.payments.refunds.errors import RefundTooLarge
from app.payments.rules import MOST_FEN
from app.payments.states import REFUND_CORRECTIONS, REFUND_LIFE, REFUND_WORDS, RefundState
from app.payments.words import RefundReason

LONGEST_REMARK = 80

RESIDENTS_REASONS = frozenset(
    {RefundReason.WITHDRAWN, RefundReason.PAID_TWICE, RefundReason.CHARGED_WRONGLY, RefundReason.EXEMPTED}
)
STAFF_REASONS = frozenset(RefundReason) - {RefundReason.SURPLUS}
"""Surplus money goes back with nobody asking."""

AT_PROVIDER = frozenset({RefundState.APPROVED, RefundState.PROCESSING, RefundState.ABNORMAL})
LET_GO = frozenset({RefundState.DECLINED, RefundState.CLOSED})
"""Refunds that no longer hold any of the money."""

QUESTION_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
HOURLY_UNTIL = len(QUESTION_WAITS) + 22
"""Questions of the first day; a refund to a bank card may take three working days."""

LATER_UNTIL = len(QUESTION_WAITS)
"""How often a platform may say "later" before a person is told: the merchant's balance fills up by itself, or not."""


@dataclass(frozen=True)
class Share:
    """What of a repayment belongs to one line of the bill, by its place."""

    line: int
    amount_fen: int


@dataclass(frozen=True)
class RefundWish:
    """What somebody asks back: shares of lines, or an amount that is taken from the lines in their order.

    `believed_refundable_fen` is what they believe can be given back of the whole bill. Amounts in fen.
    """

    reason: RefundReason
    believed_refundable_fen: int
    amount_fen: int | None = None
    shares: tuple[Share, ...] = ()
    remark: str = ""


def check_wish(wish: RefundWish, reasons: frozenset[RefundReason]) -> None:
    """Raises `InvalidInput` for what could be asked of no bill at all."""
    if wish.reason not in reasons:
        raise _wrong("reason", "这个退款原因不适用,请选择其他原因", "this reason does not apply; choose another")
    if len(wish.remark) > LONGEST_REMARK:
        raise _wrong("remark", f"说明不超过{LONGEST_REMARK}字", f"a remark has at most {LONGEST_REMARK} characters")
    if not wish.shares and wish.amount_fen is None:
        raise _wrong("amountFen", "请填写退款金额,或逐项填写", "say how much, or how much of each line")
    if len({share.line for share in wish.shares}) != len(wish.shares):
        raise _wrong("lines", "同一收费项目只能填写一次", "name each line once")
    amounts = [share.amount_fen for share in wish.shares]
    if wish.amount_fen is not None:
        amounts.append(wish.amount_fen)
    if not all(0 < amount <= MOST_FEN for amount in amounts):
        raise _wrong("amountFen", "退款金额须大于0且不超过100万元", "a refund is over 0.01 to 1,000,000 yuan")
    if wish.shares and wish.amount_fen not in {None, sum(share.amount_fen for share in wish.shares)}:
        raise _wrong("amountFen", "各项金额之和与退款金额不符", "the lines do not add up to the amount")


def _wrong(field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(field=field, reason_zh=zh, reason_en=en)


def paid_by_line(lines: Sequence[Mapping[str, Any]]) -> list[int]:
    """What of a paid bill belongs to each of its lines."""
    return [line["amount_fen"] * line["quantity"] - line.get("exempt_fen", 0) for line in lines]


def left_by_line(lines: Sequence[Mapping[str, Any]], promised: Iterable[Sequence[Mapping[str, int]]]) -> list[int]:
    """What can still be given back of each line, after the shares of the repayments that hold money."""
    left = paid_by_line(lines)
    for shares in promised:
        for share in shares:
            left[share["line"]] = max(0, left[share["line"]] - share["amount_fen"])
    return left


def share_out(wish: RefundWish, left: Sequence[int], names: Sequence[str]) -> list[Share]:
    """Which lines give how much. Raises `RefundTooLarge` or `InvalidInput`."""
    if not wish.shares:
        assert wish.amount_fen is not None
        return _from_the_first(wish.amount_fen, left, names)
    for place, share in enumerate(wish.shares):
        if not 0 <= share.line < len(left):
            raise _wrong(f"lines.{place}.line", "没有这个收费项目", "the bill has no such line")
        if share.amount_fen > left[share.line]:
            raise RefundTooLarge.of(names[share.line], left[share.line], f"lines.{place}.amountFen")
    return list(wish.shares)


def _from_the_first(amount_fen: int, left: Sequence[int], names: Sequence[str]) -> list[Share]:
    if amount_fen > sum(left):
        raise RefundTooLarge.of("、".join(names), sum(left), "amountFen")
    shares = []
    for line, most in enumerate(left):
        taken = min(most, amount_fen)
        amount_fen -= taken
        if taken:
            shares.append(Share(line, taken))
    return shares


def may_go_alone(promised_fen: int, amount_fen: int, alone_fen: int) -> bool:
    """Whether a cashier needs nobody else. What has been promised of the same money before counts, so that nobody
    sends a large sum back in small pieces.
    """
    return promised_fen + amount_fen <= alone_fen


def next_question(now: datetime, asked: int) -> datetime:
    """When to ask again after so many questions: after 1, 5, 15 and 60 minutes, then hourly for a day, then daily."""
    if asked < len(QUESTION_WAITS):
        return now + QUESTION_WAITS[asked]
    return now + (timedelta(hours=1) if asked < HOURLY_UNTIL else timedelta(days=1))


class RefundJudgement(StrEnum):
    """What a provider's word on a refund means for us."""

    TAKEN = "TAKEN"
    """The provider has it."""

    BACK = "BACK"
    BACK_AFTER_ALL = "BACK_AFTER_ALL"
    """Correction: what the provider had given up."""

    STUCK = "STUCK"
    BOUNCED = "BOUNCED"
    """Correction: what was said to be back."""

    GIVEN_UP = "GIVEN_UP"
    REPEATED = "REPEATED"
    DOUBTED = "DOUBTED"
    """It contradicts what we were told before, and it may be the older word: ask before believing it."""

    IMPOSSIBLE = "IMPOSSIBLE"
    """Of a refund that was never sent, or of one that cannot end so: a person has to look."""

    NOTHING = "NOTHING"
    WRONG_AMOUNT = "WRONG_AMOUNT"


_R, _S, _J = RefundState, RefundStanding, RefundJudgement
_VERDICTS: dict[RefundStanding, dict[RefundState, RefundJudgement]] = {
    _S.UNKNOWN: {},
    _S.PROCESSING: {_R.APPROVED: _J.TAKEN},
    _S.SUCCEEDED: {
        _R.APPROVED: _J.BACK,
        _R.PROCESSING: _J.BACK,
        _R.ABNORMAL: _J.BACK,
        _R.SUCCEEDED: _J.REPEATED,
        _R.CLOSED: _J.BACK_AFTER_ALL,
    },
    _S.ABNORMAL: {
        _R.APPROVED: _J.STUCK,
        _R.PROCESSING: _J.STUCK,
        _R.ABNORMAL: _J.REPEATED,
        _R.SUCCEEDED: _J.BOUNCED,
    },
    _S.CLOSED: {
        _R.APPROVED: _J.GIVEN_UP,
        _R.PROCESSING: _J.GIVEN_UP,
        _R.ABNORMAL: _J.GIVEN_UP,
        _R.CLOSED: _J.REPEATED,
        _R.SUCCEEDED: _J.BOUNCED,  # nobody told us; given up only when the next answer says so again
    },
}
_SPOKEN_BEFORE = frozenset({_R.ABNORMAL, _R.SUCCEEDED, _R.CLOSED})
"""States into which only a provider's word brings a refund."""

MOVES: dict[RefundJudgement, str] = {
    _J.TAKEN: "send",
    _J.BACK: "succeed",
    _J.BACK_AFTER_ALL: "succeed",
    _J.STUCK: "fail",
    _J.BOUNCED: "bounce",
    _J.GIVEN_UP: "close",
}


def judge_refund(
    standing: RefundStanding, told_fen: int | None, state: RefundState, amount_fen: int, *, present: bool
) -> RefundJudgement:
    """Weigh a verified word on a refund. `present` says that it answers a question of ours; a notice may have been
    on its way for a day, so it never undoes what we were told before.
    """
    if told_fen not in {None, amount_fen}:
        return _J.WRONG_AMOUNT
    if standing in {_S.SUCCEEDED, _S.CLOSED, _S.ABNORMAL} and state in {_R.REQUESTED, _R.DECLINED}:
        return _J.IMPOSSIBLE
    verdict = _VERDICTS[standing].get(state, _J.NOTHING)
    contradicts = state in _SPOKEN_BEFORE and verdict not in {_J.NOTHING, _J.REPEATED}
    return _J.DOUBTED if contradicts and not present else verdict


def is_correction(state: RefundState, judgement: RefundJudgement) -> bool:
    """Whether a verdict moves a refund along a correction and not along its life."""
    verb = MOVES[judgement]
    return not REFUND_LIFE.may(state, verb) and REFUND_CORRECTIONS.may(state, verb)


_COLLECT = ("退款已同意,请到缴费窗口领取", "Agreed: collect the money at the window where you paid")
_ENDED = ("退款没有进行,原因见说明", "The refund was not carried out; see why")


def refund_in_words(state: RefundState, *, at_window: bool, answered: bool) -> tuple[str, str]:
    """How a refund stands, as people read it: money taken at a window is collected there, and what a person gave up,
    with an answer, is not started again.
    """
    if state is RefundState.CLOSED and answered:
        return _ENDED
    if at_window and state in {RefundState.APPROVED, RefundState.PROCESSING}:
        return _COLLECT
    return REFUND_WORDS[state]
