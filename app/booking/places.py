"""Without this module places could be counted in two ways, and one of them would oversell.

The only statements that move a slot's counters. Each decides and changes in one; what they may not do the checks
of the table forbid (`slot_never_oversold`). Whoever takes or frees places of several slots locks them first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

from app.booking.events import PlacesReserved
from app.booking.line.rules import LAST_CALL
from app.booking.models import Booking, Slot
from app.booking.rules import Channel
from app.booking.sold_out import sold_out
from app.kernel import clock, db
from app.kernel.facts.publishing import publish

_LOCK = "SELECT id FROM slot WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE"

# The statement that decides: places are taken only while there are enough, and the slot lies ahead and is open.
_IS_BOOKABLE = "starts_at > $4 AND closed_at IS NULL AND (opens_at IS NULL OR opens_at <= $4)"
_HAS_ROOM = f"taken + $2 <= capacity AND phone_taken + $3 <= phone_capacity AND {_IS_BOOKABLE}"
_TAKE = f"""
    UPDATE slot SET taken = taken + $2, phone_taken = phone_taken + $3 WHERE id = ANY($1::uuid[]) AND {_HAS_ROOM}
    RETURNING id
"""  # noqa: S608 - both parts are constants
_ROOM = f"SELECT id FROM slot WHERE id = ANY($1::uuid[]) AND {_HAS_ROOM}"  # noqa: S608 - both parts are constants
_CLOSED = "SELECT id FROM slot WHERE id = ANY($1::uuid[]) AND (closed_at IS NOT NULL OR starts_at <= $2)"
_GIVE_BACK = "UPDATE slot SET taken = taken - $2, phone_taken = phone_taken - $3 WHERE id = ANY($1::uuid[])"

WISHES = """
    w.state = 'WAITING' AND w.category = s.category AND w.service_points ? s.service_point_id
    AND s.layer <> 'HOME_VISIT' AND s.day BETWEEN w.days_from AND w.days_until
    AND to_char(s.starts_at AT TIME ZONE 'Asia/Shanghai', 'HH24:MI') BETWEEN w.time_from AND w.time_until
    AND NOT EXISTS (
        SELECT 1 FROM booking passed
        WHERE passed.resident_id = w.resident_id AND passed.offered_to_id = w.id AND s.id = ANY(passed.slots)
    )
"""
"""Whether a waiting entry `w` wants to be offered places of a slot `s`; who let them pass once is not asked again."""

# A freed place goes to who is next in line: it stays taken and is set aside until it is offered.
_SET_ASIDE = f"""
    UPDATE slot s SET reserved = reserved + $2, phone_taken = phone_taken + $3
    WHERE id = $1 AND closed_at IS NULL AND starts_at > $4 AND phone_taken + $3 <= phone_capacity AND EXISTS (
        SELECT 1 FROM waiting_entry w WHERE {WISHES} AND w.party <= s.reserved + $2 + s.capacity - s.taken
    )
    RETURNING id
"""  # noqa: S608 - both parts are constants
# New places go there first too, as many as those who wait could use. What opens later is anybody's who comes then.
_SET_ASIDE_NEW = f"""
    UPDATE slot SET taken = taken + wanted, phone_taken = phone_taken + wanted, reserved = reserved + wanted
    FROM (
        SELECT s.id AS slot_id, least(s.capacity - s.taken, s.phone_capacity - s.phone_taken, (
            SELECT coalesce(sum(w.party), 0) FROM waiting_entry w WHERE {WISHES} AND w.party <= s.capacity - s.taken
        ))::int AS wanted
        FROM slot s WHERE s.id = ANY($1::uuid[])
    ) AS waited_for
    WHERE id = slot_id AND wanted > 0 AND closed_at IS NULL AND starts_at > $2 AND (opens_at IS NULL OR opens_at <= $3)
    RETURNING id
"""  # noqa: S608 - a constant
# What was set aside is used first; what is missing comes from the free places.
_HAND_ON = """
    UPDATE slot SET reserved = reserved - least(reserved, $2), taken = taken + greatest($2 - reserved, 0),
        phone_taken = phone_taken + greatest($2 - reserved, 0)
    WHERE id = ANY($1::uuid[])
"""
_ROOM_FOR_THE_LINE = """
    SELECT id FROM slot
    WHERE id = ANY($1::uuid[]) AND closed_at IS NULL AND starts_at > $3
      AND greatest($2 - reserved, 0) <= least(capacity - taken, phone_capacity - phone_taken)
"""
_OFFER_NO_MORE = """
    UPDATE slot SET taken = taken - reserved, phone_taken = phone_taken - reserved, reserved = 0
    WHERE id = ANY($1::uuid[]) AND reserved > 0
"""
_ROOMS = """
    SELECT id, starts_at, opens_at, closed_at, capacity, taken, phone_capacity, phone_taken FROM slot
    WHERE id = ANY($1::uuid[])
"""
_LOCKED_ROOMS = f"{_ROOMS} ORDER BY id FOR NO KEY UPDATE"
# Dealt out under the lock; the conditions are asked once more, for a program that forgot it.
_TAKE_EACH = """
    UPDATE slot SET taken = taken + dealt.places, phone_taken = phone_taken + dealt.places
    FROM unnest($1::uuid[], $2::int[]) AS dealt (id, places)
    WHERE slot.id = dealt.id AND taken + places <= capacity AND phone_taken + places <= phone_capacity
    RETURNING slot.id
"""


class Lack(Enum):
    """Why places cannot be taken."""

    BEGUN = "begun"
    CLOSED = "closed"
    NOT_OPEN = "not open"
    FULL = "full"


async def lock(slots: Sequence[UUID]) -> None:
    """Hold slots until the transaction ends, in the order in which everybody locks them."""
    await db.rows(_LOCK, list(slots))


async def any_closed(slots: Sequence[UUID]) -> bool:
    """Whether the hall has closed any of these slots."""
    return await Slot.filter(id__in=list(slots)).exclude(closed_at=None).exists()


async def take(run: Sequence[UUID], party: int, channel: Channel) -> bool:
    """Take `party` places in each slot of a run; True when there were enough in all of them, else nothing is taken."""
    phones = party if channel is Channel.PHONE else 0
    now = clock.now()
    if len(run) > 1:
        await lock(run)
        if len(await db.rows(_ROOM, list(run), party, phones, now)) < len(run):
            return False
    return len(await db.rows(_TAKE, list(run), party, phones, now)) == len(run)


async def has_room(run: Sequence[UUID], party: int, channel: Channel) -> bool:
    """Whether `take` would take these places now; of locked slots the answer stays true."""
    phones = party if channel is Channel.PHONE else 0
    return len(await db.rows(_ROOM, list(run), party, phones, clock.now())) == len(run)


@dataclass(slots=True)
class Room:
    """What phones can have of a slot, as the database said."""

    starts_at: datetime
    opens_at: datetime | None
    closed_at: datetime | None
    free: int

    def lack(self, party: int, now: datetime) -> Lack | None:
        """Why `party` places cannot be had now: the conditions of the statement that takes them one by one."""
        if self.starts_at <= now:
            return Lack.BEGUN
        if self.closed_at is not None:
            return Lack.CLOSED
        if self.opens_at is not None and self.opens_at > now:
            return Lack.NOT_OPEN
        return Lack.FULL if self.free < party else None


async def rooms(slots: Collection[UUID], *, locked: bool) -> dict[UUID, Room]:
    """The rooms of several slots by id, locked in the order in which everybody locks them, or as they were just now."""
    found = await db.rows(_LOCKED_ROOMS if locked else _ROOMS, list(slots))
    return {row["id"]: _room(row) for row in found}


def _room(row: Mapping[str, Any]) -> Room:
    free = min(row["capacity"] - row["taken"], row["phone_capacity"] - row["phone_taken"])
    return Room(row["starts_at"], row["opens_at"], row["closed_at"], free)


async def take_each(dealt: Mapping[UUID, int]) -> None:
    """Take for phones what was dealt out of locked rooms. Raises `RuntimeError` when it was not there."""
    if len(await db.rows(_TAKE_EACH, list(dealt), list(dealt.values()))) < len(dealt):
        raise RuntimeError("more places were dealt out than there are")


async def exchange(booking: Booking, run: Sequence[UUID]) -> bool:
    """Take the places of another run for a booking, then free those it leaves; what is in both it keeps.

    In the caller's transaction, which holds all these slots and writes the new run down. False when there are not
    enough, or the hall has closed one that would be kept; then nothing has changed.
    """
    gained = [slot for slot in run if slot not in booking.slots]
    kept = [slot for slot in run if slot in booking.slots]
    if await db.rows(_CLOSED, kept, clock.now()):
        return False
    if gained and not await take(gained, booking.party, booking.channel):
        return False
    await _free(booking, [slot for slot in booking.slots if slot not in run])
    return True


async def free(booking: Booking) -> None:
    """Give back the places of a booking that ends, or set them aside for who is next in line.

    In the caller's transaction, which holds the slots and ends the booking.
    """
    await _free(booking, booking.slots)


async def _free(booking: Booking, slots: Sequence[UUID]) -> None:
    db.after_commit(partial(sold_out.forget, list(slots)))
    phones = booking.party if booking.channel is Channel.PHONE else 0
    offered_until = clock.now() + LAST_CALL
    for slot in slots:
        more_phones = booking.party - phones
        if await db.row(_SET_ASIDE, slot, booking.party, more_phones, offered_until) is not None:
            await publish(PlacesReserved(slot))
        else:
            await db.rows(_GIVE_BACK, [slot], booking.party, phones)


async def set_aside_new(slots: Sequence[UUID]) -> None:
    """Set places that are new aside for who waits for them. The caller's transaction has made or holds the slots."""
    now = clock.now()
    for row in await db.rows(_SET_ASIDE_NEW, list(slots), now + LAST_CALL, now):
        await publish(PlacesReserved(row["id"]))


async def hand_on(run: Sequence[UUID], party: int) -> bool:
    """Turn places that were set aside, and free ones where these are too few, into those of one booking.

    In the caller's transaction, which holds the slots; False changes nothing.
    """
    if len(await db.rows(_ROOM_FOR_THE_LINE, list(run), party, clock.now())) < len(run):
        return False
    await db.rows(_HAND_ON, list(run), party)
    return True


async def offer_no_more(slots: Sequence[UUID]) -> None:
    """Give up places set aside for who is next in line: the slots close, or nobody in line can use them.

    The caller's transaction holds the slots.
    """
    db.after_commit(partial(sold_out.forget, list(slots)))
    await db.rows(_OFFER_NO_MORE, list(slots))
