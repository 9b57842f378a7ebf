"""Without this module every test would start a sandbox of its own: one process serves the whole folder."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from integrations.sandbox.control import Phone, SandboxControl
from tests.integrations.sandbox.merchant import Merchant
from tests.integrations.sandbox.process import SandboxProcess
from tests.integrations.sandbox.receiver import Receiver, receiving
from tests.ports import free_port


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    running = SandboxProcess(tmp_path_factory.mktemp("sandbox") / "state", free_port())
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def env(process: SandboxProcess) -> dict[str, str]:
    return process.environment()


@pytest.fixture(scope="session")
async def desk(process: SandboxProcess) -> AsyncIterator[SandboxControl]:
    async with SandboxControl(process.base_url) as control:
        yield control


@pytest.fixture
async def control(desk: SandboxControl) -> SandboxControl:
    """A sandbox that has forgotten everything and hurries: fifteen seconds become thirty milliseconds."""
    await desk.reset()
    await desk.be_hostile(haste=0.002)
    return desk


@pytest.fixture(scope="session")
async def client(process: SandboxProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=process.base_url, trust_env=False) as http:
        yield http


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as listening:
        yield listening


@pytest.fixture(scope="session")
def the_merchant(env: dict[str, str], client: httpx.AsyncClient) -> Merchant:
    return Merchant(env, client)


@pytest.fixture
def merchant(control: SandboxControl, the_merchant: Merchant) -> Merchant:
    return the_merchant


@pytest.fixture
async def phone(control: SandboxControl) -> Phone:
    return await control.make_phone()
