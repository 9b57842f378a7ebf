"""Without this module two scanners could answer differently about one code.

What a scan leads to that arrives with its own past: somebody stood at the door at one moment, and we hear of it at
another. What counts is what was true when they stood there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from app.booking.check_in_codes import CheckInCode, Verdict
from app.booking.rules import BookingState
from app.kernel.clock import local
from app.kernel.errors import InvalidInput

MOST_SCANS = 200
LONGEST_NONCE = 64
CLOCK_OFF_AFTER = timedelta(minutes=5)
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
"""What the clocks of machines show when they have lost the time, and no more than can be corrected."""


class ScanOutcome(StrEnum):
    """What became of one scan."""

    ACCEPTED = "ACCEPTED"
    ALREADY = "ALREADY"
    EXCUSED = "EXCUSED"
    CANCELLED_SINCE = "CANCELLED_SINCE"
    REVOKED = "REVOKED"
    TOO_EARLY = "TOO_EARLY"
    EXPIRED = "EXPIRED"
    WRONG_PLACE = "WRONG_PLACE"
    NOT_FOUND = "NOT_FOUND"
    FORGED = "FORGED"
    NONCE_REUSED = "NONCE_REUSED"


class ClockWarning(StrEnum):
    """What a scanner is told of its own clock."""

    CLOCK_OFF = "CLOCK_OFF"


@dataclass(frozen=True)
class Scanned:
    """A code, when it was scanned by the scanner's clock, and the scanner's own name for this scan."""

    code: str
    scanned_at: datetime
    nonce: str


_CANCELLED = frozenset({BookingState.CANCELLED, BookingState.HALL_CANCELLED})

REFUSED: dict[Verdict, ScanOutcome] = {
    Verdict.FORGED: ScanOutcome.FORGED,
    Verdict.WRONG_PLACE: ScanOutcome.WRONG_PLACE,
    Verdict.TOO_EARLY: ScanOutcome.TOO_EARLY,
    Verdict.EXPIRED: ScanOutcome.EXPIRED,
}
"""What the code alone decides. Whether it is revoked or was seen the database knows better than any list."""


def check_scans(sent_at: datetime, scans: Sequence[Scanned]) -> None:
    """Raise `InvalidInput` for more scans than one message takes, one without a name of its own, or no clock's time."""
    if not all(_EARLIEST <= moment <= _LATEST for moment in (sent_at, *(scan.scanned_at for scan in scans))):
        raise InvalidInput(
            field="scans.scannedAt",
            reason_zh="时间应在1970年至2089年之间,请校准扫码机时钟",
            reason_en="a time must be between 1970 and 2089; set the scanner's clock",
        )
    if len(scans) > MOST_SCANS:
        raise InvalidInput(
            field="scans", reason_zh=f"一次最多同步{MOST_SCANS}条", reason_en=f"send at most {MOST_SCANS} at once"
        )
    names = {scan.nonce for scan in scans}
    if len(names) < len(scans) or not all(1 <= len(name) <= LONGEST_NONCE and name.isprintable() for name in names):
        raise InvalidInput(
            field="scans.nonce",
            reason_zh="每次扫码要有各不相同的1至64位编号",
            reason_en="each scan has a nonce of its own of 1 to 64 characters",
        )


def is_clock_off(skew: timedelta) -> bool:
    """Whether a scanner's clock is so wrong that somebody should see to it."""
    return abs(skew) > CLOCK_OFF_AFTER


def corrected(scanned_at: datetime, skew: timedelta, now: datetime) -> datetime:
    """When a scan was by our clock. None can be of a time ahead: a clock that was set meanwhile says so in vain."""
    return min(scanned_at - skew, now)


def outcome_of(
    code: CheckInCode, state: BookingState, moves: int, ended_at: datetime | None, at: datetime, now: datetime
) -> ScanOutcome:
    """What a good code of a booking without a number leads to, scanned at `at` and heard of at `now`.

    Who gave the booking back after standing at the door has given it back. Who was counted as missed and was there is
    excused; it is too late for a number of that slot. Moved is moved, whenever it was: they hold the new time.
    """
    if code.moves < moves:
        return ScanOutcome.REVOKED
    if state in _CANCELLED:
        since = ended_at is not None and ended_at > at
        return ScanOutcome.CANCELLED_SINCE if since else ScanOutcome.REVOKED
    if state is BookingState.NO_SHOW:
        return ScanOutcome.EXCUSED
    if state is BookingState.BOOKED:
        today = local(at).date() == local(now).date()
        return ScanOutcome.ACCEPTED if today else ScanOutcome.EXCUSED
    return ScanOutcome.REVOKED
