from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.payments.ports import RefundStanding
from app.payments.refunds.errors import RefundTooLarge
from app.payments.refunds.rules import (
    MOVES,
    RefundJudgement,
    RefundWish,
    is_correction,
    judge_refund,
    left_by_line,
    may_go_alone,
    next_question,
    refund_in_words,
    share_out,
)
from app.payments.states import REFUND_CORRECTIONS, REFUND_LIFE, RefundState
from app.payments.words import RefundReason
from tests.payments.refunds.stage import line

R, S, J = RefundState, RefundStanding, RefundJudgement
NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize("standing", S)
@pytest.mark.parametrize("state", R)
def test_every_verdict_on_a_refund_can_be_carried_out(
    state: RefundState, standing: RefundStanding, present: bool
) -> None:
    verdict = judge_refund(standing, 100, state, 100, present=present)
    if verdict in MOVES:
        graph = REFUND_CORRECTIONS if is_correction(state, verdict) else REFUND_LIFE
        assert graph.may(state, MOVES[verdict])


@pytest.mark.parametrize("standing", S)
@pytest.mark.parametrize("state", [R.ABNORMAL, R.SUCCEEDED, R.CLOSED])
def test_a_notice_never_undoes_what_we_were_told_before(state: RefundState, standing: RefundStanding) -> None:
    """It may have been on its way for a day."""
    assert judge_refund(standing, 100, state, 100, present=False) not in MOVES


def test_corrections_follow_an_answer_only() -> None:
    def answered(standing: RefundStanding, state: RefundState) -> RefundJudgement:
        return judge_refund(standing, 100, state, 100, present=True)

    assert answered(S.ABNORMAL, R.SUCCEEDED) is J.BOUNCED
    assert answered(S.SUCCEEDED, R.CLOSED) is J.BACK_AFTER_ALL
    assert answered(S.SUCCEEDED, R.ABNORMAL) is J.BACK
    assert [answered(S.CLOSED, state) for state in (R.SUCCEEDED, R.ABNORMAL)] == [J.BOUNCED, J.GIVEN_UP]
    assert answered(S.SUCCEEDED, R.REQUESTED) is J.IMPOSSIBLE
    assert answered(S.PROCESSING, R.SUCCEEDED) is J.NOTHING


@pytest.mark.parametrize("standing", S)
@pytest.mark.parametrize("fen", [0, 99, 101])
def test_another_amount_is_never_believed(standing: RefundStanding, fen: int) -> None:
    assert judge_refund(standing, fen, R.PROCESSING, 100, present=True) is J.WRONG_AMOUNT


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=5), st.data())
def test_shares_add_up_to_the_amount_and_never_exceed_a_line(lefts: list[int], data: st.DataObject) -> None:
    fen = data.draw(st.integers(1, sum(lefts)))
    shares = share_out(RefundWish(RefundReason.OTHER, 0, fen), lefts, ["项目"] * len(lefts))
    assert sum(share.amount_fen for share in shares) == fen
    assert all(0 < share.amount_fen <= lefts[share.line] for share in shares)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=5))
def test_a_fen_more_than_there_is_is_refused(lefts: list[int]) -> None:
    with pytest.raises(RefundTooLarge):
        share_out(RefundWish(RefundReason.OTHER, 0, sum(lefts) + 1), lefts, ["项目"] * len(lefts))


def test_what_is_left_of_a_line_is_what_was_paid_less_what_is_promised() -> None:
    lines = [{**line(1000), "quantity": 3, "exempt_fen": 500}, line(70)]
    assert left_by_line(lines, []) == [2500, 70]
    assert left_by_line(lines, [[{"line": 0, "amount_fen": 2000}], [{"line": 1, "amount_fen": 70}]]) == [500, 0]


def test_the_limit_counts_what_went_before() -> None:
    assert may_go_alone(0, 50000, 50000)
    assert not may_go_alone(1, 50000, 50000)
    assert not may_go_alone(0, 1, 0)


def test_questions_come_after_1_5_15_and_60_minutes_then_hourly_for_a_day_then_daily() -> None:
    waits = [next_question(NOW, asked) - NOW for asked in range(30)]
    assert waits[:4] == [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60)]
    assert set(waits[4:26]) == {timedelta(hours=1)}
    assert set(waits[26:]) == {timedelta(days=1)}
    assert timedelta(hours=23) < sum(waits[:26], timedelta()) < timedelta(hours=24)


def test_money_of_a_window_is_collected_there() -> None:
    assert refund_in_words(R.APPROVED, at_window=True, answered=False)[0] == "退款已同意,请到缴费窗口领取"
    assert refund_in_words(R.APPROVED, at_window=False, answered=False)[0] == "退款已同意,等待支付平台受理"
    assert refund_in_words(R.CLOSED, at_window=False, answered=False)[0] == "退款未成功,将重新发起"
    assert refund_in_words(R.CLOSED, at_window=False, answered=True)[0] == "退款没有进行,原因见说明"
