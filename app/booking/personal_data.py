"""Without this module a joined account could not see when it is expected at the hall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import orjson

from app.booking.models import Booking, BookingItem, CreditAppeal, CreditExemption, WaitingEntry
from app.booking.outcomes import give_back, record_hall_cancelled, tell_cases
from app.booking.queries import items_of_bookings, live_bookings, locked_booking
from app.booking.rules import (
    LIFE,
    LINE_STATES,
    LIVE_STATES,
    LiveBooking,
    WaitingState,
    bookings_giving_way,
    day_and_time,
)
from app.cases.commands import record_visit
from app.cases.joining import giving_way
from app.identity.ports import Fate, Kind, Reason, Retention
from app.kernel import clock, db
from app.kernel.privacy import unseal

_LOCK_SLOTS = """
    SELECT id FROM slot WHERE id IN (
        SELECT unnest(slots) FROM booking
        WHERE resident_id = ANY($1::uuid[]) AND state IN ('HELD', 'BOOKED', 'CHECKED_IN')
    ) ORDER BY id FOR UPDATE
"""
_PURGES = {
    "home_addresses": """
        UPDATE booking SET home_sealed = NULL WHERE id IN (
            SELECT id FROM booking WHERE home_sealed IS NOT NULL AND ended_at < $1 LIMIT 1000
        ) RETURNING id
    """,
    "waiting_entries": """
        DELETE FROM waiting_entry WHERE id IN (SELECT id FROM waiting_entry WHERE ended_at < $1 LIMIT 1000) RETURNING id
    """,
    "credit_appeals": """
        DELETE FROM credit_appeal WHERE id IN (SELECT id FROM credit_appeal WHERE decided_at < $1 LIMIT 1000)
        RETURNING id
    """,
    "credit_exemptions": """
        DELETE FROM credit_exemption WHERE id IN (
            SELECT id FROM credit_exemption WHERE least(ended_at, valid_until::timestamptz) < $1 LIMIT 1000
        ) RETURNING id
    """,
}


class Holdings:
    """Places in slots. They stay when an account closes: the hall's figures of a day must come out the same.

    A place in a waiting line, what was said in an appeal, and why somebody is exempt do not.
    """

    rank = 1
    kinds: Mapping[str, Kind] = {
        "bookings": Kind("预约记录", "bookings", Fate.KEPT, "《档案法》第十三条:作为办件过程的一部分归档,已不含姓名"),
        "home_addresses": Kind("上门服务地址", "addresses of home visits", Fate.DELETED),
        "waiting_entries": Kind("候补登记", "places on waiting lists", Fate.DELETED),
        "credit_appeals": Kind("预约信用申诉", "appeals about booking credit", Fate.DELETED),
        "credit_exemptions": Kind("预约信用豁免", "exemptions from booking credit", Fate.DELETED),
    }
    retention: tuple[Retention, ...] = (
        Retention("bookings", 10950, "《机关文件材料归档范围和文书档案保管期限规定》:随办件三十年"),
        Retention("home_addresses", 30, "《个人信息保护法》第十九条:上门服务结束后三十日,供核对服务情况"),
        Retention("waiting_entries", 90, "《个人信息保护法》第十九条:候补结束后九十日,供查询名额去向"),
        Retention("credit_appeals", 1095, "《民法典》第一百八十八条:自答复起三年,与诉讼时效一致"),
        Retention("credit_exemptions", 1095, "《民法典》第一百八十八条:自失效起三年,与诉讼时效一致"),
    )

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:
        """Of several live bookings of one item and day, or of one case, one stays (`bookings_giving_way`); the others
        are nobody's fault. What was booked for a case that will be withdrawn is kept for the case that stays.

        More live bookings than one resident may make can result: what was promised is kept.
        """
        await db.rows(_LOCK_SLOTS, [absorbed, survivor])
        live = Booking.filter(resident_id__in=[absorbed, survivor], state__in=LIVE_STATES)
        bookings = await live.order_by("id").select_for_update()
        staying = await giving_way(absorbed, survivor)
        given_back = await _book_once(bookings, staying)
        await _visit_for_the_staying_cases(staying)
        moved = await Booking.filter(resident_id=absorbed).update(resident_id=survivor)
        # A trigger lets the items follow their booking to the other account.
        await _wait_once(absorbed, survivor)
        return {
            "bookings": moved,
            "bookings_given_back": given_back,
            "waiting_entries": await WaitingEntry.filter(resident_id=absorbed).update(resident_id=survivor),
            "credit_appeals": await CreditAppeal.filter(resident_id=absorbed).update(resident_id=survivor),
            "credit_exemptions": await CreditExemption.filter(resident_id=absorbed).update(resident_id=survivor),
        }

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:
        return [_reason(booking) for booking in await live_bookings(resident_id)]

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        """Where a home visit went is nobody's business any more; what hangs on a deleted place in line stays."""
        mine = Booking.filter(resident_id=resident_id)
        return {
            "home_addresses": await mine.exclude(home_sealed=None).update(home_sealed=None),
            "bookings": await mine.count(),
            "waiting_entries": await WaitingEntry.filter(resident_id=resident_id).delete(),
            "credit_appeals": await CreditAppeal.filter(resident_id=resident_id).delete(),
            "credit_exemptions": await CreditExemption.filter(resident_id=resident_id).delete(),
        }

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        bookings = await Booking.filter(resident_id=resident_id).order_by("id").prefetch_related("slot", "items")
        waiting = await WaitingEntry.filter(resident_id=resident_id).order_by("id")
        appeals = await CreditAppeal.filter(resident_id=resident_id).order_by("id")
        exemptions = await CreditExemption.filter(resident_id=resident_id).order_by("id")
        return {
            "bookings": [_booking(row) for row in bookings],
            "waiting_entries": [_entry(row) for row in waiting],
            "credit_appeals": [_appeal(row) for row in appeals],
            "credit_exemptions": [_exemption(row) for row in exemptions],
        }

    async def purge(self, kind: str, before: datetime) -> int:
        """Bookings are not purged: the archives decide about them, not we."""
        statement = _PURGES.get(kind)
        return len(await db.rows(statement, before)) if statement else 0


async def _book_once(bookings: Sequence[Booking], staying: Mapping[UUID, UUID]) -> int:
    """One live booking for each item and day, and for each case; gives how many were given back.

    `staying` names for each case that will be withdrawn the one that stays.
    """
    items = await items_of_bookings([booking.id for booking in bookings])
    live = [_live(booking, its, staying) for booking, its in zip(bookings, items, strict=True)]
    leaving = bookings_giving_way(live)
    for one in leaving:
        booking = await locked_booking(one.id)
        if not LIFE.may(booking.state, "cancel"):
            await record_hall_cancelled(booking)
            continue
        await give_back(booking)
        await tell_cases(booking.id)
    return len(leaving)


def _live(booking: Booking, items: Sequence[BookingItem], staying: Mapping[UUID, UUID]) -> LiveBooking:
    visits = frozenset((item.item_key, item.day) for item in items)
    cases = frozenset(item.case_id and staying.get(item.case_id, item.case_id) for item in items)
    return LiveBooking(booking.id, booking.state, booking.booked_at, visits, cases)


async def _wait_once(absorbed: UUID, survivor: UUID) -> None:
    """One place in line for each item: the one that holds an offer, then the one joined first."""
    live = WaitingEntry.filter(resident_id__in=[absorbed, survivor], state__in=LINE_STATES)
    kept: set[str] = set()
    entries = await live.order_by("id").select_for_update()
    for entry in sorted(entries, key=lambda one: (one.state is WaitingState.WAITING, one.joined_at, one.id)):
        if entry.item_key in kept:
            entry.state, entry.ended_at = WaitingState.LEFT, clock.now()
            await entry.save(update_fields=["state", "ended_at"])
        kept.add(entry.item_key)


async def _visit_for_the_staying_cases(instead: Mapping[UUID, UUID]) -> None:
    for leaving, staying in instead.items():
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


def _entry(row: WaitingEntry) -> dict[str, object]:
    return {
        "id": row.id,
        "items": row.items,
        "party": row.party,
        "service_points": row.service_points,
        "days": [row.days_from, row.days_until],
        "times": [row.time_from, row.time_until],
        "state": row.state,
        "joined_at": row.joined_at,
        "ended_at": row.ended_at,
    }


def _appeal(row: CreditAppeal) -> dict[str, object]:
    return {
        "id": row.id,
        "booking": row.booking_id,
        "grounds": unseal(row.grounds_sealed),
        "state": row.state,
        "answer": row.answer,
        "made_at": row.made_at,
        "decided_at": row.decided_at,
    }


def _exemption(row: CreditExemption) -> dict[str, object]:
    return {
        "id": row.id,
        "ground": row.ground,
        "granted_at": row.granted_at,
        "valid_until": row.valid_until,
        "ended_at": row.ended_at,
    }


def _booking(row: Booking) -> dict[str, object]:
    return {
        "id": row.id,
        "items": [{"id": item.id, "item": item.item_key, "case": item.case_id} for item in row.items],
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
