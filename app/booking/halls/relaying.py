"""Without this module changed rules would be ignored by what is laid out already, or would overrun what is booked.

The slots a day should have beside those it has: plain values in, the difference out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from app.booking.policy import Policy
from app.booking.rules import Stretch, periods_of_day, stretches_of_day
from app.kernel.clock.calendar import DayKind

Periods = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Room:
    """What a slot offers: places, how many of them for phones, and from when."""

    capacity: int
    phone_capacity: int
    opens_at: datetime | None = None


@dataclass(frozen=True)
class Wanted:
    """A slot as the rules want it."""

    stretch: Stretch
    room: Room


@dataclass(frozen=True)
class Laid:
    """A slot that is there. `remembered`: a booking, perhaps an old one, refers to it, so it cannot be removed."""

    id: UUID
    stretch: Stretch
    room: Room
    taken: int = 0
    phone_taken: int = 0
    closed: bool = False
    remembered: bool = False


@dataclass(frozen=True)
class Change:
    """What a slot that stays becomes: booked, it keeps its time, and never has fewer places than are taken."""

    laid: Laid
    room: Room
    closed: bool
    ends_at: datetime

    @property
    def is_one(self) -> bool:
        laid = self.laid
        return (self.room, self.closed, self.ends_at) != (laid.room, laid.closed, laid.stretch.ends_at)

    @property
    def gains_places(self) -> bool:
        laid = self.laid
        return not self.closed and (laid.closed or self.room.capacity > laid.room.capacity)


@dataclass(frozen=True)
class Difference:
    """What has to be done to a day. `kept` are slots that the rules do not want any more but somebody has booked."""

    added: Sequence[Wanted] = ()
    removed: Sequence[Laid] = ()
    changed: Sequence[Change] = ()
    kept: Sequence[Change] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.changes)

    @property
    def changes(self) -> list[Change]:
        """Everything that has to be written to slots that stay."""
        return [*self.changed, *(change for change in self.kept if change.is_one)]


@dataclass(frozen=True)
class Day:
    """What the slots of one day come from: the calendar, the hall's hours or an exception, and closed sessions."""

    day: date
    kind: DayKind | None
    opening_hours: Mapping[str, Periods]
    exception: Periods | None = None
    closed: Sequence[Stretch] = field(default=())


def periods_on(day: Day) -> list[Stretch]:
    """When a hall is open on a day, closed sessions apart. An exception decides alone, on a holiday too."""
    return periods_of_day(day.day, *_grounds(day))


def _grounds(day: Day) -> tuple[DayKind | None, Mapping[str, Periods]]:
    if day.exception is not None:
        return None, {str(day.day.isoweekday()): day.exception}
    return day.kind, day.opening_hours


def wanted_slots(day: Day, policy: Policy) -> list[Wanted]:
    """The slots the rules want on a day. An exception decides alone, on a holiday too; a closed session has none."""
    room = Room(policy.capacity, policy.phone_capacity, policy.opens_at(day.day))
    stretches = stretches_of_day(day.day, *_grounds(day), policy.slot_minutes)
    return [Wanted(stretch, room) for stretch in stretches if not _meets(stretch, day.closed)]


def difference(wanted: Sequence[Wanted], there: Sequence[Laid], closed: Sequence[Stretch] = ()) -> Difference:
    """How to come from what is there to what is wanted without touching what is booked.

    Slots of sessions the hall closed are left alone. A booked slot of other times stays, takes further bookings only
    while the hall is open, and what would overlap it is not laid.
    """
    exact = {slot.stretch: slot for slot in wanted}
    left = [laid for laid in there if not _meets(laid.stretch, closed)]
    kept = [_kept(laid, wanted) for laid in left if laid.taken > 0 and laid.stretch not in exact]
    shut = [laid.stretch for laid in there if _meets(laid.stretch, closed)]
    blocked = [*shut, *(change.laid.stretch for change in kept)]
    free = {slot.stretch.starts_at: slot for slot in wanted if not _meets(slot.stretch, blocked)}
    removed: list[Laid] = []
    changed: list[Change] = []
    for laid in left:
        match = exact.get(laid.stretch)
        if match is None and laid.taken == 0 and laid.remembered:
            match = free.get(laid.stretch.starts_at)
        if match is not None:
            free.pop(match.stretch.starts_at, None)
            changed.append(Change(laid, _room_for(laid, match.room), closed=False, ends_at=match.stretch.ends_at))
        elif laid.taken == 0 and laid.remembered:
            changed.append(Change(laid, laid.room, closed=True, ends_at=laid.stretch.ends_at))
        elif laid.taken == 0:
            removed.append(laid)
    return Difference(list(free.values()), removed, [change for change in changed if change.is_one], kept)


def _kept(laid: Laid, wanted: Sequence[Wanted]) -> Change:
    while_open = _length(laid.stretch) == sum((_shared(laid.stretch, slot.stretch) for slot in wanted), timedelta())
    room = _room_for(laid, wanted[0].room) if while_open else laid.room
    return Change(laid, room, closed=not while_open, ends_at=laid.stretch.ends_at)


def _room_for(laid: Laid, room: Room) -> Room:
    return Room(max(room.capacity, laid.taken), max(room.phone_capacity, laid.phone_taken), room.opens_at)


def _length(stretch: Stretch) -> timedelta:
    return stretch.ends_at - stretch.starts_at


def _shared(one: Stretch, other: Stretch) -> timedelta:
    shared = min(one.ends_at, other.ends_at) - max(one.starts_at, other.starts_at)
    return max(shared, timedelta())


def _meets(stretch: Stretch, others: Sequence[Stretch]) -> bool:
    return any(_shared(stretch, other) for other in others)
