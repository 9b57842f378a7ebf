from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from app.payments.ports import PaymentState, PaymentTruth
from app.payments.rules import Expected, Judgement, judge, late_fine, make_bill_number, next_sweep
from app.payments.states import AttemptState, BillState

PAID = PaymentTruth("wechat", "A1", PaymentState.PAID, 4000, "CNY", "420000", "oPAYER")
WAITING = Expected(4000, "oPAYER", AttemptState.OPEN, BillState.PAYING, 4000, wanted=True)


@pytest.mark.parametrize(
    ("truth", "expected", "judgement"),
    [
        (PAID, WAITING, Judgement.SETTLE),
        (PAID, replace(WAITING, attempt=AttemptState.PREPARING), Judgement.SETTLE),
        (PAID, replace(WAITING, bill=BillState.CREATED), Judgement.SETTLE),
        (PAID, replace(WAITING, attempt=AttemptState.SUCCEEDED, bill=BillState.PAID), Judgement.REPEATED),
        (PAID, replace(WAITING, attempt=AttemptState.SURPLUS), Judgement.REPEATED),
        (PAID, replace(WAITING, bill=BillState.PAID), Judgement.SURPLUS),
        (PAID, replace(WAITING, wanted=False), Judgement.SURPLUS),
        (PAID, replace(WAITING, bill=BillState.EXPIRED, wanted=False), Judgement.SURPLUS),
        (PAID, replace(WAITING, bill=BillState.EXPIRED), Judgement.RESTORE),
        (PAID, replace(WAITING, attempt=AttemptState.CLOSED), Judgement.RESTORE),
        (PAID, replace(WAITING, owed_fen=3000), Judgement.SURPLUS),
        (PAID, replace(WAITING, attempt=AttemptState.CLOSED, owed_fen=5000), Judgement.SURPLUS),
        (PAID, replace(WAITING, attempt=AttemptState.CLOSED, bill=BillState.PAID), Judgement.SURPLUS),
        (PAID, replace(WAITING, attempt=AttemptState.RETURNED, bill=BillState.PAID), Judgement.REPEATED),
        (PAID, replace(WAITING, bill=BillState.CANCELLED), Judgement.SURPLUS),
        (replace(PAID, payer_other_id="2088"), WAITING, Judgement.SETTLE),
        (replace(PAID, payer_other_id="2088"), replace(WAITING, payer_open_id="2088"), Judgement.SETTLE),
        (replace(PAID, payer_other_id="2088"), replace(WAITING, payer_open_id="2089"), Judgement.WRONG_PAYER),
        (replace(PAID, payer_open_id="o"), replace(WAITING, attempt=AttemptState.RETURNED), Judgement.REPEATED),
        (replace(PAID, amount_fen=4001), WAITING, Judgement.WRONG_AMOUNT),
        (replace(PAID, amount_fen=None), WAITING, Judgement.WRONG_AMOUNT),
        (replace(PAID, currency="USD"), WAITING, Judgement.WRONG_AMOUNT),
        (replace(PAID, payer_open_id="oOTHER"), WAITING, Judgement.WRONG_PAYER),
        (replace(PAID, payer_open_id=None), WAITING, Judgement.SETTLE),
        (replace(PAID, state=PaymentState.NOT_PAID), WAITING, Judgement.NOTHING),
        (replace(PAID, state=PaymentState.UNKNOWN), WAITING, Judgement.NOTHING),
        (replace(PAID, state=PaymentState.CLOSED), WAITING, Judgement.CLOSE),
        (replace(PAID, state=PaymentState.CLOSED), replace(WAITING, attempt=AttemptState.SUCCEEDED), Judgement.NOTHING),
    ],
)
def test_what_a_provider_s_word_means(truth: PaymentTruth, expected: Expected, judgement: Judgement) -> None:
    assert judge(truth, expected) is judgement


@given(
    st.sampled_from(PaymentState),
    st.one_of(st.none(), st.integers(-10, 10_000)),
    st.sampled_from(["CNY", "USD", ""]),
    st.sampled_from([None, "oPAYER", "oOTHER"]),
    st.sampled_from(AttemptState),
    st.sampled_from(BillState),
)
def test_only_the_right_sum_from_the_right_person_settles(
    state: PaymentState, fen: int | None, currency: str, payer: str | None, attempt: AttemptState, bill: BillState
) -> None:
    truth = PaymentTruth("wechat", "A1", state, fen, currency, "420000", payer)
    if judge(truth, Expected(4000, "oPAYER", attempt, bill, 4000, wanted=True)) is Judgement.SETTLE:
        assert (state, fen, currency) == (PaymentState.PAID, 4000, "CNY")
        assert payer != "oOTHER"
        assert bill in {BillState.CREATED, BillState.PAYING}
        assert attempt in {AttemptState.PREPARING, AttemptState.OPEN}


def test_a_bill_number_is_a_payment_code_of_twenty_digits() -> None:
    number = make_bill_number("990100", 2026, 17)
    assert number[:-1] == "9901002600000000017"
    assert luhn.is_valid(number)


def test_the_sweep_asks_after_1_5_15_and_60_minutes_then_hourly_then_daily() -> None:
    opened = now = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
    moments = []
    for asked in range(28):
        now = next_sweep(opened, asked, now)
        moments.append(now - opened)
    assert moments[:6] == [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120, 180)]
    assert moments[25:] == [timedelta(hours=23), timedelta(hours=47), timedelta(hours=71)]
    assert next_sweep(opened, 1, opened + timedelta(hours=9)) == opened + timedelta(hours=9, minutes=1)


@pytest.mark.parametrize(
    ("days_late", "before_fen", "more_fen"),
    [(-1, 0, 0), (0, 0, 0), (1, 0, 599), (33, 0, 19_779), (34, 0, 19_979), (1, 19_500, 19_979)],
)
def test_a_late_fine_is_three_per_cent_a_day_and_never_more_than_the_fine(
    days_late: int, before_fen: int, more_fen: int
) -> None:
    assert late_fine(19_979, days_late, before_fen) == more_fen
