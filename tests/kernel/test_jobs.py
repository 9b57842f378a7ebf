from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from tortoise.exceptions import IntegrityError

from app.kernel import clock, db, jobs
from app.kernel.facts.publishing import publish
from app.kernel.jobs import LADDER_SECONDS
from tests.kernel.happenings import BellRung, broken_bells, heard, let_tick, oil, outlast, strike, stumble
from tests.portal import Portal


@pytest.fixture
async def bell(portal: Portal) -> AsyncIterator[UUID]:
    """A bell of its own for each test; jobs about it are taken away, for other tests expect none to fail."""
    bell_id = db.new_id()
    yield bell_id
    await db.rows("DELETE FROM procrastinate_jobs WHERE args->>'bell_id' = $1", str(bell_id))


async def job_of(bell: UUID) -> dict[str, Any]:
    found = await db.row(
        "SELECT status::text, attempts, scheduled_at FROM procrastinate_jobs WHERE args->>'bell_id' = $1", str(bell)
    )
    assert found is not None
    return dict(found)


async def let_time_pass(bell: UUID) -> None:
    """The moment has come for which its job was put off."""
    await db.rows("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE args->>'bell_id' = $1", str(bell))


async def test_a_failing_job_climbs_the_ladder_and_ends_as_a_dead_letter(portal: Portal, bell: UUID) -> None:
    """Seven waits, each longer; then it stays for a person, and is not tried again."""
    async with db.transaction():
        await stumble.defer(bell_id=str(bell))

    waits = []
    for tries in range(1, len(LADDER_SECONDS) + 1):
        await let_time_pass(bell)
        begun = datetime.now(UTC)
        await portal.run_jobs(may_fail=True)
        job = await job_of(bell)
        assert (job["status"], job["attempts"]) == ("todo", tries)
        waits.append((job["scheduled_at"] - begun).total_seconds())

    assert waits == pytest.approx(LADDER_SECONDS, abs=2)
    assert list(LADDER_SECONDS) == sorted(LADDER_SECONDS)

    await let_time_pass(bell)
    await portal.run_jobs(may_fail=True)
    await portal.run_jobs(may_fail=True)
    assert (await job_of(bell))["status"] == "failed"


async def test_a_failing_job_does_not_hold_up_the_others(portal: Portal, bell: UUID) -> None:
    async with db.transaction():
        await stumble.defer(bell_id=str(bell))
        await strike.defer(bell_id=str(bell))
    await portal.run_jobs(may_fail=True)
    assert await heard(bell) == ["bell.struck"]


async def test_a_job_for_later_waits(portal: Portal, bell: UUID) -> None:
    async with db.transaction():
        await strike.defer(bell_id=str(bell), not_before=clock.now() + timedelta(hours=1))
    await portal.run_jobs()
    assert await heard(bell) == []

    await let_time_pass(bell)
    await portal.run_jobs()
    assert await heard(bell) == ["bell.struck"]


async def test_a_tick_that_waits_is_not_asked_for_again(portal: Portal, bell: UUID) -> None:
    await let_tick(bell, strike)
    with pytest.raises(IntegrityError):
        await let_tick(bell, strike)
    await portal.run_jobs()
    await let_tick(bell, strike)
    await portal.run_jobs()
    assert await heard(bell) == ["bell.struck"] * 2


async def test_a_tick_that_fails_when_the_next_one_waits_is_over(portal: Portal, bell: UUID) -> None:
    """It cannot wait beside the other one; held as running it would keep all later ones from their turn."""
    await let_tick(bell, outlast)
    await portal.run_jobs(may_fail=True)
    assert await heard(bell) == ["bell.struck"]
    assert await db.row("SELECT 1 FROM procrastinate_jobs WHERE args->>'bell_id' = $1", str(bell)) is None


async def test_a_tick_whose_worker_died_when_the_next_one_waited_is_over(portal: Portal, bell: UUID) -> None:
    """And whatever else died with its worker comes back, whichever is found first."""
    dead = await db.row(_DEAD_WORKER)
    assert dead is not None
    async with db.transaction():
        await oil.defer(bell_id=str(bell))
    await let_tick(bell, stumble)
    async with db.transaction():
        await oil.defer(bell_id=str(bell))
    await db.rows(
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = $2 WHERE args->>'bell_id' = $1",
        str(bell),
        dead["id"],
    )
    await let_tick(bell, strike)

    assert await jobs.rescue_stalled(portal.queue) == 3
    await portal.run_jobs(may_fail=True)

    assert sorted(await heard(bell)) == ["bell.oiled", "bell.oiled", "bell.struck"]
    assert await db.row("SELECT 1 FROM procrastinate_jobs WHERE args->>'bell_id' = $1", str(bell)) is None


async def one_after_another(portal: Portal) -> None:
    await portal.queue.run_worker_async(
        wait=False, concurrency=1, listen_notify=False, install_signal_handlers=False, delete_jobs="successful"
    )


async def test_patient_work_is_done_after_what_was_asked_for_later(portal: Portal, bell: UUID) -> None:
    """Of equal ones the older goes first; the patient one is done as soon as nobody is in a hurry."""
    await portal.run_jobs()
    async with db.transaction():
        await oil.defer(bell_id=str(bell))
        await oil.defer_each([(None, None, {"bell_id": str(bell)})])
        await publish(BellRung(bell))
        await strike.defer(bell_id=str(bell))
    await one_after_another(portal)
    assert await heard(bell) == ["bell.woke", "bell.complained", "bell.struck", "bell.oiled", "bell.oiled"]


async def test_patient_work_that_failed_is_as_patient_when_it_is_tried_again(portal: Portal, bell: UUID) -> None:
    await portal.run_jobs()
    async with db.transaction():
        await oil.defer(bell_id=str(bell))
    broken_bells.add(str(bell))
    await one_after_another(portal)
    broken_bells.remove(str(bell))
    await let_time_pass(bell)
    async with db.transaction():
        await strike.defer(bell_id=str(bell))
    await one_after_another(portal)
    assert await heard(bell) == ["bell.struck", "bell.oiled"]


_DEAD_WORKER = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"


class _Undone(Exception):
    """The rows of a test that would be in everybody's way."""


_MANY = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock)
    SELECT 'default', 'nobody.does', 'thing:' || md5(number::text) FROM generate_series(1, 10000) AS number
"""
_WORKER = "INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id"
_TAKE = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT procrastinate_fetch_job_v2(NULL, {worker})"


async def test_a_job_is_taken_out_of_many_without_looking_at_all(portal: Portal) -> None:
    """Each of ten thousand waits under a lock of its own; taking one reads a few pages."""
    read = 0
    with suppress(_Undone):
        async with db.transaction():
            await db.rows(_MANY)
            await db.rows("ANALYZE procrastinate_jobs")
            worker = await db.row(_WORKER)
            assert worker is not None
            for _ in range(2):  # the first one also learns how
                plan = await db.row(_TAKE.format(worker=worker["id"]))
                assert plan is not None
                read = orjson.loads(plan["QUERY PLAN"])[0]["Plan"]["Shared Hit Blocks"]
            raise _Undone

    assert 0 < read < 80
