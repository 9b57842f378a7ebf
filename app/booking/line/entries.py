"""Without this module nobody would know where they stand in line, and an offer that ended would end the waiting.

The entries of the waiting list: read, and moved on by one conditional statement each. An entry is touched last in the
written order of locks, after resident, slots and booking.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.booking.line.rules import OFFERS_MOST
from app.booking.models import Booking, WaitingEntry
from app.booking.queries import concerns
from app.booking.rules import LINE_STATES, BookingState, WaitingState
from app.booking.visits import VisitItem
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound

_BEFORE = """
    SELECT mine.id, (
        SELECT count(*) FROM waiting_entry w
        WHERE w.category = mine.category AND w.state IN ('WAITING', 'OFFERED')
          AND (w.joined_at, w.id) < (mine.joined_at, mine.id)
          AND w.days_from <= mine.days_until AND w.days_until >= mine.days_from
          AND w.time_from <= mine.time_until AND w.time_until >= mine.time_from
          AND EXISTS (SELECT 1 FROM jsonb_array_elements_text(w.service_points) p WHERE mine.service_points ? p.value)
    )::int AS before
    FROM waiting_entry mine WHERE mine.id = ANY($1::uuid[])
"""
_OFFERED = "UPDATE waiting_entry SET state = 'OFFERED' WHERE id = $1 AND state = 'WAITING' RETURNING id"
_SERVED = "UPDATE waiting_entry SET state = 'SERVED', ended_at = $2 WHERE id = $1 AND state = 'OFFERED'"
_BACK_IN_LINE = """
    UPDATE waiting_entry SET offers = offers + $2,
        state = CASE WHEN offers + $2 < $3 THEN 'WAITING' ELSE 'OVER' END,
        ended_at = CASE WHEN offers + $2 < $3 THEN NULL ELSE $4::timestamptz END
    WHERE id = $1 AND state = 'OFFERED'
"""
_NO_LONGER_NEEDED = """
    UPDATE waiting_entry w SET state = 'OVER', ended_at = $2
    WHERE w.resident_id = (SELECT resident_id FROM booking WHERE id = $1 AND state = ANY($3::text[]))
      AND w.state = 'WAITING'
      AND EXISTS (
        SELECT 1 FROM booking_item i, jsonb_array_elements(w.items) wanted
        WHERE i.booking_id = $1 AND wanted.value ->> 'item_key' = i.item_key
    )
"""
_LAST_DAY_OVER = """
    UPDATE waiting_entry SET state = 'OVER', ended_at = $2 WHERE state = 'WAITING' AND days_until < $1 RETURNING id
"""
_COMING = [BookingState.BOOKED, BookingState.CHECKED_IN, BookingState.SERVED]
_SHOWN_AFTERWARDS = timedelta(days=7)


async def entry_of(entry_id: UUID, actor: Actor) -> WaitingEntry:
    """A place in line of the actor's matters. Raises `NotFound` alike for none and for somebody else's."""
    entry = await WaitingEntry.filter(**actor.matters()).get_or_none(id=entry_id)
    if entry is None or not concerns(actor, _item_keys(entry)):
        raise NotFound(what_zh="这个候补登记", what_en="place in line")
    return entry


async def entries_of(actor: Actor) -> list[WaitingEntry]:
    """A resident's places in line, and for a week those that ended, the newest first."""
    since = clock.now() - _SHOWN_AFTERWARDS
    entries = await WaitingEntry.filter(**actor.matters()).order_by("-joined_at", "-id")
    shown = [entry for entry in entries if entry.ended_at is None or entry.ended_at > since]
    return [entry for entry in shown if concerns(actor, _item_keys(entry))]


def _item_keys(entry: WaitingEntry) -> list[str]:
    return [VisitItem.from_json(said).item_key for said in entry.items]


async def live_entries(resident_id: UUID) -> list[WaitingEntry]:
    return await WaitingEntry.filter(resident_id=resident_id, state__in=LINE_STATES)


async def places_in_line(entry_ids: Sequence[UUID]) -> list[int]:
    """How many who want what each wants were there before, in key order."""
    found = {row["id"]: row["before"] for row in await db.rows(_BEFORE, list(entry_ids))}
    return [found.get(key, 0) for key in entry_ids]


async def live_offers(entry_ids: Sequence[UUID]) -> list[Booking | None]:
    """The place held for each entry now, in key order."""
    held = Booking.filter(offered_to_id__in=list(entry_ids), state=BookingState.HELD)
    found = {booking.offered_to_id: booking for booking in await held.prefetch_related("slot")}
    return [found.get(key) for key in entry_ids]


async def record_offered(entry_id: UUID) -> bool:
    """The entry has a place held for it; False when it no longer waits."""
    return await db.row(_OFFERED, entry_id) is not None


async def record_served(booking: Booking) -> None:
    """A held booking was confirmed: who waited for it no longer does."""
    if booking.offered_to_id is not None:
        await db.rows(_SERVED, booking.offered_to_id, clock.now())


async def record_offer_over(booking: Booking) -> None:
    """A booking ended: the entry it was offered to is in line again, or out of it after too many offers let pass.

    What the hall called off does not count.
    """
    if booking.offered_to_id is not None:
        passed = int(booking.state in {BookingState.CANCELLED, BookingState.EXPIRED})
        await db.rows(_BACK_IN_LINE, booking.offered_to_id, passed, OFFERS_MOST, clock.now())


async def end_needless(booking_id: UUID) -> None:
    """Who booked an item otherwise no longer waits for it."""
    await db.rows(_NO_LONGER_NEEDED, booking_id, clock.now(), _COMING)


async def end_entry(entry_id: UUID, state: WaitingState) -> None:
    await WaitingEntry.filter(id=entry_id, state__in=LINE_STATES).update(state=state, ended_at=clock.now())


async def end_outlived() -> int:
    """Who waited until their last day no longer does; gives how many."""
    return len(await db.rows(_LAST_DAY_OVER, clock.today(), clock.now()))
