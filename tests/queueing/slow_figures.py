"""The figures of queues counted one row after another in plain Python, and days to count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count, pairwise
from random import Random
from typing import Any

from app.booking.models import Booking, Slot
from app.booking.rules import BookingState, Layer
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.clock import at_local, local
from app.queueing.figure_rules import By, Figure, Numbers, Spread, Visits, Work
from app.queueing.models import Pause, Shift, Ticket, Window
from app.queueing.rules import TicketState
from tests.identity.accounts import make_resident, make_staff
from tests.queueing.visits import put_number

HALLS = {"city-hall": ("A", "D"), "qinghe-hall": ("A", "G"), "liushu-station": ("B",)}
DUE = {BookingState.CHECKED_IN, BookingState.SERVED, BookingState.NO_SHOW}
_ENDS = [TicketState.DONE] * 4 + [TicketState.PASSED, TicketState.ABANDONED, TicketState.WAITING, TicketState.HUNG]


@dataclass(frozen=True)
class Rows:
    """Everything that happened in some halls on some days."""

    tickets: Sequence[Ticket]
    bookings: Sequence[Booking]
    shifts: Sequence[Shift]


async def rows_of(places: Sequence[str], first: date, last: date) -> Rows:
    inside = at_local(first, 0), at_local(last + timedelta(days=1), 0)
    shifts = await Shift.filter(window__service_point_id__in=list(places)).prefetch_related("window", "pauses")
    return Rows(
        await Ticket.filter(service_point_id__in=list(places), day__gte=first, day__lte=last).prefetch_related(
            "window"
        ),
        await Booking.filter(
            slot__service_point_id__in=list(places), slot__day__gte=first, slot__day__lte=last
        ).prefetch_related("slot"),
        [shift for shift in shifts if inside[0] <= shift.began_at < inside[1]],
    )


def _quantile(values: Sequence[float], part: float) -> float:
    ordered, position = sorted(values), part * (len(values) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def _spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    return Spread(round(_quantile(values, 0.5)), round(_quantile(values, 0.9)), round(sum(values) / len(values)))


def _waited(ticket: Ticket) -> float | None:
    if ticket.called_at is None or ticket.transferred_from:
        return None
    return (ticket.called_at - (ticket.queued_at or ticket.taken_at)).total_seconds()


def _served(ticket: Ticket) -> float | None:
    if ticket.state is not TicketState.DONE or ticket.started_at is None or ticket.finished_at is None:
        return None
    seconds = (ticket.finished_at - ticket.started_at).total_seconds()
    return seconds if 0 <= seconds <= 4 * 3600 else None


Stretch = tuple[datetime, datetime]


def _worked(ticket: Ticket) -> list[Stretch]:
    seconds = _served(ticket)
    return [(ticket.started_at, ticket.finished_at)] if seconds and ticket.started_at and ticket.finished_at else []


def _open(shift: Shift, now: datetime) -> list[Stretch]:
    """From one moment at which anything begins or ends to the next, unless a pause lasts over it."""
    closes = min(shift.ended_at or now, at_local(local(shift.began_at).date() + timedelta(days=1), 0))
    pauses = [(pause.began_at, pause.ended_at or now) for pause in shift.pauses]
    moments = sorted({shift.began_at, closes, *(moment for pause in pauses for moment in pause)})
    return [
        (one, other)
        for one, other in pairwise(moments)
        if shift.began_at <= one and other <= closes
        if not any(began <= one and other <= ended for began, ended in pauses)
    ]


def _seconds(stretches: Sequence[Stretch], by: By, key: Key) -> float:
    """How many of them there are, or fall into the hour of the day."""
    if by is not By.HOUR:
        return sum((ended - began).total_seconds() for began, ended in stretches)
    days = {local(began).date() + timedelta(days=later) for began, _ in stretches for later in (0, 1)}
    hours = [at_local(day, int(key[0])) for day in days]
    return sum(
        max(0.0, (min(ended, hour + timedelta(hours=1)) - max(began, hour)).total_seconds())
        for began, ended in stretches
        for hour in hours
    )


Key = tuple[str | int, ...]


def _key(by: By, place: str, category: str, moment: datetime, window: Window | None) -> Key | None:
    if by is By.WINDOW:
        return (window.service_point_id, window.number) if window else None
    keys: dict[By, Key] = {By.HALL: (place,), By.BUSINESS: (category,), By.HOUR: (local(moment).hour,)}
    return keys[by]


def _of_ticket(by: By, one: Ticket) -> Key | None:
    return _key(by, one.service_point_id, one.category, one.taken_at, one.window)


def _of_booking(by: By, one: Booking) -> Key | None:
    counts = one.state in DUE and one.slot.layer is not Layer.HOME_VISIT
    return _key(by, one.slot.service_point_id, one.slot.category, one.slot.starts_at, None) if counts else None


def _hours(stretches: Sequence[Stretch]) -> set[Key]:
    return {(hour,) for hour in range(24) if _seconds(stretches, By.HOUR, (hour,)) > 0}


def _of_work(by: By, one: Ticket) -> set[Key]:
    key = _of_ticket(by, one)
    return _hours(_worked(one)) if by is By.HOUR else {key} if key and _worked(one) else set()


def _of_shift(by: By, one: Shift, now: datetime) -> set[Key]:
    stretches = _open(one, now)
    if by is By.HOUR:
        return _hours(stretches)
    categories = one.categories if by is By.BUSINESS else [""]
    keys = {_key(by, one.window.service_point_id, category, one.began_at, one.window) for category in categories}
    return {key for key in keys if key is not None and stretches}


def slow_figures(rows: Rows, by: By, now: datetime, hall: str | None = None) -> list[Figure]:
    """Row by row, in the order of what they are of."""
    keys = {
        *(_of_ticket(by, one) for one in rows.tickets),
        *(_of_booking(by, one) for one in rows.bookings),
        *(key for one in rows.tickets for key in _of_work(by, one)),
        *(key for one in rows.shifts for key in _of_shift(by, one, now)),
    }
    return [_figure(rows, by, key, now, hall) for key in sorted(key for key in keys if key is not None)]


def _figure(rows: Rows, by: By, key: Key, now: datetime, hall: str | None) -> Figure:
    tickets = [one for one in rows.tickets if _of_ticket(by, one) == key]
    visits = [one for one in rows.bookings if _of_booking(by, one) == key]
    served = [seconds for one in tickets if (seconds := _served(one)) is not None]
    sat = [stretch for one in rows.shifts if key in _of_shift(by, one, now) for stretch in _open(one, now)]
    done = [stretch for one in rows.tickets if key in _of_work(by, one) for stretch in _worked(one)]
    missed = sum(one.state is BookingState.NO_SHOW for one in visits)
    names = {By.HALL: ["hall"], By.BUSINESS: ["business"], By.HOUR: ["hour"], By.WINDOW: ["hall", "window"]}[by]
    of_what: dict[str, Any] = {"hall": hall, **dict(zip(names, key, strict=True))}
    return Figure(
        **of_what,
        numbers=Numbers(
            taken=len(tickets),
            served=sum(one.state is TicketState.DONE for one in tickets),
            passed=sum(one.state is TicketState.PASSED for one in tickets),
            abandoned=sum(one.state is TicketState.ABANDONED for one in tickets),
            booked=sum(one.booking_id is not None for one in tickets),
        ),
        waiting=_spread([seconds for one in tickets if (seconds := _waited(one)) is not None]),
        serving=_spread(served),
        visits=None if by is By.WINDOW else Visits(len(visits), missed),
        work=Work(round(_seconds(sat, by, key)), round(_seconds(done, by, key)), len(done)),
    )


async def play_days(days: Sequence[date], chance: Random) -> None:
    """Days on which anything happens that the tables can hold."""
    clerk = await make_staff(Role.WINDOW_ACCEPTOR)
    resident = (await make_resident()).resident_id()
    for day in days:
        for place, businesses in HALLS.items():
            windows = [
                (await Window.get_or_create({"categories": []}, service_point_id=place, number=number))[0]
                for number in (1, 2)
            ]
            bookings = [await _booking(place, day, chance, chance.choice(businesses), resident) for _ in range(12)]
            for window in windows:
                began = at_local(day, 8) + timedelta(seconds=chance.randrange(36_000))
                ended = began + timedelta(seconds=chance.randrange(60_000))
                left_open = day == days[-1] and chance.random() < 0.5
                shift = await Shift.create(
                    window_id=window.id, staff_id=clerk.id, began_at=began, ended_at=None if left_open else ended,
                    categories=chance.sample([*businesses, "Z"], chance.randrange(len(businesses) + 2)),
                )  # fmt: skip
                await _pauses(shift, chance)
            for number in range(chance.randrange(30)):
                window_id = chance.choice(windows).id if chance.random() < 0.8 else None
                booking = bookings[number] if number < 5 else None
                await _number(place, day, chance, chance.choice(businesses), window_id=window_id,
                              booking_id=booking.id if booking else None)  # fmt: skip


async def _pauses(shift: Shift, chance: Random) -> None:
    """Also such as overlap, outlast their shift, or have not ended."""
    for number in range(chance.randrange(4)):
        began = shift.began_at + timedelta(seconds=chance.randrange(40_000))
        ended = began + timedelta(seconds=chance.randrange(7_200))
        lasts = number == 0 and chance.random() < 0.3
        await Pause.create(shift_id=shift.id, began_at=began, ended_at=None if lasts else ended)


async def _booking(place: str, day: date, chance: Random, category: str, resident: object) -> Booking:
    starts_at = at_local(day, chance.randrange(9, 18)) + timedelta(microseconds=chance.randrange(10**9))
    slot = await Slot.create(
        service_point_id=place, category=category, day=day, starts_at=starts_at, capacity=5,
        ends_at=starts_at + timedelta(minutes=30), layer=chance.choice([Layer.ORDINARY] * 3 + [*Layer]),
    )  # fmt: skip
    return await Booking.create(
        resident_id=resident, slot_id=slot.id, item_key="id-card-renew", day=day, until=slot.ends_at,
        state=chance.choice(list(BookingState)), booked_at=clock.now(),
    )  # fmt: skip


_green = count(500_000)
"""Numbers of the green channel have a letter of their own, and are still of a business."""


async def _number(place: str, day: date, chance: Random, category: str, **other: object) -> None:
    def later(moment: datetime, most: int, known: float = 1.0) -> datetime | None:
        return moment + timedelta(seconds=chance.randrange(most)) if chance.random() < known else None

    taken = at_local(day, 8) + timedelta(seconds=chance.randrange(36_000))
    called = later(taken, 7_200, 0.8)
    started = later(called, 300, 0.9) if called else None
    finished = later(started, 20_000, 0.9) if started else None
    await put_number(
        place,
        category,
        taken,
        state=chance.choice(_ENDS),
        queued_at=later(taken, 60, 0.9),
        called_at=called,
        started_at=started,
        finished_at=finished,
        transferred_from=chance.choice(["", "", "", "A001"]),
        **({"green": True, "code": f"Z{next(_green):06d}"} if chance.random() < 0.2 else {}),
        **other,
    )
