from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextvars import Context
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.booking import commands
from app.booking.calendar_entry import CalendarEntry, calendar_text
from app.booking.events import VisitDue
from app.booking.models import Booking, Slot
from app.booking.reminders import remind
from app.booking.rules import BookingState
from app.booking.tasks import remind_of_visits
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from tests.booking.hearing import hearing
from tests.booking.places import make_slot, visit
from tests.cases.filing import CARD, PERMIT
from tests.identity.accounts import caller_of, make_resident
from tests.identity.crowds import at_once
from tests.people import new_key
from tests.portal import Portal

# Each test has a week of its own, far from everybody else's bookings.
_weeks = (date(2031, 1, 6) + timedelta(weeks=n) for n in count())
HOUR = timedelta(hours=1)


async def booked(at: datetime, made: datetime) -> Booking:
    """By a resident of its own; all that begin at one moment share a slot."""
    known = await Slot.get_or_none(service_point_id="city-hall", category="D", starts_at=at)
    chosen = known or await make_slot(99, starts_at=at)
    with clock.standing_at(made):
        return await commands.book(await make_resident(), chosen.id, visit(CARD), idempotency_key=new_key())


async def reminded(moments: Iterable[datetime]) -> list[tuple[UUID, str]]:
    """What the timetable publishes at each of these moments."""
    async with hearing(VisitDue) as heard:
        for moment in moments:
            with clock.standing_at(moment):
                await remind_of_visits()
        return [(UUID(told["booking_id"]), told["which"]) for told in await heard()]


def every_five_minutes(start: datetime, hours: float) -> list[datetime]:
    return [start + timedelta(minutes=5 * n) for n in range(int(hours * 12))]


async def test_a_visit_is_told_the_day_before_and_two_hours_before_each_once(portal: Portal) -> None:
    day = next(_weeks)
    starts, nine = clock.at_local(day, 15), clock.at_local(day - timedelta(days=1), 9)
    held = await booked(starts, starts - timedelta(days=3))
    assert await reminded([nine - timedelta(seconds=1)]) == []
    assert await reminded(every_five_minutes(nine, 1)) == [(held.id, "DAY_BEFORE")]
    assert await reminded([starts - 2 * HOUR - timedelta(seconds=1)]) == []
    assert await reminded(every_five_minutes(starts - 2 * HOUR, 3)) == [(held.id, "SOON")]


async def test_who_booked_after_a_reminder_was_due_is_not_reminded(portal: Portal) -> None:
    day = next(_weeks)
    starts, nine = clock.at_local(day, 15), clock.at_local(day - timedelta(days=1), 9)
    evening = await booked(starts, nine + 8 * HOUR)
    late = await booked(starts, starts - HOUR)
    all_day = every_five_minutes(nine, 31)
    assert await reminded(all_day) == [(evening.id, "SOON")]
    assert (await Booking.get(id=late.id)).reminded == 0


async def test_a_moved_visit_is_told_again(portal: Portal) -> None:
    day = next(_weeks)
    starts, nine = clock.at_local(day, 15), clock.at_local(day - timedelta(days=1), 9)
    held = await booked(starts, starts - timedelta(days=3))
    assert await reminded([nine]) == [(held.id, "DAY_BEFORE")]
    other = await make_slot(1, starts_at=starts + HOUR)
    with clock.standing_at(nine + HOUR):
        await commands.move(owner(held), held.id, other.id, idempotency_key=new_key())
    assert await reminded(every_five_minutes(nine + HOUR, 30)) == [(held.id, "DAY_BEFORE"), (held.id, "SOON")]


def owner(held: Booking) -> Actor:
    return Actor(ActorKind.RESIDENT, held.resident_id)


async def test_what_will_not_take_place_is_not_told(portal: Portal) -> None:
    day = next(_weeks)
    starts, nine = clock.at_local(day, 15), clock.at_local(day - timedelta(days=1), 9)
    cancelled = await booked(starts, starts - timedelta(days=3))
    with clock.standing_at(nine - HOUR):
        await commands.cancel(owner(cancelled), cancelled.id)
    for state in (BookingState.HALL_CANCELLED, BookingState.CHECKED_IN, BookingState.HELD):
        other = await booked(starts, starts - timedelta(days=3))
        await Booking.filter(id=other.id).update(state=state)
    assert await reminded([nine, starts - HOUR]) == []


async def test_after_a_night_without_a_worker_only_the_nearest_reminder_is_told(portal: Portal) -> None:
    day = next(_weeks)
    starts = clock.at_local(day, 10)
    soon, over = await booked(starts, starts - timedelta(days=3)), await booked(starts - 2 * HOUR, starts - 72 * HOUR)
    assert await reminded([starts - HOUR]) == [(soon.id, "SOON")]
    assert (await Booking.get(id=over.id)).reminded == 0
    assert await reminded([starts - timedelta(minutes=55)]) == []


async def test_a_visit_early_in_the_morning_is_told_the_day_before_by_the_halls_clock(portal: Portal) -> None:
    """At 07:30 in the hall it is still the day before in UTC."""
    day = next(_weeks)
    starts, nine = clock.at_local(day, 7, 30), clock.at_local(day - timedelta(days=1), 9)
    held = await booked(starts, starts - timedelta(days=3))
    assert await reminded([nine - timedelta(days=1), nine]) == [(held.id, "DAY_BEFORE")]


async def test_four_workers_at_once_tell_each_visit_once(portal: Portal) -> None:
    day = next(_weeks)
    starts = clock.at_local(day, 15)
    held = {(await booked(starts, starts - timedelta(days=3))).id for _ in range(20)}
    with clock.standing_at(starts - HOUR):
        async with hearing(VisitDue) as heard:
            told = await at_once(*(remind() for _ in range(4)))
            facts = [UUID(fact["booking_id"]) for fact in await heard()]
    assert sum(one for one in told if isinstance(one, int)) == len(facts) == 20
    assert set(facts) == held


async def test_a_visit_that_is_being_changed_is_told_at_the_next_tick(portal: Portal) -> None:
    """The tick does not wait for who holds the row."""
    day = next(_weeks)
    starts = clock.at_local(day, 15)
    held = await booked(starts, starts - timedelta(days=3))

    async with db.transaction():
        await Booking.select_for_update().get(id=held.id)
        told = await _elsewhere(starts - HOUR)
    assert told == 0
    assert await reminded([starts - HOUR]) == [(held.id, "SOON")]


async def _elsewhere(moment: datetime) -> int:
    """In a connection of its own."""

    async def tick() -> int:
        with clock.standing_at(moment):
            return await remind()

    return await asyncio.create_task(tick(), context=Context())


ENTRY = CalendarEntry(
    booking_id=UUID("01900000-0000-7000-8000-000000000001"),
    state=BookingState.BOOKED,
    moves=0,
    starts_at=datetime(2026, 12, 1, 1, 0, tzinfo=UTC),
    ends_at=datetime(2026, 12, 1, 1, 30, tzinfo=UTC),
    summary="居住证申领",
    place="云澜市政务服务中心 人民路1号",
    organizer="云澜市政务服务中心",
    url="https://portal.example",
)
NOW = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)


def of(**changes: Any) -> str:
    text = calendar_text(CalendarEntry(**{**ENTRY.__dict__, **changes}), NOW)
    assert text is not None
    return text


def unfolded(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")


def test_a_booking_is_an_event_to_add() -> None:
    assert unfolded(of()) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//zhangting//booking//ZH",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        "UID:01900000-0000-7000-8000-000000000001",
        "SEQUENCE:0",
        "DTSTAMP:20261126T080000Z",
        "DTSTART:20261201T010000Z",
        "DTEND:20261201T013000Z",
        "STATUS:CONFIRMED",
        'ORGANIZER;CN="云澜市政务服务中心":https://portal.example',
        "SUMMARY:居住证申领",
        "LOCATION:云澜市政务服务中心 人民路1号",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


def test_each_move_and_the_end_count_on() -> None:
    assert "SEQUENCE:2" in unfolded(of(moves=2))
    for state in (BookingState.CANCELLED, BookingState.HALL_CANCELLED):
        lines = unfolded(of(moves=2, state=state))
        assert {"METHOD:CANCEL", "STATUS:CANCELLED", "SEQUENCE:3"} <= set(lines)


@pytest.mark.parametrize("state", [BookingState.HELD, BookingState.EXPIRED])
def test_what_was_never_sure_is_no_event(state: BookingState) -> None:
    assert calendar_text(CalendarEntry(**{**ENTRY.__dict__, "state": state}), NOW) is None


def test_what_has_a_meaning_in_the_format_is_escaped() -> None:
    lines = unfolded(of(summary="甲,乙;丙\\丁\r\n戊\n己\x07", organizer='所谓"大厅"'))
    assert "SUMMARY:甲\\,乙\\;丙\\\\丁\\n戊\\n己" in lines
    assert "ORGANIZER;CN=\"所谓'大厅'\":https://portal.example" in lines


@settings(deadline=None)
@given(st.text(max_size=400))
def test_no_line_is_longer_than_75_octets_and_none_is_broken(text: str) -> None:
    written = of(summary=text, place=text, organizer=text)
    pieces = written.split("\r\n")
    assert max(len(piece.encode(errors="surrogatepass")) for piece in pieces) <= 75
    assert "\n" not in written.replace("\r\n", "")
    lines = unfolded(written)
    assert len(lines) == 17
    [summary] = [line.removeprefix("SUMMARY:") for line in lines if line.startswith("SUMMARY:")]
    assert _read(summary) == _plain(text)


def _plain(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char for char in text if char == "\n" or (char >= " " and char != "\x7f"))


def _read(written: str) -> str:
    """As a calendar reads it back, one character after another."""
    found, rest = "", iter(written)
    for char in rest:
        following = next(rest) if char == "\\" else ""
        found += {"": char, "n": "\n"}.get(following, following)
    return found


async def test_a_phone_asks_for_the_entry_in_its_language(portal: Portal) -> None:
    resident, slot = await make_resident(), await make_slot(1)
    phone, english = await caller_of(portal, resident), await caller_of(portal, resident, "en")
    held = await commands.book(resident, slot.id, visit(PERMIT), idempotency_key=new_key())
    [mine] = (await phone.do("MyBookings"))["edges"]
    [read] = (await english.do("MyBookings"))["edges"]
    lines = unfolded(mine["node"]["calendar"])
    assert f"UID:{held.id}" in lines
    assert f"DTSTART:{slot.starts_at:%Y%m%dT%H%M%SZ}" in lines
    assert f"DTEND:{slot.ends_at:%Y%m%dT%H%M%SZ}" in lines
    assert "SUMMARY:居住证申领" in lines
    assert "LOCATION:云澜市政务服务中心 云澜市澄江区人民路1号(虚构)" in lines
    assert "SUMMARY:Residence permit application" in unfolded(read["node"]["calendar"])


async def test_a_place_that_is_only_held_has_no_entry(portal: Portal) -> None:
    resident, slot = await make_resident(), await make_slot(1)
    phone = await caller_of(portal, resident)
    held = await phone.do("HoldPlaces", slotId=str(slot.id), items=[{"itemKey": CARD}], idempotencyKey=new_key())
    [mine] = (await phone.do("MyBookings"))["edges"]
    assert (mine["node"]["id"], mine["node"]["calendar"]) == (held["id"], None)
