"""Without this module nobody in the waiting room would know how long it takes, or that nothing is left."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import datetime

from app.booking.room.draw import Room, ask_again_after, expected_wait
from app.booking.room.turns import Ticket, make_pass, make_ticket
from app.kernel import db

_TRUSTED_SECONDS = 1.0
_REMEMBERED = 1_000
_FREE = """
    SELECT 1 FROM slot
    WHERE service_point_id = $1 AND category = $2 AND opens_at = $3 AND starts_at > $4 AND closed_at IS NULL
      AND taken < capacity AND phone_taken < phone_capacity LIMIT 1
"""


@dataclass(frozen=True)
class Place:
    """Where somebody is in a waiting room, as far as it is known."""

    room: Room
    ticket: str
    """What to ask with next time."""

    people: int | None
    """How many wait; None while Redis is lost."""

    number: int | None
    """How many are called before; None before the draw."""

    ahead: int | None
    """How many of them have not been called yet."""

    expected_wait: tuple[int, int] | None
    """Seconds, from and to; None when the turn has come or nobody can tell."""

    turn_at: datetime | None
    sold_out: bool
    ask_again_after: int
    """Seconds, another number for each asker, so that a crowd does not ask all at once."""

    turn: str | None
    """The pass to book with, once the turn has come."""

    turn_ends_at: datetime | None


class _Sales:
    """Whether the slots of a release are sold out, as it was within the last second."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, bool]] = {}

    async def are_over(self, room: Room, now: datetime) -> bool:
        if room.is_gathering(now):
            return False
        at, known = self._seen.get(room.key, (float("-inf"), False))
        if time.monotonic() - at < _TRUSTED_SECONDS:
            return known
        if len(self._seen) > _REMEMBERED:
            self._seen.clear()
        self._seen[room.key] = (time.monotonic(), known)  # one asks, the others go by what was
        over = await db.row(_FREE, room.service_point, room.category, room.release, now) is None
        self._seen[room.key] = (time.monotonic(), over)
        return over


_sales = _Sales()


async def place_of(ticket: Ticket, room: Room, people: int, now: datetime) -> Place:
    """The place a ticket stands for, with a pass when its number has been called."""
    number = ticket.number
    called = number is not None and number < room.admitted(now)
    return await _place(
        ticket,
        room,
        now,
        called=called,
        people=people,
        ahead=None if number is None else max(0, number - room.admitted(now)),
        wait=None if called else expected_wait(room, now, number=number, people=people),
        turn_at=None if number is None else room.turn_at(number),
    )


async def place_of_everybody(ticket: Ticket, room: Room, now: datetime) -> Place:
    """Without Redis nobody waits: from the release on each may book, as if there were no room."""
    return await _place(ticket, room, now, called=not room.is_gathering(now))


async def _place(
    ticket: Ticket,
    room: Room,
    now: datetime,
    *,
    called: bool,
    people: int | None = None,
    ahead: int | None = None,
    wait: tuple[int, int] | None = None,
    turn_at: datetime | None = None,
) -> Place:
    turn, turn_ends_at = make_pass(room, ticket.resident_id, now) if called else (None, None)
    seconds, spread = ask_again_after(room, now, number=ticket.number, people=people or ticket.people)
    return Place(
        room=room,
        ticket=make_ticket(ticket),
        people=people,
        number=ticket.number,
        ahead=ahead,
        expected_wait=wait,
        turn_at=turn_at,
        sold_out=await _sales.are_over(room, now),
        ask_again_after=seconds + secrets.randbelow(spread + 1),
        turn=turn,
        turn_ends_at=turn_ends_at,
    )
