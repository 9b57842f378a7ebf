"""Without this module who was let in while the network was down would wait without a number.

A scanner sends what it has read as soon as it can, each scan with a name of its own, so that a repeated message
changes nothing. Its clock is measured against ours at each message, and the times it tells are corrected. Scans of a
scanner are taken one after another; each is a transaction of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.booking.check_in_codes import CheckInCode, Door, judge
from app.booking.credit.faults import excused
from app.booking.door import booking_behind, keys_for
from app.booking.models import Booking, Scan
from app.booking.outcomes import record_arrival, record_missed
from app.booking.queries import locked_booking
from app.booking.rules import BookingState
from app.identity.models import DeviceKind
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM, Actor
from app.queueing.arriving import Way, give_number, lock_owner
from app.queueing.models import Ticket
from app.queueing.queries import ticket_of_booking
from app.queueing.rules import TicketState
from app.queueing.scan_rules import (
    REFUSED,
    ClockWarning,
    Scanned,
    ScanOutcome,
    check_scans,
    corrected,
    is_clock_off,
    outcome_of,
)

WAS_THERE = "扫码机离线期间已到场"
"""Why somebody is excused whose scan arrived late."""

_HAS_A_NUMBER = frozenset({ScanOutcome.ACCEPTED, ScanOutcome.ALREADY})


@dataclass(frozen=True)
class Told:
    """What became of a scan; the number, when there is one."""

    nonce: str
    outcome: ScanOutcome
    scanned_at: datetime
    """By our clock."""

    ticket: Ticket | None


@dataclass(frozen=True)
class Synced:
    """What became of all scans, in the order they were sent."""

    server_time: datetime
    skew: timedelta
    """How far the scanner's clock is ahead of ours; negative when it is behind."""

    scans: list[Told]

    @property
    def warning(self) -> ClockWarning | None:
        return ClockWarning.CLOCK_OFF if is_clock_off(self.skew) else None


async def check_in_by_scan(actor: Actor, scan: Scanned) -> Synced:
    """Check in who shows a code at the door now: what was scanned is sent at once, so its own time measures the clock.

    Raises `NotAllowed` or `InvalidInput`.
    """
    return await sync_scans(actor, scan.scanned_at, [scan])


async def sync_scans(actor: Actor, sent_at: datetime, scans: Sequence[Scanned]) -> Synced:
    """Take what a scanner read, perhaps hours ago; `sent_at` is the moment of sending by its own clock.

    Raises `NotAllowed` or `InvalidInput`; what is wrong with one scan is told with it.
    """
    actor.device(DeviceKind.SCANNER)
    check_scans(sent_at, scans)
    now = clock.now()
    skew = timedelta(seconds=round((sent_at - now).total_seconds()))
    told = {scan.nonce: await _take(actor, scan, skew, now) for scan in sorted(scans, key=lambda scan: scan.scanned_at)}
    return Synced(now, skew, [told[scan.nonce] for scan in scans])


async def _take(actor: Actor, scan: Scanned, skew: timedelta, now: datetime) -> Told:
    machine = actor.device(DeviceKind.SCANNER)
    code_hash = hashlib.sha256(scan.code.encode()).hexdigest()
    at = corrected(scan.scanned_at, skew, now)
    async with db.transaction():
        await db.one_at_a_time(f"scanner:{machine.id}")
        earlier = await Scan.get_or_none(device_id=machine.id, nonce=scan.nonce)
        if earlier is not None:
            return await _again(earlier, code_hash)
        verdict, code = judge(scan.code, Door(machine.place, keys_for(scan.code)), at)
        outcome, ticket = REFUSED.get(verdict), None
        if outcome is None and code is not None:
            outcome, ticket = await _arrive(actor, code, at)
        assert outcome is not None
        await Scan.create(
            device_id=machine.id,
            nonce=scan.nonce,
            booking_id=code.booking_id if code else None,
            code_hash=code_hash,
            scanned_at=at,
            skew_seconds=int(skew.total_seconds()),
            received_at=now,
            outcome=outcome,
        )
    return Told(scan.nonce, outcome, at, ticket)


async def _again(earlier: Scan, code_hash: str) -> Told:
    if earlier.code_hash != code_hash:
        return Told(earlier.nonce, ScanOutcome.NONCE_REUSED, earlier.scanned_at, None)
    outcome = ScanOutcome(earlier.outcome)
    has_one = outcome in _HAS_A_NUMBER and earlier.booking_id is not None
    ticket = await ticket_of_booking(earlier.booking_id) if has_one and earlier.booking_id else None
    return Told(earlier.nonce, outcome, earlier.scanned_at, ticket)


async def _arrive(actor: Actor, code: CheckInCode, at: datetime) -> tuple[ScanOutcome, Ticket | None]:
    """Somebody with a good code stood at the door at `at`. In the caller's transaction."""
    if await booking_behind(code.booking_id) is None:
        return ScanOutcome.NOT_FOUND, None
    await lock_owner(code.booking_id)
    ticket = await Ticket.filter(booking_id=code.booking_id).select_for_update().first()
    if ticket is not None:
        await _came_first(ticket, at)
        return ScanOutcome.ALREADY, ticket
    booking = await locked_booking(code.booking_id)
    outcome = outcome_of(code, booking.state, booking.moves, booking.ended_at, at, clock.now())
    if outcome is ScanOutcome.ACCEPTED:
        await record_arrival(booking)
        return outcome, await give_number(actor, booking, Way.SCAN, at)
    if outcome is ScanOutcome.EXCUSED or (outcome is ScanOutcome.CANCELLED_SINCE and booking.late):
        await _excuse(actor, booking)
    return outcome, None


async def _came_first(ticket: Ticket, at: datetime) -> None:
    """Of several scans of one code the first by our clock counts, also when we hear of it last."""
    if ticket.state is TicketState.WAITING and at < ticket.taken_at and ticket.transferred_from == "":
        ticket.taken_at, ticket.queued_at = at, min(at, ticket.queued_at or at)
        await ticket.save(update_fields=["taken_at", "queued_at"])


async def _excuse(actor: Actor, booking: Booking) -> None:
    if booking.state is BookingState.BOOKED:  # of a day that is over, and nobody has noted yet that it was missed
        await record_missed(SYSTEM, booking)
    if booking.excused_at is None:
        await excused(booking, WAS_THERE)
        await audit.record(actor, "booking.excused", f"booking:{booking.id}", person=booking.resident_id)
