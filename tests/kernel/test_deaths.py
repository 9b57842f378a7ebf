from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.delivery.ports import SNAPSHOT_TOPIC
from app.kernel import db
from app.kernel.callbacks import RawCallback, Received
from app.kernel.inbox.notices import Notice, NoticeState, keep
from tests.kernel.happenings import heard
from tests.people import until
from tests.portal import Portal


async def test_a_process_that_dies_right_after_the_commit_has_published(portal: Portal) -> None:
    """Nothing is left of it but the commit, and that is enough."""
    bell = db.new_id()
    died = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.kernel.crash", str(bell))
    assert await died.wait() == -signal.SIGKILL
    assert await heard(bell) == []

    await portal.run_jobs()

    assert sorted(await heard(bell)) == ["bell.complained", "bell.woke"]


@contextmanager
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """`portal worker`, as it runs in production."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "worker"], env=dict(os.environ), stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def kept_notice() -> Notice:
    """A push for a parcel nobody registered: its work ends with a person."""
    key = str(db.new_id())
    content = {"tracker": "kuaidi100", "carrier": "ems", "number": key[:12], "events": []}
    raw = RawCallback("kuaidi100", "tracking", {}, {}, b"param")
    assert await keep(raw, Received(key, SNAPSHOT_TOPIC, content))
    return await Notice.get(event_key=key)


async def job_of(notice: Notice) -> dict[str, Any] | None:
    row = await db.row(
        "SELECT status::text, worker_id FROM procrastinate_jobs WHERE args->>'notice_id' = $1", str(notice.id)
    )
    return dict(row) if row else None


async def test_a_job_whose_worker_was_killed_over_it_is_finished_by_another(portal: Portal) -> None:
    """The first is held fast in the middle of the work, killed, and thirty seconds later missed."""
    await portal.run_jobs()
    notice = await kept_notice()

    async def is_doing() -> dict[str, Any] | None:
        job = await job_of(notice)
        return job if job and job["status"] == "doing" else None

    async def is_done() -> bool:
        return (await Notice.get(id=notice.id)).state is NoticeState.UNMATCHED

    with worker() as first:
        async with db.transaction():
            await Notice.select_for_update().get(id=notice.id)
            job = await until(is_doing, what="the first worker to begin")
            first.kill()
            first.wait()
    assert (await Notice.get(id=notice.id)).state is NoticeState.RECEIVED
    assert await is_doing() == job

    await db.rows(
        "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '31 s' WHERE id = $1", job["worker_id"]
    )
    with worker() as second:
        await until(is_done, what="the second worker to finish")
        second.terminate()
        assert second.wait(timeout=60) == 0
    assert await job_of(notice) is None
