from __future__ import annotations

from enum import StrEnum
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.errors import IllegalMove
from app.kernel.transitions import Graph
from app.payments.ports import PaymentState, PaymentTruth
from app.payments.rules import UNDECIDED, Expected, Judgement, judge
from app.payments.states import (
    ATTEMPT_CORRECTIONS,
    ATTEMPT_LIFE,
    BILL_CORRECTIONS,
    BILL_LIFE,
    REFUND_CORRECTIONS,
    REFUND_LIFE,
    AttemptState,
    BillState,
    RefundState,
)

A, B, R = AttemptState, BillState, RefundState

BILL_EDGES = {
    "open": ((B.CREATED, B.PAYING), B.PAYING),
    "release": ((B.PAYING,), B.CREATED),
    "settle": ((B.CREATED, B.PAYING), B.PAID),
    "expire": ((B.CREATED, B.PAYING), B.EXPIRED),
    "cancel": ((B.CREATED, B.EXPIRED), B.CANCELLED),
    "waive": ((B.CREATED,), B.WAIVED),
    "reissue": ((B.EXPIRED,), B.CREATED),
    "receipt": ((B.PAID,), B.RECEIPTED),
    "unreceipt": ((B.RECEIPTED,), B.PAID),
    "refund_part": ((B.PAID, B.RECEIPTED, B.PARTIALLY_REFUNDED), B.PARTIALLY_REFUNDED),
    "refund_all": ((B.PAID, B.RECEIPTED, B.PARTIALLY_REFUNDED), B.FULLY_REFUNDED),
}
ATTEMPT_EDGES = {
    "open": ((A.PREPARING, A.OPEN), A.OPEN),
    "succeed": ((A.PREPARING, A.OPEN), A.SUCCEEDED),
    "close": ((A.PREPARING, A.OPEN), A.CLOSED),
    "exceed": ((A.PREPARING, A.OPEN), A.SURPLUS),
    "return": ((A.SURPLUS,), A.RETURNED),
}
REFUND_EDGES = {
    "approve": ((R.REQUESTED,), R.APPROVED),
    "decline": ((R.REQUESTED,), R.DECLINED),
    "send": ((R.APPROVED, R.PROCESSING), R.PROCESSING),
    "succeed": ((R.APPROVED, R.PROCESSING, R.ABNORMAL), R.SUCCEEDED),
    "fail": ((R.APPROVED, R.PROCESSING), R.ABNORMAL),
    "close": ((R.APPROVED, R.PROCESSING, R.ABNORMAL), R.CLOSED),
}
CORRECTIONS: dict[str, Any] = {
    "bill revive": ((B.EXPIRED,), B.PAID),
    "bill bounce_part": ((B.PARTIALLY_REFUNDED, B.FULLY_REFUNDED), B.PARTIALLY_REFUNDED),
    "bill bounce_all": ((B.PARTIALLY_REFUNDED, B.FULLY_REFUNDED), B.PAID),
    "attempt succeed": ((A.CLOSED,), A.SUCCEEDED),
    "attempt exceed": ((A.CLOSED,), A.SURPLUS),
    "attempt disown": ((A.PREPARING, A.OPEN, A.CLOSED), A.SURPLUS),
    "attempt bounce": ((A.RETURNED,), A.SURPLUS),
    "refund bounce": ((R.SUCCEEDED,), R.ABNORMAL),
    "refund succeed": ((R.CLOSED,), R.SUCCEEDED),
}


def _of(kind: str) -> dict[str, Any]:
    return {name.split()[1]: edge for name, edge in CORRECTIONS.items() if name.split()[0] == kind}


LIVES: list[tuple[Graph[Any], type[StrEnum], dict[str, Any]]] = [
    (BILL_LIFE, B, BILL_EDGES),
    (ATTEMPT_LIFE, A, ATTEMPT_EDGES),
    (REFUND_LIFE, R, REFUND_EDGES),
    (BILL_CORRECTIONS, B, _of("bill")),
    (ATTEMPT_CORRECTIONS, A, _of("attempt")),
    (REFUND_CORRECTIONS, R, _of("refund")),
]


@pytest.mark.parametrize(("graph", "states", "drawn"), LIVES)
def test_money_moves_along_the_drawn_edges_only(
    graph: Graph[Any], states: type[StrEnum], drawn: dict[str, Any]
) -> None:
    verbs = {verb for _, _, edges in LIVES for verb in edges}
    for verb, state in product(verbs, states):
        sources, target = drawn.get(verb, ((), None))
        if state in sources:
            assert graph.next_state(state, verb) is target
        else:
            with pytest.raises(IllegalMove):
                graph.next_state(state, verb)


def test_every_edge_tells_a_fact_and_every_correction_one_of_its_own() -> None:
    told = [edge.emits for graph, _, _ in LIVES for edge in graph.edges]
    assert None not in told
    assert len(set(told)) == len(told)


@given(
    st.sampled_from(PaymentState),
    st.sampled_from(A),
    st.sampled_from(B),
    st.sampled_from([4000, 1, None]),
    st.booleans(),
)
def test_every_judgement_can_be_carried_out(
    state: PaymentState, attempt: AttemptState, bill: BillState, amount_fen: int | None, wanted: bool
) -> None:
    """No word of a provider, in whatever state it finds us, leads to a move the graphs do not have."""
    truth = PaymentTruth("wechat", "A1", state, amount_fen, "CNY", "420000", "oPAYER")
    verdict = judge(truth, Expected(4000, "oPAYER", attempt, bill, 4000, wanted=wanted))
    moves = {
        Judgement.SETTLE: "succeed",
        Judgement.RESTORE: "succeed",
        Judgement.SURPLUS: "exceed",
        Judgement.CLOSE: "close",
    }
    if verdict in moves:
        graph = ATTEMPT_LIFE if attempt in UNDECIDED else ATTEMPT_CORRECTIONS
        assert graph.may(attempt, moves[verdict])
    if verdict in {Judgement.SETTLE, Judgement.RESTORE}:
        assert BILL_LIFE.may(bill, "settle") or BILL_CORRECTIONS.may(bill, "revive")
