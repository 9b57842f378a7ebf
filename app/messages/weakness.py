"""Without this module everybody would go on being sent to a channel that takes nothing.

How much a channel takes is measured from the attempts of the last minutes. A weak one keeps a share of the traffic,
never nothing: by what comes of that share it recovers by itself.
"""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

from app.kernel import clock, db
from app.messages.words import TAKEN, AttemptState

WINDOW = timedelta(minutes=10)
ENOUGH = 20
"""Fewer attempts say nothing about a channel."""

SMALLEST_SHARE = 0.05
_TOLERATED = 0.1
_REMEMBERED_SECONDS = 5.0
_SILENT = frozenset({AttemptState.RETRY, AttemptState.UNSURE})
_MEASURE = """
    SELECT channel, count(*) FILTER (WHERE state = ANY($2::text[])) AS took,
           count(*) FILTER (WHERE state = ANY($3::text[])) AS failed
    FROM message_attempt WHERE tried_at > $1 GROUP BY channel
"""
_shares: dict[str, float] = {}
_measured = 0.0


def share(took: int, failed: int) -> float:
    """What part of its traffic a channel still gets: all while at most a tenth fails, at least a twentieth.

    What residents refuse, and what is misconfigured, is not the channel's weakness.
    """
    if took + failed < ENOUGH:
        return 1.0
    lost = failed / (took + failed)
    return 1.0 if lost <= _TOLERATED else max(1.0 - lost, SMALLEST_SHARE)


async def is_skipped(channel: str, message_id: UUID) -> bool:
    """Whether this message had better go by another channel, if it has one; the same for one message every time."""
    return message_id.int % 1000 >= 1000 * (await _present_shares()).get(channel, 1.0)


async def _present_shares() -> dict[str, float]:
    """Measured anew every five seconds of this process."""
    global _shares, _measured
    if time.monotonic() - _measured > _REMEMBERED_SECONDS:
        _shares, _measured = await measured_shares(), time.monotonic()
    return _shares


async def measured_shares() -> dict[str, float]:
    """The share of each channel that was used in the last minutes."""
    since = clock.now() - WINDOW
    rows = await db.rows(_MEASURE, since, sorted(TAKEN), sorted(_SILENT))
    return {row["channel"]: share(row["took"], row["failed"]) for row in rows}


def forget_shares() -> None:
    """Measure again at the next message."""
    global _measured  # noqa: PLW0603 - the same
    _measured = 0.0
