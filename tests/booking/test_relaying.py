"""How a day comes from what is laid out to what the rules want, without a database."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.booking.halls.relaying import Change, Day, Difference, Laid, Room, difference, wanted_slots
from app.booking.policy import Policy
from app.booking.rules import Stretch
from app.kernel.clock import at_local, local
from app.kernel.clock.calendar import DayKind
from app.kernel.db import new_id

DAY = date(2026, 11, 4)
HOURS = {"3": [{"open": "09:00", "close": "11:00"}], "1": [{"open": "08:00", "close": "09:00"}]}
HALF_HOURS, TWENTIES = Policy(slot_minutes=30), Policy(slot_minutes=20)


def at(hour: int, minute: int = 0) -> datetime:
    return at_local(DAY, hour, minute)


def starts(slots: list[datetime]) -> list[str]:
    return [f"{local(start):%H:%M}" for start in slots]


def laid(start: datetime, minutes: int = 30, *, taken: int = 0, remembered: bool = False, closed: bool = False) -> Laid:
    room = Room(HALF_HOURS.capacity, HALF_HOURS.phone_capacity)
    stretch = Stretch(start, start + timedelta(minutes=minutes))
    return Laid(new_id(), stretch, room, taken, taken, closed=closed, remembered=remembered or taken > 0)


def ordinary_day() -> list[Laid]:
    return [laid(at(9)), laid(at(9, 30)), laid(at(10)), laid(at(10, 30))]


def against(policy: Policy, there: list[Laid], exception: list[dict[str, str]] | None = None) -> Difference:
    return difference(wanted_slots(Day(DAY, None, HOURS, exception), policy), there)


def test_what_is_as_it_should_be_needs_nothing() -> None:
    assert against(HALF_HOURS, ordinary_day()).is_empty


def test_empty_slots_give_way_to_those_of_another_length() -> None:
    found = against(TWENTIES, ordinary_day())
    assert len(found.removed) == 4
    assert starts([slot.stretch.starts_at for slot in found.added]) == [
        "09:00",
        "09:20",
        "09:40",
        "10:00",
        "10:20",
        "10:40",
    ]


def test_a_booked_slot_keeps_its_time_and_nothing_is_laid_over_it() -> None:
    there = ordinary_day()
    there[1] = laid(at(9, 30), taken=1)

    found = against(TWENTIES, there)

    assert [change.laid for change in found.kept] == [there[1]]
    assert starts([slot.stretch.starts_at for slot in found.added]) == ["09:00", "10:00", "10:20", "10:40"]
    assert found.changes == []


def test_more_or_fewer_places_never_go_below_what_is_taken() -> None:
    there = [laid(at(9), taken=2), *ordinary_day()[1:]]

    fewer = against(Policy(slot_minutes=30, windows=1, per_window=1, desk_share=100), there)
    more = against(Policy(slot_minutes=30, windows=3, per_window=2, desk_share=50), there)

    assert [change.laid for change in fewer.changed] == there[1:]
    assert {(change.room.capacity, change.room.phone_capacity) for change in fewer.changed} == {(1, 0)}
    assert [change.laid for change in more.changed] == there
    assert {(change.room.capacity, change.room.phone_capacity) for change in more.changed} == {(6, 3)}


def test_a_closed_day_loses_empty_slots_and_takes_nobody_further_where_somebody_is_booked() -> None:
    there = ordinary_day()
    there[0] = laid(at(9), taken=1)

    found = against(HALF_HOURS, there, [])

    assert [slot.id for slot in found.removed] == [slot.id for slot in there[1:]]
    assert found.kept == [Change(there[0], there[0].room, closed=True, ends_at=at(9, 30))]
    closed = laid(at(9), taken=1, closed=True)
    assert not against(HALF_HOURS, [closed, *ordinary_day()[1:]]).changed[0].closed


def test_an_empty_slot_that_old_bookings_remember_is_reused_or_closed_but_not_removed() -> None:
    there = [laid(at(9), remembered=True), laid(at(9, 30), remembered=True)]

    found = against(TWENTIES, there)

    assert [(change.ends_at, change.closed) for change in found.changed] == [(at(9, 20), False), (at(10), True)]
    assert starts([slot.stretch.starts_at for slot in found.added]) == ["09:20", "09:40", "10:00", "10:20", "10:40"]
    assert found.removed == []


def test_a_session_the_hall_closed_is_left_as_it_is() -> None:
    closed = [Stretch(at(9), at(10))]
    there = [laid(at(9), taken=1, closed=True), laid(at(9, 30), closed=True)]
    wanted = wanted_slots(Day(DAY, None, HOURS, closed=closed), TWENTIES)

    found = difference(wanted, there, closed)

    assert (found.removed, found.changed, found.kept) == ([], [], [])
    assert starts([slot.stretch.starts_at for slot in found.added]) == ["10:00", "10:20", "10:40"]


def test_an_exception_decides_alone() -> None:
    evening = [{"open": "18:00", "close": "19:00"}]
    for kind in (None, DayKind.HOLIDAY, DayKind.ADJUSTED_WORKDAY):
        wanted = wanted_slots(Day(DAY, kind, HOURS, evening), HALF_HOURS)
        assert starts([slot.stretch.starts_at for slot in wanted]) == ["18:00", "18:30"]
    assert wanted_slots(Day(DAY, DayKind.HOLIDAY, HOURS), HALF_HOURS) == []


slots_there = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from([10, 20, 30]), st.integers(0, 2), st.booleans()), max_size=6
)
policies = st.builds(
    Policy,
    slot_minutes=st.sampled_from([10, 15, 20, 30, 45, 60]),
    windows=st.integers(0, 3),
    per_window=st.integers(1, 3),
    desk_share=st.sampled_from([0, 50, 100]),
)


def applied(found: Difference, there: list[Laid]) -> list[Laid]:
    """The day after the difference was written down."""
    gone = {slot.id for slot in found.removed}
    changes = {change.laid.id: change for change in found.changes}
    stay = []
    for slot in there:
        change = changes.get(slot.id)
        if change is not None:
            stretch = Stretch(slot.stretch.starts_at, change.ends_at)
            stay.append(
                Laid(slot.id, stretch, change.room, slot.taken, slot.phone_taken, change.closed, slot.remembered)
            )
        elif slot.id not in gone:
            stay.append(slot)
    added = [Laid(new_id(), slot.stretch, slot.room) for slot in found.added]
    return sorted([*stay, *added], key=lambda slot: slot.stretch.starts_at)


@given(slots_there, policies, st.booleans())
def test_whatever_was_there_booked_slots_stay_and_a_second_time_changes_nothing(
    said: list[tuple[int, int, int, bool]], policy: Policy, open_today: bool
) -> None:
    there = [
        laid(at(9) + timedelta(minutes=10 * start), minutes, taken=taken, remembered=remembered)
        for start, minutes, taken, remembered in {one[0]: one for one in said}.values()
    ]
    wanted = wanted_slots(Day(DAY, None, HOURS, None if open_today else []), policy)

    after = applied(difference(wanted, there), there)

    by_id = {slot.id: slot for slot in after}
    for slot in there:
        if slot.taken:
            kept = by_id[slot.id]
            assert kept.stretch == slot.stretch
            assert (kept.taken, kept.phone_taken) == (slot.taken, slot.phone_taken)
            assert kept.room.capacity >= slot.taken
    assert len({slot.stretch.starts_at for slot in after}) == len(after)
    assert difference(wanted, after).is_empty
