"""An audit, and the hands of whoever breaks into it."""

from __future__ import annotations

from collections.abc import Mapping

from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM
from app.kernel.audit.chaining import chain, last_link
from app.kernel.audit.encoding import COLUMNS, next_hash
from app.kernel.audit.faults import FaultKind
from app.kernel.audit.lines import AuditLine, AuditLink
from app.kernel.audit.verifying import Verification

Named = tuple[FaultKind, int | None, int | None]
_TABLES = ("audit_line", "audit_link", "audit_anchor")


async def write(count: int) -> None:
    """So many acts, and none is chained."""
    for number in range(1, count + 1):
        await audit.record(SYSTEM, "thing.done", f"thing:{number}", detail={"number": number})


async def write_and_chain(count: int) -> None:
    """Afterwards line 1 is at position 1, and so on: ids begin with 1 in a new database."""
    await write(count)
    assert await chain() == count


async def break_in(*statements: str) -> None:
    """What somebody does who owns the tables: the triggers are off meanwhile."""
    async with db.transaction():
        for table in _TABLES:
            await db.rows(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            await db.rows(statement)
        for table in _TABLES:
            await db.rows(f"ALTER TABLE {table} ENABLE TRIGGER USER")


async def rebuild_the_chain() -> None:
    """The same intruder computes every hash anew; that takes no key."""
    await break_in("DELETE FROM audit_link")
    assert (await last_link()).position == 0
    await chain(everything=True)


async def find_faults(kept: Mapping[str, str] | None = None) -> list[Named]:
    return [(fault.kind, fault.line_id, fault.position) async for fault in Verification(kept or {}).faults()]


async def told(kept: Mapping[str, str] | None = None) -> list[str]:
    """The same as sentences."""
    return [fault.sentence async for fault in Verification(kept or {}).faults()]


async def append_link(line_id: int) -> None:
    """A link to a line, with the right hash, as the chain itself would make it."""
    end = await last_link()
    line = await db.row(f"SELECT {COLUMNS} FROM audit_line l WHERE l.id = $1", line_id)  # noqa: S608
    assert line is not None
    await AuditLink.create(position=end.position + 1, line_id=line_id, hash=next_hash(end.hash, line))


async def write_unsigned(count: int) -> None:
    """Lines of a release that knew no MACs."""
    for number in range(1, count + 1):
        await AuditLine.create(
            at=clock.now(), actor="system:portal", act="thing.done", subject=f"old:{number}", result="done", detail={}
        )
