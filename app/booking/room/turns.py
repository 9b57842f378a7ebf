"""Without this module a place in the waiting room could be invented, lent or sold.

A ticket says that somebody entered a room; a pass, that their turn has come. Both are signed, name the room and the
resident, and need nothing remembered: any process reads them, also when Redis is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson

from app.booking.errors import TurnInvalid
from app.booking.room.draw import Room
from app.kernel.signing import signed, verified

PASS_MINUTES = 5
"""How long a pass is good for; a new one is to be had until the rush is over."""

_TICKET, _PASS = "waiting-ticket", "waiting-pass"
_FORGED = ("凭证不是本系统签发的", "it was not issued here")
_FOREIGN = ("凭证是发给别人的", "it was issued to somebody else")
_ELSEWHERE = ("凭证用于其他时段的放号", "it is for another release")
_EXPIRED = ("凭证已过期", "it has expired")


@dataclass(frozen=True)
class Ticket:
    """That a resident entered a room, and what was known then."""

    service_point: str
    category: str
    release: datetime
    resident_id: UUID
    number: int | None = None
    """Final as soon as it is known, which is from the release on."""

    people: int = 0
    """How many had gathered by then."""


def make_ticket(ticket: Ticket) -> str:
    release = ticket.release.isoformat()
    said = [ticket.service_point, ticket.category, release, str(ticket.resident_id), ticket.number, ticket.people]
    return signed(_TICKET, orjson.dumps(said))


def read_ticket(text: str, resident_id: UUID) -> Ticket:
    """Raises `TurnInvalid` for what is forged or somebody else's. It ends with the room, by the reader's clock."""
    body = verified(_TICKET, text)
    if body is None:
        raise _invalid("ticket", _FORGED)
    service_point, category, release, owner, number, people = orjson.loads(body)
    if UUID(owner) != resident_id:
        raise _invalid("ticket", _FOREIGN)
    return Ticket(service_point, category, datetime.fromisoformat(release), resident_id, number, people)


def make_pass(room: Room, resident_id: UUID, now: datetime) -> tuple[str, datetime]:
    """A pass and when it ends (UTC)."""
    ends_at = (min(now + timedelta(minutes=PASS_MINUTES), room.until)).replace(microsecond=0)
    return signed(_PASS, orjson.dumps([room.key, str(resident_id), int(ends_at.timestamp())])), ends_at


def check_pass(text: str, room: Room, resident_id: UUID, now: datetime) -> None:
    """Raise `TurnInvalid` unless it is this resident's for this room, and still good."""
    body = verified(_PASS, text)
    if body is None:
        raise _invalid("turn", _FORGED)
    key, owner, ends_at = orjson.loads(body)
    if UUID(owner) != resident_id:
        raise _invalid("turn", _FOREIGN)
    if key != room.key:
        raise _invalid("turn", _ELSEWHERE)
    if datetime.fromtimestamp(ends_at, UTC) <= now:
        raise _invalid("turn", _EXPIRED)


def _invalid(field: str, reason: tuple[str, str]) -> TurnInvalid:
    return TurnInvalid(field=field, reason_zh=reason[0], reason_en=reason[1])
