"""Without this module nobody outside the hall would know how full it is, and the screens inside would be dark.

What is public is counted and never named; what a screen is shown of a person is the mask. What everybody asks for is
read once in two seconds for all who ask.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from app.booking.halls.hours import hall_day
from app.booking.policies import policies_at
from app.booking.remembered import Remembered
from app.catalogue.models import ItemState, QueueCategory, ServiceItem, ServicePoint
from app.catalogue.queries import businesses_by_letter, every_service_point, service_points_by_key
from app.identity.models import DeviceKind
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound, Refusal
from app.queueing.board_rules import Crowd, crowd_of, crowd_of_hall, why_no_numbers
from app.queueing.models import Ticket
from app.queueing.rules import TicketState
from app.queueing.wait_rules import Band
from app.queueing.waits import Business, Pace, paces, waiting_at

_DAYS_SHOWN = 7
_CALLS_SHOWN = 3
_CALLS_ON_SCREEN = 20

_CALLED = """
    SELECT category, code, number FROM (
        SELECT t.category, t.code, w.number, t.called_at, row_number() OVER (
            PARTITION BY t.category ORDER BY t.called_at DESC, t.code
        ) AS place
        FROM ticket t JOIN hall_window w ON w.id = t.window_id
        WHERE t.service_point_id = $1 AND t.day = $2 AND t.called_at IS NOT NULL
    ) called WHERE place <= $3 ORDER BY category, place
"""
_GIVEN = "SELECT category, count(*) AS given FROM ticket WHERE service_point_id = $1 AND day = $2 GROUP BY category"
# What a phone could book now, as everywhere else.
_FREE = """
    SELECT service_point_id, category, day, sum(least(capacity - taken, phone_capacity - phone_taken))::int AS places
    FROM slot WHERE category = ANY($1::text[]) AND day BETWEEN $2 AND $3 AND starts_at > $4
      AND layer <> 'HOME_VISIT' AND closed_at IS NULL AND (opens_at IS NULL OR opens_at <= $4)
      AND taken < capacity AND phone_taken < phone_capacity
    GROUP BY service_point_id, category, day
"""


@dataclass(frozen=True)
class Called:
    """A number that was called, and to which window. No name."""

    code: str
    window: int


@dataclass(frozen=True)
class BusinessNow:
    """One business of a hall at this moment."""

    category: str
    named: QueueCategory
    pace: Pace
    crowd: Crowd
    called: Sequence[Called]
    """The last calls, newest first."""

    refused: Refusal | None
    """Why nobody gets a number without a booking; None when they do."""

    @property
    def wait(self) -> Band | None:
        """What who takes a number now can expect."""
        return self.pace.wait(self.pace.waiting)


@dataclass(frozen=True)
class HallBoard:
    """A hall as everybody may see it."""

    service_point: str
    businesses: Sequence[BusinessNow]


@dataclass(frozen=True)
class HallNow:
    """How full a hall is, and where it has places for phones in the coming days."""

    point: ServicePoint
    waiting: Mapping[str, int]
    crowds: Mapping[str, Crowd]
    free: Mapping[str, Mapping[date, int]]

    def waiting_for(self, category: str | None) -> int:
        return sum(count for business, count in self.waiting.items() if category in {None, business})

    def crowd_for(self, category: str | None) -> Crowd:
        return crowd_of_hall([crowd for business, crowd in self.crowds.items() if category in {None, business}])

    def free_for(self, category: str | None) -> Mapping[date, int]:
        """Free places of each of the coming days, of one business or all; days without any are there with 0."""
        found = Counter({clock.today() + timedelta(days=ahead): 0 for ahead in range(_DAYS_SHOWN)})
        for business, days in self.free.items():
            if category in {None, business}:
                found.update(days)
        return found


_boards: Remembered[tuple[str, date], HallBoard] = Remembered(2.0)
_halls: Remembered[date, Sequence[HallNow]] = Remembered(2.0)


def forget_boards() -> None:
    """Let this process look again at once."""
    _boards.forget()
    _halls.forget()


async def hall_board(service_point: str) -> HallBoard:
    """The live board of a hall, at most two seconds old. Raises `NotFound`."""
    return await _boards.get((service_point, clock.today()), partial(_read_board, service_point))


async def _read_board(service_point: str) -> HallBoard:
    point = await _point(service_point)
    return HallBoard(point.key, await _businesses_now(point))


async def _point(key: str) -> ServicePoint:
    [point] = await service_points_by_key([key])
    if point is None:
        raise NotFound(what_zh="这个服务点", what_en="service point")
    return point


async def _businesses_now(point: ServicePoint) -> list[BusinessNow]:
    policies, now, hours = await policies_at([point]), clock.now(), await hall_day(point, clock.today())
    called: defaultdict[str, list[Called]] = defaultdict(list)
    for row in await db.rows(_CALLED, point.key, clock.today(), _CALLS_SHOWN):
        called[row["category"]].append(Called(row["code"], row["number"]))
    given = {row["category"]: row["given"] for row in await db.rows(_GIVEN, point.key, clock.today())}
    named = await businesses_by_letter(point.queue_categories)
    going = await paces([Business(point.key, category) for category in point.queue_categories])
    return [
        BusinessNow(
            category,
            name,
            pace,
            crowd_of(pace.waiting, policies[point.key, category]),
            called[category],
            why_no_numbers(
                given.get(category, 0),
                now,
                policies[point.key, category],
                hours.open_for(category),
                hours.closed_for(category),
            ),
        )
        for category, name, pace in zip(point.queue_categories, named, going, strict=True)
    ]


async def halls_now(category: str | None = None) -> list[HallNow]:
    """Every hall that serves a business, or every hall; at most two seconds old, in four statements for a city."""
    halls = await _halls.get(clock.today(), _read_halls)
    return [hall for hall in halls if category is None or category in hall.point.queue_categories]


async def _read_halls() -> list[HallNow]:
    points, today = await every_service_point(), clock.today()
    waiting, policies = await waiting_at([point.key for point in points]), await policies_at(points)
    served = sorted({category for point in points for category in point.queue_categories})
    free: defaultdict[Business, dict[date, int]] = defaultdict(dict)
    for row in await db.rows(_FREE, served, today, today + timedelta(days=_DAYS_SHOWN - 1), clock.now()):
        free[Business(row["service_point_id"], row["category"])][row["day"]] = row["places"]
    found = []
    for point in points:
        here = {category: Business(point.key, category) for category in point.queue_categories}
        counts = {category: waiting.get(business, 0) for category, business in here.items()}
        crowds = {category: crowd_of(counts[category], policies[business]) for category, business in here.items()}
        found.append(HallNow(point, counts, crowds, {category: free[business] for category, business in here.items()}))
    return found


@dataclass(frozen=True)
class ScreenCall:
    """A number being called, as the screen above the windows shows it."""

    code: str
    category: str
    window: int
    holder: str
    called_at: datetime
    recalls: int


async def call_screen(actor: Actor) -> list[ScreenCall]:
    """Who is being called in the screen's own hall, newest first; who has come to the window is gone from it.

    Raises `NotAllowed`.
    """
    place = actor.device(DeviceKind.SCREEN).place
    calling = Ticket.filter(service_point_id=place, day=clock.today(), state=TicketState.CALLED)
    found = await calling.order_by("-called_at", "code").limit(_CALLS_ON_SCREEN).select_related("window")
    return [
        ScreenCall(
            ticket.code, ticket.category, ticket.window.number, ticket.holder, ticket.called_at, ticket.calls - 1
        )
        for ticket in found
        if ticket.window is not None and ticket.called_at is not None
    ]


@dataclass(frozen=True)
class KioskBusiness:
    """What a kiosk offers: a business with what it is for."""

    now: BusinessNow
    items: Sequence[ServiceItem]


async def kiosk_feed(actor: Actor) -> list[KioskBusiness]:
    """The businesses of the kiosk's own hall. Raises `NotAllowed`."""
    point = await _point(actor.device(DeviceKind.KIOSK).place)
    board = await hall_board(point.key)
    items: defaultdict[str, list[ServiceItem]] = defaultdict(list)
    in_force = ServiceItem.filter(state=ItemState.IN_FORCE, queue_category__in=list(point.queue_categories))
    for item in await in_force.order_by("key"):
        items[item.queue_category or ""].append(item)
    return [KioskBusiness(business, items[business.category]) for business in board.businesses]
