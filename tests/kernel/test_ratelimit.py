from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from app.kernel import ratelimit, redis
from app.kernel.db import new_id
from app.kernel.errors import TooManyRequests
from app.kernel.ratelimit import check_rate
from tests.portal import Portal, environment

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture
async def without_redis(portal: Portal) -> AsyncIterator[None]:
    """Redis is looked for where there is none; the real one goes on undisturbed."""
    await redis.disconnect()
    with environment({"PORTAL_REDIS_URL": NOBODY_LISTENS}):
        yield
    await redis.disconnect()


async def test_the_fourth_of_three_is_refused_and_told_when_to_come_back(portal: Portal) -> None:
    who = str(new_id())
    for _ in range(3):
        await check_rate("3/minute", "knock", who)
    with pytest.raises(TooManyRequests) as refused:
        await check_rate("3/minute", "knock", who)
    assert refused.value.retry_after_seconds == 60


async def test_each_caller_and_each_act_has_an_allowance_of_its_own(portal: Portal) -> None:
    who = str(new_id())
    await check_rate("1/minute", "knock", who)
    await check_rate("1/minute", "ring", who)
    await check_rate("1/minute", "knock", str(new_id()))
    with pytest.raises(TooManyRequests):
        await check_rate("1/minute", "knock", who)


async def test_processes_share_the_count(portal: Portal) -> None:
    """What was counted before this one began anew, as another process would have, counts here."""
    who = str(new_id())
    await check_rate("1/minute", "knock", who)
    await redis.disconnect()
    ratelimit._alone.cache_clear()
    with pytest.raises(TooManyRequests):
        await check_rate("1/minute", "knock", who)


@pytest.mark.usefixtures("without_redis")
async def test_without_redis_a_process_counts_for_itself_and_says_so() -> None:
    who = str(new_id())
    with capture_logs() as logs:
        await check_rate("1/minute", "knock", who)
        with pytest.raises(TooManyRequests):
            await check_rate("1/minute", "knock", who)
    assert [(line["log_level"], line["event"]) for line in logs] == [("warning", "rate limit without Redis")] * 2


@pytest.mark.usefixtures("without_redis")
async def test_without_redis_everything_that_matters_goes_on(portal: Portal) -> None:
    """Signing in, proving and asking need no Redis."""
    phone = await portal.phone()
    answer = await phone.ask("MyAffairs")
    assert "errors" not in answer
    with pytest.raises(redis.RedisLost):
        await redis.reachable()
