"""Without this module the rows of many bookings would be written one after another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.booking.models import Booking, Slot
from app.booking.rules import BookingState, Channel
from app.booking.visits import Visit
from app.kernel import db

# The index on the items refuses a second live booking of one person, item and day: then the whole crowd is refused.
_INSERT = """
    WITH made AS (
        INSERT INTO booking (id, resident_id, slot_id, slots, item_key, day, until, party, channel, state, booked_at)
        SELECT id, resident_id, slot_id, slots::uuid[], item_key, day, until, party, $9, $10, booked_at
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::date[], $7::timestamptz[],
            $8::smallint[], $11::timestamptz[])
            AS booked (id, resident_id, slot_id, slots, item_key, day, until, party, booked_at)
    )
    INSERT INTO booking_item (id, booking_id, resident_id, item_key, day, case_id, live)
    SELECT id, booking_id, resident_id, item_key, day, case_id, true
    FROM unnest($12::uuid[], $13::uuid[], $14::uuid[], $15::text[], $16::date[], $17::uuid[])
        AS meant (id, booking_id, resident_id, item_key, day, case_id)
"""

Placed = tuple[UUID, UUID, Visit, datetime]
"""A booking by its id, its resident, the visit whose places are taken, and when."""


async def insert_each(placed: Sequence[Placed]) -> list[Booking]:
    """Write bookings by phone whose places are taken; gives them with their slots, in order."""
    visits = [visit for _, _, visit, _ in placed]
    items = [
        (item_id, booking, resident, item.item_key, visit.day, item.case_id)
        for booking, resident, visit, _ in placed
        for item_id, item in zip(sorted(db.new_id() for _ in visit.items), visit.items, strict=True)
    ]
    await db.rows(
        _INSERT,
        [booking for booking, _, _, _ in placed],
        [resident for _, resident, _, _ in placed],
        [visit.run[0] for visit in visits],
        ["{" + ",".join(map(str, visit.run)) + "}" for visit in visits],
        [visit.items[0].item_key for visit in visits],
        [visit.day for visit in visits],
        [visit.until for visit in visits],
        [visit.party for visit in visits],
        Channel.PHONE,
        BookingState.BOOKED,
        [now for _, _, _, now in placed],
        *(list(column) for column in zip(*items, strict=True)),
    )
    slots = await Slot.in_bulk({visit.run[0] for visit in visits}, "id")
    pattern = _pattern(placed[0], slots[visits[0].run[0]])
    return [_like(pattern, each, slots[each[2].run[0]]) for each in placed]


def _pattern(placed: Placed, slot: Slot) -> Booking:
    booking_id, resident_id, visit, now = placed
    booking = Booking(
        id=booking_id,
        resident_id=resident_id,
        slot=slot,
        slots=list(visit.run),
        item_key=visit.items[0].item_key,
        day=visit.day,
        until=visit.until,
        party=visit.party,
        channel=Channel.PHONE,
        state=BookingState.BOOKED,
        booked_at=now,
    )
    booking._saved_in_db = True  # noqa: SLF001 - the ORM has no other word for a row that was written in a crowd
    return booking


def _like(pattern: Booking, placed: Placed, slot: Slot) -> Booking:
    """A row of a crowd from one that the ORM has made: its constructor costs more than all the rest of a booking."""
    booking_id, resident_id, visit, now = placed
    booking = Booking.__new__(Booking)
    own = {
        "id": booking_id,
        "resident_id": resident_id,
        "_slot": slot,
        "slot_id": slot.id,
        "slots": list(visit.run),
        "item_key": visit.items[0].item_key,
        "day": visit.day,
        "until": visit.until,
        "party": visit.party,
        "booked_at": now,
        "_await_when_save": {},
    }
    vars(booking).update(vars(pattern) | own)
    return booking
