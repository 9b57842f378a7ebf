"""How processes of ours die while they are at a parcel."""

from __future__ import annotations

import os
import signal
import sys
from asyncio import create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

from app.delivery.tasks_of_desk import open_task
from app.delivery.words import TaskKind
from app.kernel import db
from tests.people import until

_ROOT = Path(__file__).parents[2]
_WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted"  # pg_stat_activity stands still within a transaction


async def killed(act: str, provider: str, about: UUID, **variables: str) -> bool:
    """Whether a process of its own died by SIGKILL right after the provider had answered."""
    worker = await create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("killed_worker.py")), act, provider, str(about),
        cwd=_ROOT, env={**os.environ, "PYTHONPATH": str(_ROOT), **variables},
    )  # fmt: skip
    return await worker.wait() == -signal.SIGKILL


class _NotAfterAll(Exception):
    pass


@asynccontextmanager
async def stuck_at_task(kind: TaskKind, subject: str) -> AsyncIterator[None]:
    """Whoever opens this task meanwhile waits, with all that they have written before it."""
    with suppress(_NotAfterAll):
        async with db.transaction():
            await open_task(kind, subject)
            yield
            raise _NotAfterAll


async def somebody_waits() -> None:
    """Until a statement of somebody else waits for a lock."""

    async def waits() -> bool:
        return bool(await db.rows(_WAITING))

    await until(waits, what="somebody to wait for a lock", seconds=180)
