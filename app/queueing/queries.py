"""Without this module neither the waiting resident nor the clerk could see the queue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from uuid import UUID

from tortoise.expressions import Subquery
from tortoise.queryset import QuerySet

from app.booking.policies import policies_at, policy_of
from app.booking.policy import Policy
from app.booking.queries import bookings_within
from app.catalogue.models import ServicePoint
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.queueing.errors import NoWindowOpen
from app.queueing.models import Ticket, TicketCounter, Window
from app.queueing.order import Line, Streak, Waiting, line_up, upcoming
from app.queueing.rules import AT_WINDOW, OPEN_STATES, TicketState, businesses_of, is_code

_SHOWN_NEXT = 5

_WAITING = """
    SELECT id, category, code, coalesce(queued_at, taken_at) AS queued_at, slot_starts_at, green, behind_call
    FROM ticket WHERE service_point_id = $1 AND day = $2 AND state = 'WAITING' AND category = ANY($3::text[])
"""

_WAITING_WITH = """
    SELECT t.id, t.service_point_id, t.day, t.category, coalesce(t.queued_at, t.taken_at) AS queued_at,
        t.slot_starts_at, t.green, t.behind_call
    FROM ticket t JOIN unnest($1::text[], $2::date[], $3::text[]) AS line (place, day, category)
        ON t.service_point_id = line.place AND t.day = line.day AND t.category = line.category
    WHERE t.state = 'WAITING'
"""

_LEFT_OVER = """
    SELECT t.id FROM ticket t LEFT JOIN booking b ON b.id = t.booking_id
    WHERE t.service_point_id = $1 AND t.day <= $2 AND ($4::uuid IS NULL OR t.id > $4)
      AND (t.state IN ('WAITING', 'CALLED', 'SERVING', 'HUNG') OR (t.state = 'PASSED' AND b.state = 'CHECKED_IN'))
    ORDER BY t.id LIMIT $3
"""


async def window_of(actor: Actor) -> Window:
    """The window a member of staff sits at, unless they no longer work in that part of the city.

    Raises `NoWindowOpen`.
    """
    division = actor.scope.division
    window = await Window.get_or_none(staff_id=actor.staff_id(), service_point__division_code__startswith=division)
    if window is None:
        raise NoWindowOpen
    return window


async def locked_window_of(actor: Actor) -> Window:
    """The same, locked for this transaction."""
    seen = await window_of(actor)
    window = await Window.filter(id=seen.id, staff_id=actor.id).select_for_update().first()
    if window is None:
        raise NoWindowOpen
    return window


async def ticket_at(window_id: UUID) -> Ticket | None:
    """Who is being called or served at a window."""
    return await Ticket.get_or_none(window_id=window_id, state__in=AT_WINDOW)


async def ticket_of_booking(booking_id: UUID) -> Ticket | None:
    return await Ticket.get_or_none(booking_id=booking_id)


async def tickets_of_bookings(booking_ids: Sequence[UUID]) -> list[Ticket | None]:
    """In key order."""
    found = {ticket.booking_id: ticket for ticket in await Ticket.filter(booking_id__in=list(booking_ids))}
    return [found.get(key) for key in booking_ids]


async def ticket_by_id(ticket_id: UUID) -> Ticket:
    """Raises `NotFound`."""
    ticket = await Ticket.get_or_none(id=ticket_id)
    if ticket is None:
        raise no_such_ticket()
    return ticket


async def locked_ticket(ticket_id: UUID, service_point: str | None = None) -> Ticket:
    """The row, locked for this transaction. Raises `NotFound`, also for one of another service point than named."""
    ticket = await Ticket.filter(id=ticket_id).select_for_update().first()
    if ticket is None or service_point not in {None, ticket.service_point_id}:
        raise no_such_ticket()
    return ticket


async def ticket_of_code(service_point: str, day: date, code: str) -> Ticket:
    """A number as it is printed, of one place and day. Raises `NotFound`."""
    printed = code.strip().upper()
    ticket = None
    if is_code(printed):
        ticket = await Ticket.get_or_none(service_point_id=service_point, day=day, code=printed)
    if ticket is None:
        raise no_such_ticket()
    return ticket


async def check_whose(actor: Actor, ticket: Ticket, subject_id: UUID) -> None:
    """Raise `NotFound` for a number of somebody else, or of a visit that an agent's mandate is not for."""
    if ticket.resident_id != subject_id or not await tickets_within(actor).filter(id=ticket.id).exists():
        raise no_such_ticket()


def tickets_within(actor: Actor) -> QuerySet[Ticket]:
    """The numbers of the actor's matters; of an agent for some items only those of visits for nothing else."""
    mine = Ticket.filter(resident_id=actor.resident_id())
    if actor.principal is None or actor.principal.items is None:
        return mine
    return mine.filter(booking_id__in=Subquery(bookings_within(actor).values("id")))


async def ticket_of(ticket_id: UUID, actor: Actor) -> Ticket:
    """A number of the actor's matters. Raises `NotFound` alike for none and for somebody else's."""
    found = await tickets_within(actor).get_or_none(id=ticket_id)
    if found is None:
        raise no_such_ticket()
    return found


async def called_today(service_point: str, category: str) -> int:
    """How many numbers a business has called today."""
    counter = await TicketCounter.get_or_none(service_point_id=service_point, day=clock.today(), category=category)
    return counter.called if counter else 0


def no_such_ticket() -> NotFound:
    return NotFound(what_zh="这个号", what_en="ticket")


async def open_number(resident_id: UUID, service_point: str, category: str) -> Ticket | None:
    """The number a resident holds today in a business of a place and that is not over."""
    return await Ticket.filter(
        resident_id=resident_id,
        service_point_id=service_point,
        category=category,
        day=clock.today(),
        state__in=OPEN_STATES,
    ).first()


async def my_tickets(actor: Actor) -> list[Ticket]:
    """A resident's numbers of today that are open or may still rejoin, the newest first."""
    states = (*OPEN_STATES, TicketState.PASSED)
    return await tickets_within(actor).filter(day=clock.today(), state__in=states).order_by("-taken_at", "-id")


async def lines_of(
    service_point: str, day: date, categories: Mapping[str, int]
) -> tuple[list[Line], Mapping[UUID, str]]:
    """The lines of some businesses, each with a window's priority for it, and the codes of who waits, by id."""
    waiting: defaultdict[str, list[Waiting]] = defaultdict(list)
    codes: dict[UUID, str] = {}
    for row in await db.rows(_WAITING, service_point, day, list(categories)):
        waiting[row["category"]].append(
            Waiting(row["id"], row["queued_at"], row["slot_starts_at"], row["green"], row["behind_call"])
        )
        codes[row["id"]] = row["code"]
    counters = await TicketCounter.filter(service_point_id=service_point, day=day, category__in=list(categories))
    streaks = {counter.category: Streak(counter.called, counter.booked_in_a_row) for counter in counters}
    lines = [
        Line(
            category,
            tuple(waiting[category]),
            streaks.get(category, Streak()),
            await policy_of(service_point, category),
            priority,
        )
        for category, priority in categories.items()
    ]
    return lines, codes


async def numbers_given(service_point: str, category: str) -> int:
    """How many numbers a business has given out today, of the green channel too."""
    return await Ticket.filter(service_point_id=service_point, day=clock.today(), category=category).count()


async def people_ahead(ticket_ids: Sequence[UUID]) -> list[int]:
    """For each ticket how many would be called before it in its business, in key order; 0 once called.

    As many statements for tickets of many halls as for one.
    """
    asked = await Ticket.filter(id__in=list(ticket_ids), state=TicketState.WAITING)
    places: dict[UUID, int] = {}
    for line in await _lines_with(asked):
        places.update(places_in(line))
    return [places.get(key, 0) for key in ticket_ids]


async def _lines_with(tickets: Sequence[Ticket]) -> list[Line]:
    """The whole lines that some waiting tickets stand in."""
    keys = sorted({(ticket.service_point_id, ticket.day, ticket.category) for ticket in tickets})
    if not keys:
        return []
    halls, days, categories = ([key[part] for key in keys] for part in range(3))
    waiting: defaultdict[tuple[str, date, str], list[Waiting]] = defaultdict(list)
    for row in await db.rows(_WAITING_WITH, halls, days, categories):
        waiting[row["service_point_id"], row["day"], row["category"]].append(
            Waiting(row["id"], row["queued_at"], row["slot_starts_at"], row["green"], row["behind_call"])
        )
    counted = await TicketCounter.filter(service_point_id__in=halls, day__in=days, category__in=categories)
    streaks = {
        (one.service_point_id, one.day, one.category): Streak(one.called, one.booked_in_a_row) for one in counted
    }
    policies = await policies_at(await ServicePoint.filter(key__in=halls))
    return [
        Line(key[2], waiting[key], streaks.get(key, Streak()), policies.get((key[0], key[2]), Policy())) for key in keys
    ]


def places_in(line: Line) -> dict[UUID, int]:
    """Of everybody in a line how many are before them now."""
    order = line_up(line.waiting, line.streak, clock.now(), line.policy)
    return {ticket.id: place for place, ticket in enumerate(order)}


async def count_waiting(service_point: str, category: str) -> int:
    """How many wait for a business today."""
    return await Ticket.filter(
        service_point_id=service_point, day=clock.today(), category=category, state=TicketState.WAITING
    ).count()


@dataclass(frozen=True)
class WindowDesk:
    """All that the screen of a window shows."""

    window: Window
    ticket: Ticket | None
    waiting: Mapping[str, int]
    """How many wait for each of its businesses."""

    upcoming: Sequence[str]
    """The codes it would call next, in order."""

    hung: Sequence[Ticket]


async def desk_of(actor: Actor) -> WindowDesk:
    """What a window shows, in as many statements as ever: however many wait. Raises `NoWindowOpen`."""
    window, today = await window_of(actor), clock.today()
    businesses = businesses_of(window.categories, window.skills)
    here = {"service_point_id": window.service_point_id, "day": today}
    hung = await Ticket.filter(**here, state=TicketState.HUNG, category__in=list(businesses)).order_by("hung_at")
    lines, codes = await lines_of(window.service_point_id, today, businesses)
    return WindowDesk(
        window=window,
        ticket=await ticket_at(window.id),
        waiting={line.category: len(line.waiting) for line in lines},
        upcoming=[codes[ticket.id] for ticket in islice(upcoming(lines, clock.now()), _SHOWN_NEXT)],
        hung=hung,
    )


async def windows_open_for(service_point: str, category: str) -> int:
    """How many windows of a place somebody sits at who may take a business; paused ones count."""
    sitting = await Window.filter(service_point_id=service_point, staff_id__isnull=False)
    return sum(category in businesses_of(window.categories, window.skills) for window in sitting)


async def tickets_left_over(service_point: str, until: date, limit: int, after: UUID | None) -> list[UUID]:
    """Numbers of a place up to a day that nobody finished, and passed ones whose booking still waits for its end.

    In key order, from the one `after` on.
    """
    found = await db.rows(_LEFT_OVER, service_point, until, limit, after)
    return [row["id"] for row in found]


async def windows_by_id(ids: Sequence[UUID]) -> list[Window | None]:
    """In key order."""
    found = await Window.in_bulk(ids, "id")
    return [found.get(key) for key in ids]
