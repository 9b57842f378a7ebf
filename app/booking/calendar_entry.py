"""Without this module the host app's calendar would not know of a visit.

An iCalendar object (RFC 5545, methods of RFC 5546) of one event with six lines that vary. `icalendar` (7.3, with
python-dateutil) reads and writes all of the standard, recurrence and time zones too; of it we would use escaping and
folding, which are the twelve lines below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from app.booking.rules import BookingState

_OVER = frozenset({BookingState.CANCELLED, BookingState.HALL_CANCELLED})
_NOT_YET = frozenset({BookingState.HELD, BookingState.EXPIRED})
_OCTETS = 75
"""Longest line without its end (RFC 5545 section 3.1)."""


@dataclass(frozen=True)
class CalendarEntry:
    """What a calendar shows of a booking, in the language of its resident."""

    booking_id: UUID
    state: BookingState
    moves: int
    starts_at: datetime
    ends_at: datetime
    summary: str
    place: str
    organizer: str
    """Name of the hall."""

    url: str
    """Where the portal is; it stands for the organizer, who has no mailbox."""


def calendar_text(entry: CalendarEntry, now: datetime) -> str | None:
    """The entry as text, to be added, changed or taken out of a calendar; None for what was never sure.

    A calendar knows it again by UID; the greater SEQUENCE counts, so each move has its own and the end another.
    """
    if entry.state in _NOT_YET:
        return None
    return "".join(f"{part}\r\n" for line in _lines(entry, now) for part in _folded(line))


def _lines(entry: CalendarEntry, now: datetime) -> Iterator[str]:
    over = entry.state in _OVER
    yield "BEGIN:VCALENDAR"
    yield "VERSION:2.0"
    yield "PRODID:-//zhangting//booking//ZH"
    yield f"METHOD:{'CANCEL' if over else 'PUBLISH'}"
    yield "BEGIN:VEVENT"
    yield f"UID:{entry.booking_id}"
    yield f"SEQUENCE:{entry.moves + over}"
    yield f"DTSTAMP:{_utc(now)}"
    yield f"DTSTART:{_utc(entry.starts_at)}"
    yield f"DTEND:{_utc(entry.ends_at)}"
    yield f"STATUS:{'CANCELLED' if over else 'CONFIRMED'}"
    yield f"ORGANIZER;CN={_quoted(entry.organizer)}:{entry.url}"
    yield f"SUMMARY:{_escaped(entry.summary)}"
    yield f"LOCATION:{_escaped(entry.place)}"
    yield "END:VEVENT"
    yield "END:VCALENDAR"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """As a TEXT value (RFC 5545 section 3.3.11); control characters have no place in it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        lines = lines.replace(plain, written)
    return _printable(lines)


def _quoted(text: str) -> str:
    """As a parameter value (section 3.2), which can hold anything but a double quote."""
    return f'"{_printable(text).replace(chr(34), chr(39))}"'


def _printable(text: str) -> str:
    return "".join(char for char in text if char >= " " and char != "\x7f")


def _folded(line: str) -> Iterator[str]:
    """A content line in pieces of at most 75 octets, each but the first after a space; no character is cut."""
    piece, room = "", _OCTETS
    for char in line:
        size = len(char.encode())
        if size > room:
            yield piece
            piece, room = " ", _OCTETS - 1
        piece += char
        room -= size
    yield piece
