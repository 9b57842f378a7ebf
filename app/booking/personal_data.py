"""Without this module a joined account could not see when it is expected at the hall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import orjson

from app.booking.models import Booking, BookingItem
from app.booking.outcomes import give_back, record_hall_cancelled
from app.booking.queries import items_of, items_of_bookings, live_bookings, locked_booking
from app.booking.rules import LIFE, LIVE_STATES, LiveBooking, bookings_giving_way, day_and_time
from app.cases.commands import record_visit
from app.cases.joining import giving_way
from app.identity.ports import Fate, Kind, Reason, Retention
from app.kernel import db
from app.kernel.privacy import unseal

_LOCK_SLOTS = """
    SELECT id FROM slot WHERE id IN (
        SELECT slot_id FROM booking WHERE resident_id = ANY($1::uuid[]) AND state IN ('BOOKED', 'CHECKED_IN')
    ) ORDER BY id FOR UPDATE
"""


class Holdings:
    """Places in slots. They stay when an account closes: the hall's figures of a day must come out the same."""

    rank = 1
    kinds: Mapping[str, Kind] = {
        "bookings": Kind("预约记录", "bookings", Fate.KEPT, "《档案法》第十三条:作为办件过程的一部分归档,已不含姓名"),
    }
    retention: tuple[Retention, ...] = (
        Retention("bookings", 10950, "《机关文件材料归档范围和文书档案保管期限规定》:随办件三十年"),
    )

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:
        """Of several live bookings of one item and day one stays (`bookings_giving_way`); the others are nobody's
        fault. What was booked for a case that will be withdrawn is kept for the case that stays.

        More live bookings than one resident may make can result: what was promised is kept.
        """
        await db.rows(_LOCK_SLOTS, [absorbed, survivor])
        given_back = await _book_once(absorbed, survivor)
        await _visit_for_the_staying_cases(absorbed, survivor)
        moved = await Booking.filter(resident_id=absorbed).update(resident_id=survivor)
        # A trigger lets the items follow their booking to the other account.
        return {"bookings": moved, "bookings_given_back": given_back}

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:
        return [_reason(booking) for booking in await live_bookings(resident_id)]

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        return {"bookings": await Booking.filter(resident_id=resident_id).count()}

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        bookings = await Booking.filter(resident_id=resident_id).order_by("id").prefetch_related("slot", "items")
        return {"bookings": [_booking(row) for row in bookings]}

    async def purge(self, kind: str, before: datetime) -> int:  # noqa: ARG002 - the archives decide, not we
        return 0


async def _book_once(absorbed: UUID, survivor: UUID) -> int:
    """One live booking for each item and day; gives how many were given back."""
    live = Booking.filter(resident_id__in=[absorbed, survivor], state__in=LIVE_STATES)
    bookings = await live.order_by("id").select_for_update()
    items = await items_of_bookings([booking.id for booking in bookings])
    leaving = bookings_giving_way(
        [
            LiveBooking(booking.id, booking.state, booking.booked_at, frozenset((it.item_key, it.day) for it in its))
            for booking, its in zip(bookings, items, strict=True)
        ]
    )
    for one in leaving:
        booking = await locked_booking(one.id)
        if not LIFE.may(booking.state, "cancel"):
            await record_hall_cancelled(booking)
            continue
        await give_back(booking)
        for item in await items_of(booking.id):
            if item.case_id is not None:
                await record_visit(item.case_id, None, visited=False)
    return len(leaving)


async def _visit_for_the_staying_cases(absorbed: UUID, survivor: UUID) -> None:
    for leaving, staying in (await giving_way(absorbed, survivor)).items():
        await BookingItem.filter(case_id=leaving, live=True).update(case_id=staying)
        ahead = Booking.filter(items__case_id=staying, state__in=LIVE_STATES).prefetch_related("slot")
        first = await ahead.order_by("slot__starts_at").first()
        if first is not None:
            await record_visit(staying, first.slot.starts_at, visited=False)


def _reason(booking: Booking) -> Reason:
    when = booking.slot.starts_at
    return Reason(
        "LIVE_BOOKING",
        f"您有{day_and_time(when, 'zh')}的预约,请先取消预约或办完再注销",
        f"You have a booking on {day_and_time(when, 'en')}; please cancel or keep it first.",
        f"booking:{booking.id}",
    )


def _booking(row: Booking) -> dict[str, object]:
    return {
        "id": row.id,
        "items": [{"item": item.item_key, "case": item.case_id} for item in row.items],
        "party": row.party,
        "service_point": row.slot.service_point_id,
        "starts_at": row.slot.starts_at,
        "until": row.until,
        "state": row.state,
        "booked_at": row.booked_at,
        "ended_at": row.ended_at,
        "excuse": row.excuse,
        "home": orjson.loads(unseal(row.home_sealed)) if row.home_sealed else None,
    }
