"""Without this module nobody could tell where a visit of several slots in a row would still find room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from app.booking.rules import Channel

EARLIER_NOTICE = timedelta(hours=1)
"""Nobody is moved to a time that is earlier than theirs and nearer than this."""


@dataclass(frozen=True)
class OpenSlot:
    """A slot of one day and business that can be booked, with the places left in it."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    free: int
    phone_free: int

    def room(self, channel: Channel) -> int:
        return min(self.free, self.phone_free) if channel is Channel.PHONE else self.free

    def less(self, party: int, channel: Channel) -> OpenSlot:
        phones = party if channel is Channel.PHONE else 0
        return replace(self, free=self.free - party, phone_free=self.phone_free - phones)


@dataclass(frozen=True)
class Need:
    """What has to find room: so many people in so many slots in a row, wanted at a moment."""

    length: int
    party: int
    channel: Channel
    wanted: datetime


def runs_with_room(slots: Sequence[OpenSlot], need: Need, now: datetime) -> list[tuple[OpenSlot, ...]]:
    """Every run of slots (given in the order of time) where the need could be met, the nearest in time first."""
    fitting = [
        run
        for run in _runs(slots, need.length)
        if all(slot.room(need.channel) >= need.party for slot in run) and _in_time(run[0].starts_at, need.wanted, now)
    ]
    return sorted(fitting, key=lambda run: (abs(run[0].starts_at - need.wanted), run[0].starts_at))


def _runs(slots: Sequence[OpenSlot], length: int) -> Iterator[tuple[OpenSlot, ...]]:
    for at in range(len(slots) - length + 1):
        run = tuple(slots[at : at + length])
        if all(one.ends_at == other.starts_at for one, other in pairwise(run)):
            yield run


def _in_time(starts_at: datetime, wanted: datetime, now: datetime) -> bool:
    return starts_at > now and (starts_at >= wanted or starts_at >= now + EARLIER_NOTICE)


def how_many_find_room(needs: Sequence[Need], slots: Sequence[OpenSlot], now: datetime) -> int:
    """How many of the needs, one after another, find room in the slots of their day."""
    left = {slot.id: slot for slot in slots}
    housed = 0
    for need in needs:
        runs = runs_with_room(list(left.values()), need, now)
        if runs:
            housed += 1
            left |= {slot.id: slot.less(need.party, need.channel) for slot in runs[0]}
    return housed
