from __future__ import annotations

from itertools import product

import pytest

from app.kernel.errors import IllegalMove
from app.queueing.rules import AT_WINDOW, LIFE, TicketState, ticket_code

S = TicketState
EDGES = {
    ("call", S.WAITING): S.CALLED,
    ("start", S.CALLED): S.SERVING,
    ("finish", S.SERVING): S.DONE,
    ("pass", S.CALLED): S.PASSED,
    ("abandon", S.WAITING): S.ABANDONED,
    ("abandon", S.CALLED): S.ABANDONED,
    ("abandon", S.HUNG): S.ABANDONED,
    ("recall", S.CALLED): S.CALLED,
    ("rejoin", S.PASSED): S.WAITING,
    ("hang", S.SERVING): S.HUNG,
    ("resume", S.HUNG): S.SERVING,
    ("transfer", S.CALLED): S.WAITING,
    ("transfer", S.SERVING): S.WAITING,
}
VERBS = sorted({verb for verb, _ in EDGES})


@pytest.mark.parametrize(("verb", "state"), [*product(VERBS, S)])
def test_a_number_moves_along_the_drawn_edges_only(verb: str, state: TicketState) -> None:
    target = EDGES.get((verb, state))
    if target is not None:
        assert LIFE.next_state(state, verb) is target
    else:
        with pytest.raises(IllegalMove):
            LIFE.next_state(state, verb)


def test_who_is_called_or_served_is_at_a_window() -> None:
    assert {S.CALLED, S.SERVING} == AT_WINDOW


@pytest.mark.parametrize(
    ("business", "number", "code"), [("D", 1, "D001"), ("D", 999, "D999"), ("D", 1000, "D1000"), ("AB", 7, "AB007")]
)
def test_a_number_is_the_businesss_letter_and_three_digits(business: str, number: int, code: str) -> None:
    assert ticket_code(business, number) == code
