"""Everything that may happen to a bill and its money, as a state machine that Hypothesis plays.

One rule draws what happens next from what can happen at all: many rules, of which Hypothesis leaves some out in each
run, would mostly play bills that nobody pays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.kernel import clock
from app.kernel.errors import ProviderUnavailable, Refusal
from app.payments.rules import BillKind
from tests.payments.acts import ACTS, OF_PEOPLE
from tests.payments.histories import Life
from tests.payments.paper_bank import PaperBank


class OneBill(RuleBasedStateMachine):
    """That people are refused is part of life, anything else is a fault."""

    loop: asyncio.AbstractEventLoop
    banks: dict[str, PaperBank]
    life: Life

    @initialize(kind=st.sampled_from([BillKind.NOTICE, BillKind.NOTICE, BillKind.CASE_FEE, BillKind.DEPOSIT]))
    def a_bill_is_issued(self, kind: BillKind) -> None:
        self.life = self.wait(Life.begin(kind, self.banks))

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        possible = [act for act, weight, can in ACTS for _ in range(weight) if can(self.life)]
        act = data.draw(st.sampled_from(possible))
        work, may_be_refused = act(self.life, data.draw), Refusal if act in OF_PEOPLE else ProviderUnavailable

        async def at_this_moment() -> None:
            with clock.standing_at(self.life.now), suppress(may_be_refused):
                await work()

        self.wait(at_this_moment())

    @invariant()
    def money_is_where_it_should_be(self) -> None:
        if hasattr(self, "life"):
            self.wait(self.life.check())

    def teardown(self) -> None:
        if hasattr(self, "life"):
            self.wait(self.life.end())

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return done.result(60)
