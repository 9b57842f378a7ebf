"""Without this module what a resident booked before would be asked for once per rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.booking.credit.exemptions import Exemption, exemptions_of
from app.booking.credit.rules import fault_of
from app.booking.rules import BookingState
from app.booking.visits import History, Past
from app.kernel import clock, db

_REMEMBERED = timedelta(days=731)
_PAST = """
    SELECT b.id, b.resident_id, b.state, b.day, b.late, b.excused_at, b.ended_at, s.category, s.starts_at,
        (SELECT array_agg(i.item_key ORDER BY i.id) FROM booking_item i WHERE i.booking_id = b.id) AS items
    FROM booking b JOIN slot s ON s.id = b.slot_id
    WHERE b.resident_id = ANY($1::uuid[]) AND b.booked_at > $2
    ORDER BY s.starts_at, b.id
"""


async def histories_of(resident_ids: Sequence[UUID]) -> list[History]:
    """What each booked in the last two years, in key order, and whether it counts.

    In one statement, however many they are; in a second for those against whom something would count.
    """
    found: defaultdict[UUID, list[Past]] = defaultdict(list)
    for row in await db.rows(_PAST, list(resident_ids), clock.now() - _REMEMBERED):
        found[row["resident_id"]].append(
            Past(
                id=row["id"],
                category=row["category"],
                day=row["day"],
                starts_at=row["starts_at"],
                state=BookingState(row["state"]),
                item_keys=tuple(row["items"] or ()),
                late=row["late"],
                excused=row["excused_at"] is not None,
                ended_at=row["ended_at"],
            )
        )
    faulty = [key for key, bookings in found.items() if any(fault_of(past) for past in bookings)]
    known = dict(zip(faulty, await exemptions_of(faulty), strict=True)) if faulty else {}
    return [_history(tuple(found[key]), known.get(key)) for key in resident_ids]


def _history(bookings: tuple[Past, ...], exemption: Exemption | None) -> History:
    if exemption is None:
        return History(bookings)
    return History(bookings, exempt=exemption.granted is not None, born=exemption.born)


async def history_of(resident_id: UUID) -> History:
    [history] = await histories_of([resident_id])
    return history
