"""A process that commits a fact and dies on the spot: `python -m tests.kernel.crash BELL_ID`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from uuid import UUID

from app.kernel import db
from tests.kernel.happenings import ring


async def commit_and_die(bell_id: UUID) -> None:
    await db.connect()
    await ring(bell_id)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(commit_and_die(UUID(sys.argv[1])))
