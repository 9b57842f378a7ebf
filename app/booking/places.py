"""Without this module places could be counted in two ways, and one of them would oversell.

The only statements that move a slot's counters. Each decides and changes in one; what they may not do the checks
of the table forbid (`slot_never_oversold`). Whoever takes or frees places of several slots locks them first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.booking.events import PlacesReserved
from app.booking.models import Booking
from app.booking.rules import Channel
from app.kernel import clock, db
from app.kernel.facts.publishing import publish

_LOCK = "SELECT id FROM slot WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE"

# The statement that decides: places are taken only while there are enough, and the slot lies ahead and is open.
_TAKE = """
    UPDATE slot SET taken = taken + $2, phone_taken = phone_taken + $3
    WHERE id = $1 AND taken + $2 <= capacity AND phone_taken + $3 <= phone_capacity
      AND starts_at > $4 AND closed_at IS NULL AND (opens_at IS NULL OR opens_at <= $4)
    RETURNING id
"""
_GIVE_BACK = "UPDATE slot SET taken = taken - $2, phone_taken = phone_taken - $3 WHERE id = ANY($1::uuid[])"

# A freed place goes to who is next in line: it stays taken and is set aside until it is offered.
_SET_ASIDE = """
    UPDATE slot s SET reserved = reserved + $2, phone_taken = phone_taken + $3
    WHERE id = $1 AND closed_at IS NULL AND starts_at > $4 AND phone_taken + $3 <= phone_capacity AND EXISTS (
        SELECT 1 FROM waiting_entry w
        WHERE w.state = 'WAITING' AND w.category = s.category AND w.service_points ? s.service_point_id
          AND s.day BETWEEN w.days_from AND w.days_until
          AND to_char(s.starts_at AT TIME ZONE 'Asia/Shanghai', 'HH24:MI') BETWEEN w.time_from AND w.time_until
    )
    RETURNING id
"""
WORTH_OFFERING = timedelta(hours=1)
"""What is freed later than this before its slot begins is anybody's at once."""


async def lock(slots: Sequence[UUID]) -> None:
    """Hold slots until the transaction ends, in the order in which everybody locks them."""
    await db.rows(_LOCK, list(slots))


async def take(run: Sequence[UUID], party: int, channel: Channel) -> bool:
    """Take `party` places in each slot of a run; True when there were enough in all of them.

    False leaves the caller's transaction with some places taken: it has to be given up.
    """
    if len(run) > 1:
        await lock(run)
    phones = party if channel is Channel.PHONE else 0
    now = clock.now()
    for slot in run:
        if await db.row(_TAKE, slot, party, phones, now) is None:
            return False
    return True


async def free(booking: Booking) -> None:
    """Give back the places of a booking that ends, or set them aside for who is next in line.

    In the caller's transaction, which holds the slots and ends the booking.
    """
    phones = booking.party if booking.channel is Channel.PHONE else 0
    now = clock.now()
    for slot in booking.slots:
        more_phones = booking.party - phones
        if await db.row(_SET_ASIDE, slot, booking.party, more_phones, now + WORTH_OFFERING) is not None:
            await publish(PlacesReserved(slot))
        else:
            await db.rows(_GIVE_BACK, [slot], booking.party, phones)
