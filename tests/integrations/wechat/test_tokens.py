"""Without this module a hundred residents at eight in the morning could mean a hundred access tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from app.embedded import EmbeddedRedis, start_redis
from app.kernel.redis import redis
from integrations.sandbox.control import SandboxControl
from integrations.wechat.settings import read_settings
from integrations.wechat.tokens import StableToken
from tests.integrations.contract.stage import Sandbox, connected


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    server = start_redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
async def processes(
    sandbox: Sandbox, control: SandboxControl, redis_server: EmbeddedRedis
) -> AsyncIterator[tuple[StableToken, StableToken]]:
    """The token stores of two web processes that share one Redis."""
    async with connected(**sandbox.environment, PORTAL_REDIS_URL=redis_server.url) as http:
        await redis().flushall()
        yield StableToken(http, read_settings()), StableToken(http, read_settings())


Processes = tuple[StableToken, StableToken]


async def fetches(control: SandboxControl) -> int:
    return sum("stable_token" in entry.what for entry in await control.journal())


async def test_a_hundred_callers_in_two_processes_ask_once(processes: Processes, control: SandboxControl) -> None:
    one, other = processes
    tokens = await asyncio.gather(*(store.get() for store in (one, other) * 50))
    assert len(set(tokens)) == 1
    assert await fetches(control) == 1


async def test_a_token_is_kept_until_five_minutes_before_its_end(processes: Processes, sandbox: Sandbox) -> None:
    await processes[0].get()
    kept_for = await redis().ttl(f"wechat:token:{sandbox.environment['WECHAT_APP_ID']}")
    assert 6800 < kept_for <= 6900


async def test_a_rejected_token_is_replaced_by_one_of_two_who_notice(
    processes: Processes, control: SandboxControl
) -> None:
    one, other = processes
    rejected = await one.get()
    await control.advance_clock(7201)
    first = await one.replace(rejected)
    assert await other.replace(rejected) == first != rejected
    assert await fetches(control) == 2


async def test_a_lock_left_by_a_dead_process_only_delays(processes: Processes, sandbox: Sandbox) -> None:
    await redis().set(f"wechat:token-lock:{sandbox.environment['WECHAT_APP_ID']}", "dead", px=600)
    assert await processes[0].get()


async def test_without_redis_each_process_keeps_its_own(sandbox: Sandbox, control: SandboxControl) -> None:
    async with connected(**sandbox.environment) as http:
        alone = StableToken(http, read_settings())
        tokens = await asyncio.gather(*(alone.get() for _ in range(20)))
        assert len(set(tokens)) == 1
        assert await fetches(control) == 1
        await control.advance_clock(7201)
        assert await alone.replace(tokens[0]) != tokens[0]
        assert await fetches(control) == 2
