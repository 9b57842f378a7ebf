"""Without this module the alipay tests would have no provider to talk to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from integrations.sandbox.control import SandboxControl
from integrations.sandbox.keys import alipay_certificate_environment
from tests.integrations.alipay.scripted import Scripted, scripted
from tests.integrations.contract.stage import Sandbox, connected, running_sandbox


@pytest.fixture(scope="session")
def sandbox_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox")


@pytest.fixture(scope="session")
def sandbox(sandbox_state: Path) -> Iterator[Sandbox]:
    with running_sandbox(sandbox_state) as running:
        yield running


@pytest.fixture(scope="session")
def certificate_mode(sandbox: Sandbox, sandbox_state: Path) -> dict[str, str]:
    """The environment in which the sandbox and we know each other by certificates."""
    return alipay_certificate_environment(sandbox_state, sandbox.base_url)


@pytest.fixture
async def control(sandbox: Sandbox) -> AsyncIterator[SandboxControl]:
    """The hands of residents, over a sandbox that has forgotten the test before."""
    async with SandboxControl(sandbox.base_url) as hands:
        await hands.reset()
        await hands.be_kind()
        yield hands


@pytest.fixture
async def door(sandbox: Sandbox, control: SandboxControl) -> AsyncIterator[None]:
    """Our side, wired in key mode."""
    async with connected("alipay", **sandbox.environment):
        yield


@pytest.fixture(scope="session")
def alipay_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture
def stage(tmp_path: Path, alipay_key: RSAPrivateKey) -> Scripted:
    """Our gateway client opposite somebody who answers what the test says."""
    return scripted(tmp_path, alipay_key)
