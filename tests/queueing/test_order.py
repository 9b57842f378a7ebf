"""Who is next in the hall: examples that read like the rules, and whole days against the slow reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.booking.policy import Policy
from app.kernel.clock import at_local
from app.queueing.order import Line, Streak, Waiting, is_impatient, line_up, next_of, next_ticket, upcoming
from tests.queueing.slow_order import is_booked, is_walk_in, slow_next

DAY = date(2031, 3, 3)
POLICY = Policy()
PATIENCE, IN_A_ROW = POLICY.walk_in_patience_minutes, POLICY.booked_in_a_row


def clock_at(minute: int) -> datetime:
    """So many minutes after eight o'clock."""
    return at_local(DAY, 8) + timedelta(minutes=minute)


def ticket(
    number: int, came: int, slot: int | None = None, *, green: bool = False, behind: int | None = None
) -> Waiting:
    starts_at = None if slot is None else clock_at(slot)
    return Waiting(UUID(int=number), clock_at(came), starts_at, green, behind)


def order_of(waiting: Sequence[Waiting], at: int, streak: Streak | None = None, policy: Policy = POLICY) -> list[int]:
    """The numbers in the order in which all of them would be called at that minute."""
    return [one.id.int for one in line_up(waiting, streak or Streak(), clock_at(at), policy)]


def test_nobody_is_next_where_nobody_waits() -> None:
    assert next_ticket([], Streak(), clock_at(0), POLICY) is None
    assert next_of([Line("D", (), Streak(), POLICY)], clock_at(0)) is None


def test_the_green_channel_then_who_booked_by_slot_then_walk_ins_by_time() -> None:
    waiting = [
        ticket(1, came=0),
        ticket(2, came=1),
        ticket(3, came=5, slot=10),
        ticket(4, came=3, slot=10),
        ticket(5, came=12, slot=0),
        ticket(6, came=14, green=True),
    ]
    assert order_of(waiting, at=15) == [6, 5, 4, 3, 1, 2]


def test_who_comes_before_their_slot_waits_behind_walk_ins_until_it_begins() -> None:
    waiting = [ticket(1, came=0, slot=30), ticket(2, came=20)]
    assert order_of(waiting, at=29) == [2, 1]
    assert order_of(waiting, at=30) == [1, 2]


def test_who_comes_early_into_an_empty_hall_is_called_at_once() -> None:
    assert order_of([ticket(2, came=1, slot=60), ticket(1, came=0, slot=30)], at=1) == [1, 2]


def test_an_impatient_walk_in_lets_two_booked_ones_pass_then_comes() -> None:
    waiting = [ticket(1, came=0), *(ticket(number, came=10, slot=10) for number in range(2, 7))]
    assert order_of(waiting, at=20) == [2, 3, 4, 5, 6, 1]
    assert order_of(waiting, at=21) == [2, 3, 1, 4, 5, 6]
    assert order_of(waiting, at=21, streak=Streak(7, booked_in_a_row=2)) == [1, 2, 3, 4, 5, 6]
    assert order_of([*waiting, ticket(7, came=0)], at=21) == [2, 3, 1, 4, 5, 7, 6]


def test_the_green_channel_counts_among_those_a_walk_in_lets_pass() -> None:
    waiting = [ticket(1, came=0), *(ticket(number, came=30, green=True) for number in range(2, 5))]
    assert order_of(waiting, at=31) == [2, 3, 1, 4]


def test_who_booked_and_waits_too_long_is_not_overtaken_by_later_green_ones() -> None:
    waiting = [ticket(1, came=0, slot=0), ticket(2, came=5, green=True), ticket(3, came=15, green=True)]
    assert order_of(waiting, at=20) == [2, 3, 1]
    assert order_of(waiting, at=21) == [1, 2, 3]


def test_who_rejoins_stands_three_calls_behind_or_is_called_when_nobody_else_waits() -> None:
    back = ticket(1, came=0, slot=0, behind=10)
    others = [ticket(number, came=number) for number in range(2, 7)]
    assert order_of([back, *others], at=15, streak=Streak(called=7)) == [2, 3, 4, 1, 5, 6]
    assert order_of([back, *others[:1]], at=15, streak=Streak(called=7)) == [2, 1]


def line(category: str, *waiting: Waiting, priority: int = 1, policy: Policy = POLICY) -> Line:
    return Line(category, waiting, Streak(), policy, priority)


def numbers(lines: Sequence[Line], at: int) -> list[int]:
    return [one.id.int for one in upcoming(lines, clock_at(at))]


def test_a_window_takes_its_first_business_first_until_somebody_waits_twice_the_patience() -> None:
    lines = [line("D", ticket(1, came=30), ticket(2, came=31)), line("E", ticket(3, came=0), priority=2)]
    assert numbers(lines, at=40) == [1, 2, 3]
    assert numbers(lines, at=41) == [3, 1, 2]


def test_of_businesses_alike_the_green_channel_then_the_impatient_then_the_booked_come_first() -> None:
    lines = [
        line("D", ticket(1, came=29, slot=30)),
        line("E", ticket(2, came=5)),
        line("F", ticket(3, came=29, green=True)),
        line("G", ticket(4, came=12)),
    ]
    assert numbers(lines, at=30) == [3, 2, 1, 4]


moments = st.integers(0, 60)
people = st.builds(
    lambda came, slot, green, behind: (came, slot, green, behind),
    moments,
    st.none() | st.sampled_from([0, 15, 30, 45, 60]),
    st.booleans(),
    st.none() | st.integers(0, 8),
)
policies = st.builds(
    Policy,
    booked_in_a_row=st.integers(1, 4),
    walk_in_patience_minutes=st.integers(1, 30),
    rejoin_behind=st.integers(0, 4),
)


@given(st.lists(people, max_size=12), st.integers(0, 8), st.integers(0, 5), st.integers(0, 90), policies)
def test_one_call_is_as_the_slow_reference_says(
    said: list[tuple[int, int | None, bool, int | None]], called: int, streak: int, now: int, policy: Policy
) -> None:
    waiting = [ticket(i, came, slot, green=green, behind=behind) for i, (came, slot, green, behind) in enumerate(said)]
    streak_ = Streak(called, streak)
    assert next_ticket(waiting, streak_, clock_at(now), policy) == slow_next(waiting, streak_, clock_at(now), policy)


@given(st.lists(people, max_size=12), st.integers(0, 90), policies)
def test_lining_up_calls_one_after_another(
    said: list[tuple[int, int | None, bool, int | None]], now: int, policy: Policy
) -> None:
    """What a resident is told of the people ahead is what will be called if nobody else comes."""
    left = [ticket(i, came, slot, green=green, behind=behind) for i, (came, slot, green, behind) in enumerate(said)]
    streak, expected = Streak(), []
    shown = list(line_up(left, streak, clock_at(now), policy))
    while (one := slow_next(left, streak, clock_at(now), policy)) is not None:
        expected.append(one)
        left = [other for other in left if other.id != one.id]
        streak = streak.after(one)
    assert shown == expected


@dataclass
class Day:
    """A hall that calls somebody every few minutes from eight on; everybody is called in the end."""

    arrivals: list[Waiting]
    policy: Policy
    every: int
    now: int = 0
    streak: Streak = field(default_factory=Streak)
    called: list[tuple[int, Waiting]] = field(default_factory=list)

    def there(self) -> list[Waiting]:
        gone = {one.id for _, one in self.called}
        return [one for one in self.arrivals if one.queued_at <= clock_at(self.now) and one.id not in gone]

    def call(self) -> Waiting | None:
        waiting = self.there()
        chosen = next_ticket(waiting, self.streak, clock_at(self.now), self.policy)
        assert (chosen is None) == (not waiting)
        if chosen is not None:
            assert chosen == slow_next(waiting, self.streak, clock_at(self.now), self.policy)
            self.streak = self.streak.after(chosen)
            self.called.append((self.now, chosen))
        return chosen

    def play(self) -> None:
        while len(self.called) < len(self.arrivals):
            self.check_bounds(self.there(), self.call())
            self.now += self.every

    def check_bounds(self, waiting: Sequence[Waiting], chosen: Waiting | None) -> None:
        """Nobody is passed over more often than the rules allow."""
        at = clock_at(self.now)
        impatient = [one for one in waiting if is_walk_in(one) and is_impatient(one, at, self.policy)]
        if chosen is not None and impatient and not is_walk_in(chosen):
            recent = [one for _, one in self.called[-self.policy.booked_in_a_row - 1 :]]
            assert len(recent) <= self.policy.booked_in_a_row or any(is_walk_in(one) for one in recent)
        if chosen is not None and chosen.green:
            for one in waiting:
                if is_booked(one) and is_impatient(one, at, self.policy) and one.since < chosen.queued_at:
                    first = min(
                        (other for other in waiting if is_booked(other) and (other.slot_starts_at or at) <= at),
                        key=lambda other: (other.slot_starts_at or at, other.queued_at, other.id),
                    )
                    assert first != one


arriving = st.tuples(st.integers(0, 240), st.none() | st.sampled_from(range(0, 240, 15)), st.booleans(), st.booleans())


def comers(said: list[tuple[int, int | None, bool, bool]]) -> list[Waiting]:
    """Who booked comes from half an hour before to ten minutes after the slot's start; few are of the green channel."""
    made = []
    for number, (minute, slot, green, really) in enumerate(said):
        came = minute if slot is None else max(0, slot - 30 + minute % 41)
        made.append(ticket(number, came, slot, green=green and really and number % 3 == 0))
    return made


@given(st.lists(arriving, max_size=40), policies, st.integers(1, 12))
def test_over_a_whole_day_nobody_starves(
    said: list[tuple[int, int | None, bool, bool]], policy: Policy, every: int
) -> None:
    day = Day(comers(said), policy, every)
    day.play()
    called = [one for _, one in day.called]
    assert {one.id for one in called} == {one.id for one in day.arrivals}
    walk_ins = [one for one in called if is_walk_in(one)]
    assert walk_ins == sorted(walk_ins, key=lambda one: (one.queued_at, one.id))
    greens = [one for one in called if one.green]
    assert greens == sorted(greens, key=lambda one: (one.queued_at, one.id))


@given(st.lists(arriving, min_size=1, max_size=40), policies, st.integers(1, 12))
def test_an_impatient_walk_in_is_called_within_so_many_calls(
    said: list[tuple[int, int | None, bool, bool]], policy: Policy, every: int
) -> None:
    """With k walk-ins ahead, at most (k + 1) times one more than may be booked in a row."""
    day = Day(comers(said), policy, every)
    day.play()
    for place, (_, one) in enumerate(day.called):
        if not is_walk_in(one):
            continue
        since = [
            index
            for index, (minute, _) in enumerate(day.called[: place + 1])
            if clock_at(minute) - one.queued_at > timedelta(minutes=policy.walk_in_patience_minutes)
        ]
        if since:
            ahead = sum(is_walk_in(other) for _, other in day.called[since[0] : place])
            assert place - since[0] + 1 <= (ahead + 1) * (policy.booked_in_a_row + 1)


@pytest.mark.parametrize("green", [False, True])
def test_a_flood_of_others_holds_up_a_walk_in_by_two_calls_at_most(green: bool) -> None:
    """Somebody booked, or of the green channel, comes every minute all day; a walk-in comes at ten."""
    flood = [ticket(number, came=number, slot=None if green else number, green=green) for number in range(1, 200)]
    day = Day([*flood, ticket(500, came=120)], POLICY, every=2)
    day.play()
    minute = next(minute for minute, one in day.called if one.id.int == 500)
    assert minute - 120 <= PATIENCE + 2 * (IN_A_ROW + 1)


def test_a_flood_of_the_green_channel_holds_up_who_booked_by_the_patience_only() -> None:
    flood = [ticket(number, came=number, green=True) for number in range(1, 200)]
    day = Day([*flood, ticket(500, came=100, slot=110)], POLICY, every=1)
    day.play()
    minute = next(minute for minute, one in day.called if one.id.int == 500)
    assert minute <= 110 + PATIENCE + 1


several = st.lists(
    st.tuples(st.sampled_from("DEF"), st.integers(0, 120), st.booleans(), st.booleans()), min_size=1, max_size=40
)


@given(several, st.permutations([1, 2, 3]), st.integers(1, 9))
def test_no_business_starves_beside_another_at_one_window(
    said: list[tuple[str, int, bool, bool]], priorities: list[int], every: int
) -> None:
    """Whatever its priority: who is first in line and has waited twice the patience sees only longer waits go first."""
    arrivals = [
        (business, ticket(number, came, slot=came if booked else None, green=green and number % 4 == 0))
        for number, (business, came, booked, green) in enumerate(said)
    ]
    lines = {name: Line(name, (), Streak(), POLICY, rank) for name, rank in zip("DEF", priorities, strict=True)}
    called: set[UUID] = set()
    minute = 0
    while len(called) < len(arrivals):
        now = clock_at(minute)
        for name, one in list(lines.items()):
            there = tuple(t for b, t in arrivals if b == name and t.queued_at <= now and t.id not in called)
            lines[name] = replace(one, waiting=there)
        firsts = [next_ticket(one.waiting, one.streak, now, one.policy) for one in lines.values()]
        overdue = [one for one in firsts if one and is_impatient(one, now, POLICY, times=2)]
        found = next_of(list(lines.values()), now)
        if found is not None:
            chosen_line, chosen = found
            if overdue:
                assert chosen.since == min(one.since for one in overdue)
            lines[chosen_line.category] = chosen_line.without(chosen)
            called.add(chosen.id)
        minute += every
