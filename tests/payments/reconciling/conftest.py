"""Without this module the account of a day would tell of everybody else's payments."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.payments.reconciling.stage import Days
from tests.portal import Portal


@pytest.fixture
async def days(portal: Portal) -> AsyncIterator[Days]:
    await portal.control.reset()
    await portal.control.be_hostile(notify_by_itself=False, haste=0.001)
    yield Days.next(portal)
    await portal.control.reset()
    await portal.control.be_kind()
