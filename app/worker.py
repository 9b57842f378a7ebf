"""Without this module facts would be written and nobody would react to them."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from procrastinate import App
from procrastinate.exceptions import ProcrastinateException

from app import wiring
from app.kernel import jobs
from app.kernel.logging import get_logger
from app.kernel.settings import get_settings
from app.payments.receipts.seal import check_seal

_log = get_logger(__name__)
_RESCUE_EVERY_SECONDS = 60
_PATIENCE_SECONDS = 20


async def work() -> None:
    """Run jobs and the timetable until SIGTERM or SIGINT.

    Running jobs then have 20 seconds to finish; what is cut off is retried. Jobs that succeeded are deleted,
    jobs that were given up stay in the table as dead letters.
    """
    settings = get_settings()
    async with wiring.connected(), jobs.opened(settings.database_url) as queue:
        check_seal()
        rescuing = asyncio.create_task(_rescue_now_and_then(queue))
        _log.info("worker ready", concurrency=settings.worker_concurrency)
        try:
            await queue.run_worker_async(
                name="portal",
                concurrency=settings.worker_concurrency,
                listen_notify=True,
                # A job whose lock was held is not announced when the lock is free: look again soon.
                fetch_job_polling_interval=1.0,
                delete_jobs="successful",
                shutdown_graceful_timeout=_PATIENCE_SECONDS,
            )
        finally:
            rescuing.cancel()
            with suppress(asyncio.CancelledError):
                await rescuing
    _log.info("worker stopped")


async def _rescue_now_and_then(queue: App) -> None:
    while True:
        try:
            await jobs.rescue_stalled(queue)
        except ProcrastinateException as error:
            _log.warning("jobs of dead workers not looked for", error=repr(error))
        await asyncio.sleep(_RESCUE_EVERY_SECONDS)
