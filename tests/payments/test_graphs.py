from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.errors import IllegalMove
from app.payments.ports import PaymentState, PaymentTruth
from app.payments.rules import ATTEMPT_LIFE, BILL_LIFE, AttemptState, BillState, Expected, Judgement, judge

A, B = AttemptState, BillState

BILL_EDGES = {
    ("open", B.CREATED): B.PAYING,
    ("open", B.PAYING): B.PAYING,
    ("release", B.PAYING): B.CREATED,
    ("settle", B.CREATED): B.PAID,
    ("settle", B.PAYING): B.PAID,
    ("expire", B.CREATED): B.EXPIRED,
    ("expire", B.PAYING): B.EXPIRED,
}
ATTEMPT_EDGES = {
    ("open", A.PREPARING): A.OPEN,
    ("open", A.OPEN): A.OPEN,
    ("succeed", A.PREPARING): A.SUCCEEDED,
    ("succeed", A.OPEN): A.SUCCEEDED,
    ("close", A.PREPARING): A.CLOSED,
    ("close", A.OPEN): A.CLOSED,
    ("exceed", A.PREPARING): A.SURPLUS,
    ("exceed", A.OPEN): A.SURPLUS,
    ("exceed", A.CLOSED): A.SURPLUS,
}


@pytest.mark.parametrize(("verb", "state"), [*product(["open", "release", "settle", "expire"], B)])
def test_a_bill_moves_along_the_drawn_edges_only(verb: str, state: BillState) -> None:
    target = BILL_EDGES.get((verb, state))
    if target is not None:
        assert BILL_LIFE.next_state(state, verb) is target
    else:
        with pytest.raises(IllegalMove):
            BILL_LIFE.next_state(state, verb)


@pytest.mark.parametrize(("verb", "state"), [*product(["open", "succeed", "close", "exceed"], A)])
def test_an_attempt_moves_along_the_drawn_edges_only(verb: str, state: AttemptState) -> None:
    target = ATTEMPT_EDGES.get((verb, state))
    if target is not None:
        assert ATTEMPT_LIFE.next_state(state, verb) is target
    else:
        with pytest.raises(IllegalMove):
            ATTEMPT_LIFE.next_state(state, verb)


@given(st.sampled_from(PaymentState), st.sampled_from(A), st.sampled_from(B), st.sampled_from([4000, 1, None]))
def test_every_judgement_can_be_carried_out(
    state: PaymentState, attempt: AttemptState, bill: BillState, amount_fen: int | None
) -> None:
    """No word of a provider, in whatever state it finds us, leads to a move the graphs do not have."""
    truth = PaymentTruth("wechat", "A1", state, amount_fen, "CNY", "420000", "oPAYER")
    verdict = judge(truth, Expected(4000, "oPAYER", attempt, bill))
    moves = {Judgement.SETTLE: "succeed", Judgement.SURPLUS: "exceed", Judgement.CLOSE: "close"}
    if verdict in moves:
        assert ATTEMPT_LIFE.may(attempt, moves[verdict])
    if verdict is Judgement.SETTLE:
        assert BILL_LIFE.may(bill, "settle")
