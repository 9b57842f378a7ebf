"""Without this module nothing could happen after the answer was given.

Jobs live in PostgreSQL (Procrastinate). A job is deferred on the caller's open transaction, through the
versioned SQL function that Procrastinate itself uses: committed, it runs; rolled back, it never existed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

import orjson
from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision, RetryStrategy
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from procrastinate.manager import JobManager

from app.kernel import clock, db
from app.kernel.logging import current_request_id, get_logger, request_scope

Work = Callable[..., Awaitable[None]]

_log = get_logger(__name__)
_DEFER = """
    SELECT procrastinate_defer_jobs_v1(ARRAY[
        ROW('default', $1::text, $5::integer, $2::text, NULL, $3::text::jsonb, $4::timestamptz)
    ]::procrastinate_job_to_defer_v1[])
"""
_DEFER_EACH = """
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW('default', $1::text, $4::integer, asked.lock, NULL, asked.arguments, NULL)::procrastinate_job_to_defer_v1
        ORDER BY asked.place
    )) FROM unnest($2::text[], $3::jsonb[]) WITH ORDINALITY AS asked (lock, arguments, place)
"""
_RETRY_GIVEN_UP = """
    SELECT procrastinate_retry_job_v2(id, now(), priority, queue_name, lock) FROM procrastinate_jobs AS given_up
    WHERE status = 'failed' AND id = $1 AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs AS next_tick
        WHERE next_tick.status = 'todo' AND next_tick.queueing_lock = given_up.queueing_lock
    )
"""
_STALLED_AFTER_SECONDS = 30
_TICK_RETRY = RetryStrategy(max_attempts=3, wait=20)

LADDER_SECONDS = (2, 10, 60, 300, 1800, 7200, 21600)
"""Waits between tries; after the last the job is a dead letter (`failed`) until a person retries it."""


class Priority(IntEnum):
    """Which of the jobs that are due is taken first; of equal ones the older.

    Nothing takes a place from a job that runs, and a job keeps its priority through every retry and rescue. Patient
    ones wait for as long as a usual one is due. That ends: a usual job comes of something that happened once, so there
    are no more of them than happenings. If it does not end the workers are too few for the city; `portal doctor` sees
    the jobs that wait for more than five minutes.
    """

    PATIENT = -10
    USUAL = 0


class Ladder(BaseRetryStrategy):
    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:
        if job.attempts >= len(LADDER_SECONDS):
            _log.error("job given up", job=job.task_name, job_id=job.id, attempts=job.attempts, error=repr(exception))
            return None
        wait = LADDER_SECONDS[job.attempts]
        _log.warning("job failed", job=job.task_name, job_id=job.id, retry_in=wait, error=repr(exception))
        return RetryDecision(retry_in={"seconds": wait})


class _Jobs(JobManager):
    async def retry_job(self, job: QueuedJob, retry_at: datetime | None = None, *rest: Any, **how: Any) -> None:
        """Let a job wait again, also one of a dead worker. The database allows one waiting tick of a timetable entry:
        if the next one is there already, this one is over, or it would be held as running for ever, and all later ones
        with it.
        """
        try:
            await super().retry_job(job, retry_at, *rest, **how)
        except UniqueViolation:
            _log.warning("tick left to the next one", job=job.task_name, job_id=job.id)
            await self.finish_job(job, Status.ABORTED, delete_job=True)


queue = App(connector=PsycopgConnector())
"""Every job and timetable entry of the process; the worker opens it with a pool of its own."""
queue.job_manager = _Jobs(queue.connector)


@dataclass(frozen=True)
class Job:
    """A piece of work that can be asked for inside a transaction."""

    name: str
    work: Work
    priority: Priority = Priority.USUAL

    async def defer(
        self,
        *,
        lock: str | None = None,
        not_before: datetime | None = None,
        **arguments: object,
    ) -> None:
        """Ask for it on the open transaction.

        `lock`: jobs of equal lock run one after another, so one that waits for its moment, or for its next try, holds
        up all that were asked for after it. `not_before`: a UTC moment. Arguments must survive JSON.
        """
        sent = {**arguments, "request_id": current_request_id()}
        content = orjson.dumps(sent).decode()
        await db.rows(_DEFER, self.name, lock, content, not_before, self.priority.value)

    async def defer_each(self, asked: Sequence[tuple[str | None, str | None, Mapping[str, object]]]) -> None:
        """Ask for it several times in one statement: lock, request id and arguments of each."""
        sent = [orjson.dumps({**arguments, "request_id": request_id}).decode() for _, request_id, arguments in asked]
        await db.rows(_DEFER_EACH, self.name, [lock for lock, _, _ in asked], sent, self.priority.value)


def job(name: str, *, priority: Priority = Priority.USUAL) -> Callable[[Work], Job]:
    """Make an async function a job. It must bear being run twice: a worker may die after its commit."""

    def register(work: Work) -> Job:
        @queue.task(name=name, priority=priority, retry=Ladder())
        async def run(request_id: str | None = None, **arguments: Any) -> None:
            with request_scope(request_id, job=name):
                await work(**arguments)

        return Job(name, work, priority)

    return register


def timetable(cron: str, *, name: str, priority: Priority = Priority.USUAL) -> Callable[[Work], Work]:
    """Run an async function without arguments by a cron line (UTC); one run per tick over all workers.

    A tick that fails is tried three times more; the next tick comes anyway.
    """

    def register(work: Work) -> Work:
        @queue.periodic(cron=cron)
        @queue.task(name=name, priority=priority, queueing_lock=name, lock=name, retry=_TICK_RETRY)
        async def run(timestamp: int) -> None:  # noqa: ARG001 - the queue passes the tick
            with request_scope(None, job=name):
                await work()

        return work

    return register


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[App]:
    """The queue with a pool, for the worker and for looking at it."""
    connector = PsycopgConnector(conninfo=db.libpq_url(database_url), min_size=1, max_size=4)
    with queue.replace_connector(connector):
        async with queue.open_async() as app:
            yield app


async def rescue_stalled(app: App) -> int:
    """Put jobs of workers that died without a word back into the queue; gives how many."""
    stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_AFTER_SECONDS)
    rescued = 0
    for found in stalled:
        await app.job_manager.retry_job(found, retry_at=clock.now())
        _log.warning("job rescued", job=found.task_name, job_id=found.id)
        rescued += 1
    return rescued


async def retry_given_up(job_id: int) -> bool:
    """Let a dead letter run again; False when there is none, or its next tick waits already and does the same."""
    return bool(await db.rows(_RETRY_GIVEN_UP, job_id))
