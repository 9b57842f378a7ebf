"""Without this module a phone would ring at midnight, and nobody could say where a message goes next."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.kernel.clock import at_local, local
from app.messages.words import ENDED, TAKEN, AttemptState, MessageState

DAY_BEGINS, DAY_ENDS = 8, 21
"""Hours on the hall's clock between which residents may be disturbed."""

LADDER = tuple(timedelta(seconds=wait) for wait in (30, 120, 600, 1800, 3600, 7200, 21600))
"""Waits after each try that a channel certainly did not take; after the last it is given up there."""

CLAIM_LASTS = timedelta(minutes=2)
"""How long a sender may take; a claim that is older was left by one that died, and nobody knows what it did."""


def next_waking(moment: datetime) -> datetime:
    """The moment itself in waking hours, otherwise the next morning's begin."""
    shown = local(moment)
    if shown.hour < DAY_BEGINS:
        return at_local(shown.date(), DAY_BEGINS)
    if shown.hour >= DAY_ENDS:
        return at_local(shown.date() + timedelta(days=1), DAY_BEGINS)
    return moment


def next_try(tries: int, now: datetime, retry_after: timedelta | None) -> datetime | None:
    """When a channel that did not take it is tried again after `tries` times; None to give it up."""
    if tries > len(LADDER):
        return None
    wait = LADDER[tries - 1]
    return now + (wait if retry_after is None else max(wait, retry_after))


@dataclass(frozen=True)
class Door:
    """One channel as it stands for one message.

    `is_open`: it is live, has words in use, and the resident can be reached there and agreed to it. `next_at` is when
    it may be tried again, or when a claim is lost.
    """

    channel: str
    is_open: bool
    attempt: AttemptState | None = None
    next_at: datetime | None = None
    is_weak: bool = False


@dataclass(frozen=True)
class Send:
    channel: str


@dataclass(frozen=True)
class Wait:
    until: datetime


@dataclass(frozen=True)
class End:
    state: MessageState


def next_step(doors: Sequence[Door], now: datetime, *, must_send: bool) -> Send | Wait | End:
    """Where a message goes next; `doors` are its channels in the rule's order.

    A channel whose outcome is unknown is never asked again. One that has to arrive goes on to the next channel on
    anything but success, and comes back to one that may take it later; any other stays with the channel it began on.
    """
    attempts = {door.attempt for door in doors}
    if attempts & TAKEN:
        return End(MessageState.SENT)
    if AttemptState.UNSURE in attempts and not must_send:
        return End(MessageState.UNSURE)
    claimed = next((door for door in doors if door.attempt is AttemptState.CLAIMED), None)
    if claimed is not None:
        return Wait(claimed.next_at or now)
    left = [door for door in doors if door.is_open and door.attempt not in ENDED]
    left.sort(key=lambda door: door.is_weak)  # keeps the rule's order among equals
    return _among(left, now, must_send=must_send) or _end_after(attempts)


def _among(left: Sequence[Door], now: datetime, *, must_send: bool) -> Send | Wait | None:
    """The first channel that may be tried now; without haste the first one decides."""
    later = [door.next_at for door in left if door.next_at is not None and door.next_at > now]
    for door in left:
        if door.next_at is None or door.next_at <= now:
            return Send(door.channel)
        if not must_send:
            return Wait(door.next_at)
    return Wait(min(later)) if later else None


def _end_after(attempts: AbstractSet[AttemptState | None]) -> End:
    """No channel is left; a failure of ours or of a platform's weighs more than a refusal."""
    if AttemptState.UNSURE in attempts:
        return End(MessageState.UNSURE)
    failed = attempts & {AttemptState.FAILED, AttemptState.RETRY}
    return End(MessageState.FAILED if failed else MessageState.INBOX_ONLY)
