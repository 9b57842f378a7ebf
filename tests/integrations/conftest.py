"""Without this module each provider's tests would start a sandbox and wire an adapter in their own way.

A folder is called as its provider in `PORTAL_PROVIDERS`; `door` wires that one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.stage import Door, Sandbox, connected, open_door, running_sandbox


@pytest.fixture(scope="session")
def sandbox_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox")


@pytest.fixture(scope="session")
def sandbox(sandbox_state: Path) -> Iterator[Sandbox]:
    with running_sandbox(sandbox_state) as running:
        yield running


@pytest.fixture(scope="session")
async def hands(sandbox: Sandbox) -> AsyncIterator[SandboxControl]:
    async with SandboxControl(sandbox.base_url) as control:
        yield control


@pytest.fixture
async def control(hands: SandboxControl) -> SandboxControl:
    """The hands of residents and couriers, over a sandbox that has forgotten the test before."""
    await hands.reset()
    await hands.be_kind()
    return hands


@pytest.fixture
async def door(request: pytest.FixtureRequest, sandbox: Sandbox, control: SandboxControl) -> AsyncIterator[Door]:
    """Our side with the folder's provider wired and its callbacks open."""
    async with (
        open_door() as opened,
        connected(request.path.parent.name, **sandbox.environment, PORTAL_PUBLIC_URL=opened.url),
    ):
        yield opened
