"""Without this module a killed sandbox could come back with amnesia: records and callbacks must survive."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from integrations.sandbox.control import SandboxControl
from tests.integrations.sandbox.merchant import Merchant
from tests.integrations.sandbox.process import SandboxProcess
from tests.integrations.sandbox.receiver import receiving
from tests.ports import free_port


@pytest.fixture
def own_process(tmp_path: Path) -> Iterator[SandboxProcess]:
    running = SandboxProcess(tmp_path / "state", free_port())
    running.start()
    yield running
    running.kill()


async def first_attempt(control: SandboxControl) -> tuple[str, int]:
    """What waits for its first repeat, once it does."""
    for _ in range(200):
        waiting = await control.waiting()
        if waiting and waiting[0].attempt:
            return waiting[0].subject, waiting[0].attempt
        await asyncio.sleep(0.02)
    raise AssertionError("the first attempt was never made")


async def test_after_sigkill_all_is_there_and_waiting_callbacks_go_on_and_a_polite_stop_is_clean(
    own_process: SandboxProcess,
) -> None:
    env, port = own_process.environment(), free_port()
    async with SandboxControl(own_process.base_url) as control:
        await control.be_hostile(haste=0.1)
        phone = await control.make_phone()
        async with httpx.AsyncClient(base_url=own_process.base_url, trust_env=False) as client:
            merchant = Merchant(env, client)
            await merchant.open(merchant.order("ORDER00001", phone.openid, f"http://127.0.0.1:{port}/pay"))
        await control.scan("EA123456785CN", "picked_up", carrier="ems")
        await control.pay_order("ORDER00001")  # nobody listens yet, so it waits for its repeat
        assert await first_attempt(control) == ("ORDER00001", 1)
        known = (await control.phones(), await control.orders(), await control.parcels())
        journal = await control.journal()
    own_process.kill()
    async with receiving(port) as receiver:
        await asyncio.to_thread(own_process.start)
        (got,) = await receiver.wait_for(1)
        merchant.verify(got.headers, got.body)
        async with SandboxControl(own_process.base_url) as control:
            await control.settle()
            assert (await control.phones(), await control.orders(), await control.parcels()) == known
            assert (await control.journal())[: len(journal)] == journal
    assert own_process.environment() == env
    assert await asyncio.to_thread(own_process.stop) in {0, -15}
    assert "Traceback" not in (own_process.state.parent / "state.log").read_text()
