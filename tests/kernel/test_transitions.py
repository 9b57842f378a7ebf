from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from app.booking.credit.rules import APPEAL_LIFE
from app.booking.rules import LIFE as BOOKING_LIFE
from app.cases.rules import LIFE as CASE_LIFE
from app.kernel.errors import IllegalMove
from app.kernel.transitions import Graph, edge
from app.payments import states as payments
from app.queueing.rules import LIFE as TICKET_LIFE
from app.representation.rules import CLAIM_LIFE
from app.representation.rules import LIFE as MANDATE_LIFE


class Door(StrEnum):
    OPEN = "OPEN"
    SHUT = "SHUT"
    LOCKED = "LOCKED"


LIFE: Graph[Door] = Graph(
    [
        edge("shut", Door.OPEN, Door.SHUT),
        edge("open", (Door.SHUT, Door.LOCKED), Door.OPEN),
        edge("lock", {Door.SHUT}, Door.LOCKED),
    ]
)


def test_a_verb_leads_on_from_each_of_its_sources() -> None:
    assert LIFE.next_state(Door.OPEN, "shut") is Door.SHUT
    assert LIFE.next_state(Door.SHUT, "open") is Door.OPEN
    assert LIFE.next_state(Door.LOCKED, "open") is Door.OPEN


@pytest.mark.parametrize(("state", "verb"), [(Door.OPEN, "lock"), (Door.OPEN, "open"), (Door.SHUT, "burn")])
def test_a_move_without_an_edge_is_refused_with_the_present_state(state: Door, verb: str) -> None:
    assert not LIFE.may(state, verb)
    with pytest.raises(IllegalMove) as refused:
        LIFE.next_state(state, verb)
    assert state.value in refused.value.sentence("zh")


def test_verbs_from_a_state_are_exactly_those_it_may_do() -> None:
    for state in Door:
        assert set(LIFE.verbs_from(state)) == {verb for verb in ("shut", "open", "lock") if LIFE.may(state, verb)}


@pytest.mark.parametrize(
    "life",
    [
        APPEAL_LIFE,
        BOOKING_LIFE,
        CASE_LIFE,
        CLAIM_LIFE,
        MANDATE_LIFE,
        TICKET_LIFE,
        payments.ATTEMPT_LIFE,
        payments.ATTEMPT_CORRECTIONS,
        payments.BILL_LIFE,
        payments.BILL_CORRECTIONS,
        payments.REFUND_LIFE,
        payments.REFUND_CORRECTIONS,
    ],
)
def test_whoever_is_refused_reads_words_and_no_code(life: Graph[Any]) -> None:
    for state in type(life.edges[0].target):
        refused = life.illegal(state)
        assert state.value not in refused.sentence("zh") + refused.sentence("en")
