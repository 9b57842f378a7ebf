"""Without this module a state could change and nobody hear of it. The only writer of states of money.

Each move goes along an edge of `states` and publishes the fact of that edge, in the caller's transaction, on a row
the caller has locked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from app.kernel.facts import Fact
from app.kernel.facts.publishing import publish
from app.kernel.transitions import Edge
from app.payments.models import Bill, PaymentAttempt, Refund
from app.payments.states import (
    ATTEMPT_CORRECTIONS,
    ATTEMPT_LIFE,
    BILL_CORRECTIONS,
    BILL_LIFE,
    REFUND_CORRECTIONS,
    REFUND_LIFE,
)

M = TypeVar("M", Bill, PaymentAttempt, Refund)
_LIVES: dict[type[Any], Any] = {Bill: BILL_LIFE, PaymentAttempt: ATTEMPT_LIFE, Refund: REFUND_LIFE}
_CORRECTIONS: dict[type[Any], Any] = {
    Bill: BILL_CORRECTIONS,
    PaymentAttempt: ATTEMPT_CORRECTIONS,
    Refund: REFUND_CORRECTIONS,
}


async def advance(row: M, verb: str, *told: Any, **changes: object) -> None:
    """Move a locked row along an allowed edge, with other columns that change; `told` goes into the edge's fact
    behind the id. Raises `IllegalMove`.
    """
    await _go(row, _LIVES[type(row)].edge(row.state, verb), told, changes)


async def correct(row: M, verb: str, *told: Any, **changes: object) -> None:
    """Bend a locked row to the provider's truth, by one of the named corrections. Raises `IllegalMove`."""
    await _go(row, _CORRECTIONS[type(row)].edge(row.state, verb), told, changes)


async def _go(row: M, edge: Edge[Any], told: tuple[Any, ...], changes: dict[str, object]) -> None:
    row.state = edge.target
    for column, value in changes.items():
        setattr(row, column, value)
    await row.save(update_fields=["state", *changes])
    assert edge.emits is not None
    make_fact: Callable[..., Fact] = edge.emits
    await publish(make_fact(row.id, *told))
