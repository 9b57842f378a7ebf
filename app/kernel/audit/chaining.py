"""Without this module a removed audit line would leave no gap.

Chaining inside the acts themselves would let every command of the city wait for one row. So lines are linked a
moment later, by one process at a time; a line that commits late simply gets a later place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from app.kernel import clock, db
from app.kernel.audit.encoding import ANCHOR_PURPOSE, COLUMNS, NO_HASH, anchor_bytes, grouped, next_hash
from app.kernel.audit.lines import AuditAnchor
from app.kernel.jobs import timetable
from app.kernel.logging import get_logger
from app.kernel.privacy import key_ring

_log = get_logger(__name__)
_BATCH = 2_000
_LOOKING_BACK = 100_000
_CHAIN_LOCK = "audit chain"
_LAST = "SELECT position, hash FROM audit_link ORDER BY position DESC LIMIT 1"
_WINDOW = "SELECT coalesce(max(line_id), 0) - $1::bigint AS start FROM audit_link"
_UNCHAINED = f"""
    SELECT {COLUMNS} FROM audit_line l LEFT JOIN audit_link k ON k.line_id = l.id
    WHERE l.id > $1 AND k.line_id IS NULL ORDER BY l.id LIMIT $2
"""  # noqa: S608 - column names of our own
_CHAIN = "INSERT INTO audit_link (position, line_id, hash) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[])"


@dataclass(frozen=True)
class End:
    """The last link."""

    position: int
    hash: str


async def chain(*, everything: bool = False, tell: Callable[[int], None] = lambda _chained: None) -> int:
    """Link every line that is visible and not linked yet, in id order; gives how many.

    Looks back over the newest 100,000 ids, or over the whole table. Runs of several processes wait for each other.
    """
    start = -(2**63) if everything else (await db.rows(_WINDOW, _LOOKING_BACK))[0]["start"]
    chained = 0
    while added := await _chain_some(start):
        chained, start = chained + len(added), added[-1]
        tell(chained)
    return chained


async def _chain_some(start: int) -> list[int]:
    """Link the first unlinked lines beyond an id, and give their ids."""
    async with db.transaction():
        await db.one_at_a_time(_CHAIN_LOCK)
        end = await last_link()
        position, previous = end.position, end.hash
        links: list[tuple[int, int, str]] = []
        for line in await db.rows(_UNCHAINED, start, _BATCH):
            position, previous = position + 1, next_hash(previous, line)
            links.append((position, line["id"], previous))
        if links:
            await db.rows(_CHAIN, *(list(column) for column in zip(*links, strict=True)))
        return [line_id for _, line_id, _ in links]


async def last_link() -> End:
    """The end of the chain; position 0 while there is none."""
    last = await db.row(_LAST)
    return End(last["position"], last["hash"]) if last else End(0, NO_HASH)


@timetable("* * * * *", name="audit.chain")
async def chain_new_lines() -> None:
    await chain()


@timetable("5 * * * *", name="audit.anchor")
async def anchor_yesterday() -> None:
    """At 00:05 in Shanghai; the later hours find it there, or do what the first could not."""
    await chain(everything=True)
    await write_anchor()


async def write_anchor() -> bool:
    """Anchor the day that ended last (Asia/Shanghai) and say so in the log; False when it has its anchor."""
    day = clock.today() - timedelta(days=1)
    async with db.transaction():
        await db.one_at_a_time(_CHAIN_LOCK)
        if await AuditAnchor.exists(day=day):
            return False
        end = await last_link()
        before = await AuditAnchor.all().order_by("-position").first()
        lines = end.position - (before.position if before else 0)
        mac = key_ring().sign(ANCHOR_PURPOSE, anchor_bytes(day, end.position, lines, end.hash))
        await AuditAnchor.create(day=day, position=end.position, lines=lines, hash=end.hash, mac=mac)
    # With the logs it leaves the machine: who rules the database does not rule these.
    _log.info("audit anchored", day=day.isoformat(), position=end.position, lines=lines, hash=grouped(end.hash))
    return True


async def newest_anchors(limit: int) -> list[AuditAnchor]:
    return await AuditAnchor.all().order_by("-day").limit(limit)
