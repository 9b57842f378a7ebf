"""Without this module data would be kept until somebody remembers it (个人信息保护法 19)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.identity.ports import Kind, PersonalData, Retention
from app.kernel import audit, clock, db, ports
from app.kernel.actor import SYSTEM

BATCH = 1000
"""How many rows one transaction of a purge deletes at most."""


@dataclass(frozen=True)
class Period:
    """How long one kind of data of a domain is kept."""

    domain: str
    words: Kind
    retention: Retention


def retention_periods() -> list[Period]:
    """How long what is kept, over all domains."""
    return [
        Period(domain, held.kinds[retention.kind], retention)
        for domain, held in sorted(ports.every(PersonalData).items())
        for retention in held.retention
    ]


async def purge_what_ran_out() -> dict[str, int]:
    """Delete everything past its period, in batches with a transaction each; gives counts by domain and kind."""
    purged: dict[str, int] = {}
    for period in retention_periods():
        count = await _purge(period)
        if count:
            purged[f"{period.domain}.{period.retention.kind}"] = count
    return purged


async def _purge(period: Period) -> int:
    held, kind = ports.get(PersonalData, period.domain), period.retention.kind
    before = clock.now() - timedelta(days=period.retention.days)
    total, batch = 0, BATCH
    while batch == BATCH:
        async with db.transaction():
            batch = await held.purge(kind, before)
            if batch:
                subject, detail = f"retention:{period.domain}.{kind}", {"deleted": batch}
                await audit.record(SYSTEM, "retention.purged", subject, detail=detail)
        total += batch
    return total
