"""Facts and jobs of a domain that does not exist, so that the mechanism is tested and nobody's rules.

Every effect is an audit line: it is in the database, so that it can be seen from another process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from app.kernel import audit, db
from app.kernel.actor import SYSTEM
from app.kernel.audit import AuditLine
from app.kernel.callbacks import Handled
from app.kernel.facts import Fact
from app.kernel.facts.publishing import publish, reacts_to
from app.kernel.inbox.notices import handles
from app.kernel.jobs import Job, Priority, job


@dataclass(frozen=True)
class BellRung(Fact):
    bell_id: UUID
    times: int = 1
    about: ClassVar[str] = "bell_id"


@reacts_to(BellRung)
async def wake_up(fact: BellRung) -> None:
    await audit.record(SYSTEM, "bell.woke", f"bell:{fact.bell_id}", detail={"times": fact.times})


@reacts_to(BellRung)
async def complain(fact: BellRung) -> None:
    await audit.record(SYSTEM, "bell.complained", f"bell:{fact.bell_id}")


@dataclass(frozen=True)
class NobodyCares(Fact):
    bell_id: UUID


@job("kernel.stumble")
async def stumble(bell_id: str) -> None:
    """Never succeeds."""
    raise LookupError(bell_id)


@job("kernel.oil", priority=Priority.PATIENT)
async def oil(bell_id: str) -> None:
    """Can wait. Fails while the bell is broken."""
    if bell_id in broken_bells:
        raise LookupError(bell_id)
    await audit.record(SYSTEM, "bell.oiled", f"bell:{bell_id}")


@job("kernel.strike")
async def strike(bell_id: str) -> None:
    await audit.record(SYSTEM, "bell.struck", f"bell:{bell_id}")


async def let_tick(bell_id: UUID | str, work: Job) -> None:
    """Put a job in the queue as the timetable does: one waits, and one runs at a time."""
    async with db.transaction():
        await work.defer(lock=f"tick:{bell_id}", bell_id=str(bell_id))
        await db.rows(_AS_TICK, f"tick:{bell_id}")


_AS_TICK = "UPDATE procrastinate_jobs SET queueing_lock = lock WHERE lock = $1 AND status = 'todo'"


@job("kernel.outlast")
async def outlast(bell_id: str) -> None:
    """Fails, when the next tick has come already."""
    await let_tick(bell_id, strike)
    raise LookupError(bell_id)


async def ring(bell_id: UUID, times: int = 1) -> None:
    async with db.transaction():
        await publish(BellRung(bell_id, times))


async def heard(bell_id: UUID | str) -> list[str]:
    """What has come of a bell, oldest first."""
    return [line.act for line in await AuditLine.filter(subject=f"bell:{bell_id}").order_by("id")]


@handles("kernel.bell")
async def take_bell(content: dict[str, Any]) -> Handled:
    """Does its work first and then fails while the bell is broken, so that a half-done work would show."""
    await audit.record(SYSTEM, "bell.taken", f"bell:{content['bell']}")
    if content["bell"] in broken_bells:
        raise LookupError("broken")
    return Handled(matched=content.get("known", True), remark=content.get("remark", ""))


broken_bells: set[str] = set()
