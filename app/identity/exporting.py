"""Without this module nobody could see and take along what we hold of them (个人信息保护法 45)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from app.identity import capabilities
from app.identity.assurance import require_step_up
from app.identity.looks import Look, looks_of
from app.identity.ports import PersonalData
from app.identity.queries import locked_resident
from app.identity.rules import Level
from app.kernel import audit, clock, db, ports
from app.kernel.actor import Actor
from app.kernel.ratelimit import check_rate


@dataclass(frozen=True)
class Export:
    """Everything held of a resident, as one JSON document."""

    at: datetime
    text: str


async def export_all(actor: Actor) -> Export:
    """Write down everything held of the resident, opened, in one JSON document; five times a day at most.

    A proven account proves itself again first. Raises `SwitchedOff`, `ActingForAnother`, `StepUpNeeded`,
    `AccountEnded` or `TooManyRequests`.
    """
    capabilities.check_on(capabilities.DATA_EXPORT)
    resident_id = actor.own_id()
    await require_step_up(actor, Level.L2)
    await check_rate("5/day", "export", str(resident_id))
    async with db.transaction():
        await locked_resident(resident_id)
        now = clock.now()
        domains = sorted(ports.every(PersonalData).items())
        document = {
            "exported_at": now,
            "account": resident_id,
            "sections": [section for name, held in domains for section in await _sections(name, held, resident_id)],
            "retention": [period for name, held in domains for period in _periods(name, held)],
            "access_log": [_access(look) for look in await looks_of(resident_id)],
        }
        await audit.record(actor, "identity.data_exported", f"resident:{resident_id}")
    return Export(now, orjson.dumps(_plain(document), option=orjson.OPT_INDENT_2).decode())


async def _sections(domain: str, held: PersonalData, resident_id: UUID) -> list[dict[str, object]]:
    return [
        {
            "domain": domain,
            "kind": kind,
            "name_zh": held.kinds[kind].zh,
            "name_en": held.kinds[kind].en,
            "rows": rows,
        }
        for kind, rows in (await held.export(resident_id)).items()
    ]


def _periods(domain: str, held: PersonalData) -> list[dict[str, object]]:
    return [
        {
            "domain": domain,
            "kind": period.kind,
            "name_zh": held.kinds[period.kind].zh,
            "days": period.days,
            "basis_zh": period.basis_zh,
        }
        for period in held.retention
    ]


def _access(look: Look) -> dict[str, object]:
    return {
        "at": look.at,
        "title": look.title,
        "department": look.department,
        "kind": look.words.kind,
        "text_zh": look.words.zh,
        "text_en": look.words.en,
        "purpose_zh": look.purpose[0] if look.purpose else None,
        "case": look.case_id,
    }


def _plain(value: Any) -> Any:
    """Moments as the hall's clock shows them; the database's own kind of UUID as text."""
    if isinstance(value, datetime):
        return clock.local(value).isoformat(timespec="seconds")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    return value
