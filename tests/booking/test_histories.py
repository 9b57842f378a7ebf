from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import time
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.kernel.db import libpq_url
from app.kernel.settings import get_settings
from tests.booking.histories import Morning, Step
from tests.portal import Portal

HISTORIES = int(os.environ.get("PORTAL_TEST_HISTORIES", "12"))
"""How many mornings are tried; `make histories` tries ten thousand."""

SHARES = -(-HISTORIES // 250)
"""Each with chance of its own, so that several processes can play at once."""

# Booking, waiting and time more often than the rest, or most mornings would be quiet.
ACTS = (
    *("book",) * 3, *("hold",) * 2, "confirm", *("cancel",) * 2, *("move",) * 2, "check in", "serve",
    "join the line", "leave the line", "accept", "pass on", "close", "the worker works", *("time passes",) * 2,
)  # fmt: skip
# Early enough to cancel and to be offered something, or so late that people come, or miss it, while all goes on.
BEGINS = (time(6, 30), time(8, 20), time(8, 50))
steps = st.builds(
    Step,
    act=st.sampled_from(ACTS),
    who=st.integers(0, 3),
    which=st.integers(0, 2),
    party=st.sampled_from((1, 1, 1, 2)),
    item=st.integers(0, 1),
    then_work=st.booleans(),
)


@pytest.fixture(scope="session")
async def onlooker(portal: Portal) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Somebody who watches the database from outside the portal."""
    connection = await asyncpg.connect(libpq_url(get_settings().database_url))
    yield connection
    await connection.close()


@pytest.mark.parametrize("share", range(SHARES))
@settings(max_examples=-(-HISTORIES // SHARES), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    at=st.sampled_from(BEGINS),
    waiting=st.sampled_from((-1, 0, 2, 3)),
    history=st.lists(steps, min_size=10, max_size=30),
)
async def test_after_any_history_the_counters_are_true(
    onlooker: asyncpg.Connection[Any], share: int, at: time, waiting: int, history: list[Step]
) -> None:
    """Places counted are places booked or set aside, nobody holds two, nothing is left hanging in the evening."""
    morning = await Morning.begin(onlooker, at, full=waiting >= 0, waiting=waiting)
    for step in history:
        await morning.play(step)
    await morning.end()
