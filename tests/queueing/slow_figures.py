"""The figures of queues counted one row after another in plain Python, and days to count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from app.booking.models import Booking, Slot
from app.booking.rules import BookingState, Layer
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.clock import at_local, local
from app.queueing.figure_rules import By, Figure, Numbers, Spread, Visits, Work
from app.queueing.models import Shift, Ticket, Window
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
    shifts = await Shift.filter(window__service_point_id__in=list(places)).prefetch_related("window")
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


def _open(shift: Shift, now: datetime) -> float:
    midnight = at_local(local(shift.began_at).date() + timedelta(days=1), 0)
    paused = float(shift.paused_seconds)
    if shift.ended_at is None and shift.window.paused_at is not None and shift.window.paused_at < now:
        paused += (now - shift.window.paused_at).total_seconds()
    return max(0.0, (min(shift.ended_at or now, midnight) - shift.began_at).total_seconds() - paused)


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


def _of_shift(by: By, one: Shift) -> Key | None:
    if by not in {By.HALL, By.WINDOW}:
        return None
    return _key(by, one.window.service_point_id, "", one.began_at, one.window)


def slow_figures(rows: Rows, by: By, now: datetime, hall: str | None = None) -> list[Figure]:
    """Row by row, in the order of what they are of."""
    keys = {
        *(_of_ticket(by, one) for one in rows.tickets),
        *(_of_booking(by, one) for one in rows.bookings),
        *(_of_shift(by, one) for one in rows.shifts),
    }
    return [_figure(rows, by, key, now, hall) for key in sorted(key for key in keys if key is not None)]


def _figure(rows: Rows, by: By, key: Key, now: datetime, hall: str | None) -> Figure:
    tickets = [one for one in rows.tickets if _of_ticket(by, one) == key]
    visits = [one for one in rows.bookings if _of_booking(by, one) == key]
    served = [seconds for one in tickets if (seconds := _served(one)) is not None]
    seconds_open = sum(_open(one, now) for one in rows.shifts if _of_shift(by, one) == key)
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
        work=Work(round(seconds_open), round(sum(served))) if by in {By.HALL, By.WINDOW} else None,
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
                await Shift.create(
                    window_id=window.id, staff_id=clerk.id, began_at=began, ended_at=ended,
                    paused_seconds=chance.randrange(7_200),
                )  # fmt: skip
            for number in range(chance.randrange(30)):
                window_id = chance.choice(windows).id if chance.random() < 0.8 else None
                booking = bookings[number] if number < 5 else None
                await _number(place, day, chance, chance.choice(businesses), window_id=window_id,
                              booking_id=booking.id if booking else None)  # fmt: skip


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
