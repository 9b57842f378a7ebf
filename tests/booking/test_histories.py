from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.booking.histories import Morning, Step
from tests.portal import Portal

HISTORIES = int(os.environ.get("PORTAL_TEST_HISTORIES", "12"))
"""How many mornings are tried; `make histories` tries ten thousand."""

# Booking, waiting and time more often than the rest, or most mornings would be quiet.
ACTS = (
    *("book",) * 3, *("hold",) * 2, "confirm", *("cancel",) * 2, *("move",) * 2, "check in", "serve",
    "join the line", "leave the line", "accept", "pass on", "close", "the worker works", *("time passes",) * 2,
)  # fmt: skip
steps = st.builds(
    Step,
    act=st.sampled_from(ACTS),
    who=st.integers(0, 3),
    which=st.integers(0, 2),
    party=st.sampled_from((1, 1, 1, 2)),
    item=st.integers(0, 1),
    then_work=st.booleans(),
)


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from((-1, 0, 2, 3)), st.lists(steps, min_size=10, max_size=30))
async def test_after_any_history_the_counters_are_true(portal: Portal, waiting: int, history: list[Step]) -> None:
    """Places counted are places booked or set aside, nobody holds two, nothing is left hanging in the evening."""
    morning = await Morning.begin(full=waiting >= 0, waiting=waiting)
    for step in history:
        await morning.play(step)
    await morning.end()
