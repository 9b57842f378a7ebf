"""Without this module the kuaidi100 tests would have no provider to talk to and no door for its callbacks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.conftest import sandbox
from tests.integrations.contract.stage import Door, Sandbox, connected, open_door

__all__ = ["sandbox"]


@pytest.fixture
async def control(sandbox: Sandbox) -> AsyncIterator[SandboxControl]:
    """The hands of residents and couriers, over a sandbox that has forgotten the test before."""
    async with SandboxControl(sandbox.base_url) as hands:
        await hands.reset()
        await hands.be_kind()
        yield hands


@pytest.fixture
async def door(sandbox: Sandbox, control: SandboxControl) -> AsyncIterator[Door]:
    """Our side, wired, with its callbacks open."""
    async with (
        open_door() as opened,
        connected("kuaidi100", **sandbox.environment, PORTAL_PUBLIC_URL=opened.url),
    ):
        yield opened
