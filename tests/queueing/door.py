"""Scanners at a hall's door, and what they read."""

from __future__ import annotations

from datetime import datetime

from app.booking.door import check_in_code
from app.identity.models import DeviceKind
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from app.queueing.scan_rules import Scanned
from app.queueing.scanning import Told, sync_scans
from tests.people import new_key
from tests.queueing.hall import Visitor


def make_scanner(place: str = "city-hall") -> Actor:
    return Actor(ActorKind.DEVICE, db.new_id(), roles=frozenset({DeviceKind.SCANNER}), place=place)


async def code_of(visitor: Visitor) -> str:
    return (await check_in_code(visitor.actor, visitor.booking.id)).text


def read_at(code: str, moment: datetime) -> Scanned:
    return Scanned(code, moment, new_key())


async def outcome(scanner: Actor, scan: Scanned, sent_at: datetime | None = None) -> Told:
    """What one late scan comes to, sent now by a clock that is right."""
    [told] = (await sync_scans(scanner, sent_at or clock.now(), [scan])).scans
    return told
