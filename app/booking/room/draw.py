"""Without this module the fastest machine would get the place, and nobody could check that it did not.

The release minute as arithmetic. Who gathered before the release is ordered by lot: HMAC of the resident under
the seed of the room. Nothing a caller does changes it: not when they enter, how often, or on which server. Who
comes later is numbered behind them in the order of arrival. Numbers are called at a steady rate, so that everybody's
turn is a moment that can be told in advance.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.booking.policy import Policy

_LOT_BITS = 48
LOTS = 1 << _LOT_BITS
"""Lots are 0 up to this; Redis keeps them as scores, which are exact up to 53 bits."""

ASKING_PER_SECOND = 1_000
"""How often all phones of a room together should ask: the more there are, the less often each."""

SEED_TOLD_AFTER = timedelta(minutes=1)
"""After the release: by then no server's clock, however wrong, takes anybody for gathered any more."""

_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
_ASK_EVERY = 10


@dataclass(frozen=True)
class Room:
    """Where people wait for the slots of one business that are released at one moment."""

    service_point: str
    category: str
    release: datetime
    gathers_from: datetime
    until: datetime
    """When the rush is taken to be over and nobody needs a turn any more."""

    per_second: int

    @classmethod
    def of(cls, service_point: str, category: str, release: datetime, policy: Policy) -> Room:
        return cls(
            service_point,
            category,
            release,
            release - timedelta(minutes=policy.gather_minutes),
            release + timedelta(minutes=policy.rush_minutes),
            policy.admitted_per_second,
        )

    @property
    def key(self) -> str:
        return f"{self.service_point}/{self.category}/{self.release.isoformat()}"

    def is_gathering(self, now: datetime) -> bool:
        """Whether who enters now takes part in the draw."""
        return now < self.release

    def needs_turn(self, now: datetime) -> bool:
        return self.release <= now < self.until

    def admitted(self, now: datetime) -> int:
        """How many numbers have been called: those below this one."""
        elapsed = max(timedelta(), now - self.release) // _MICROSECOND
        return elapsed * self.per_second // 1_000_000

    def turn_at(self, number: int) -> datetime:
        """When a number is called: the first moment at which `admitted` is above it."""
        return self.release + -(-(number + 1) * 1_000_000 // self.per_second) * _MICROSECOND


def lot(seed: bytes, resident_id: UUID) -> int:
    """The lot of a resident in the room of this seed, 0 up to `LOTS`; the lowest comes first."""
    return int.from_bytes(hmac.new(seed, resident_id.bytes, hashlib.sha256).digest()[: _LOT_BITS // 8], "big")


def order(seed: bytes, gathered: Iterable[UUID]) -> list[UUID]:
    """Everybody who gathered, in the order of their turns: what anybody can repeat once the seed is told."""
    return sorted(gathered, key=lambda resident_id: (lot(seed, resident_id), str(resident_id)))


def commitment(seed: bytes) -> str:
    """What is published before the draw: it fixes the seed without telling it."""
    return hashlib.sha256(seed).hexdigest()


def likely_number(drawn: int, people: int) -> int:
    """About where a lot comes among so many people; for the one case that the room was lost after the draw."""
    return drawn * people >> _LOT_BITS


def expected_wait(room: Room, now: datetime, *, number: int | None, people: int) -> tuple[int, int]:
    """Between how many seconds the turn is to be expected; before the draw, anywhere among all who are there."""
    if number is None:
        until_release = -(-(room.release - now) // _SECOND)
        return max(0, until_release), max(0, until_release) + -(-people // room.per_second)
    wait = max(0, -(-(room.turn_at(number) - now) // _SECOND))
    step = 10 if wait <= 60 else 60
    most = -(-wait // step) * step
    return max(0, most - step), most


def ask_again_after(room: Room, now: datetime, *, number: int | None, people: int) -> tuple[int, int]:
    """In how many seconds a phone should ask again, and over how many more chance should spread all of them.

    Right at the turn, which is everybody's own moment, nothing needs to be spread.
    """
    spread = max(2, people // ASKING_PER_SECOND)
    moment = room.release if number is None else room.turn_at(number)
    wait = -(-(moment - now) // _SECOND)
    if 0 < wait <= _ASK_EVERY:
        return wait, spread if number is None else 0
    return _ASK_EVERY, spread
