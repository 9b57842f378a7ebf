"""Without this module who comes without a booking would get no number.

At a kiosk, at the desk, or by one's own phone inside the hall: one ticket whatever the way. Where a business has a
daily maximum its numbers are held by name; then the resident is locked.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.booking.halls.hours import hall_day
from app.booking.models import Booking
from app.booking.nearness import Where, check_at_the_hall
from app.booking.policies import policy_of
from app.booking.policy import Policy
from app.booking.rules import BookingState, Layer
from app.catalogue.models import ServicePoint
from app.catalogue.queries import service_point_for, service_points_by_key
from app.identity.assurance import require_level
from app.identity.merging import ID_NUMBER
from app.identity.models import DeviceKind, Resident
from app.identity.queries import locked_resident
from app.identity.rules import STRONG, Role, check_id_number, check_person_name
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.facts.publishing import publish
from app.kernel.inbox.requests import claim
from app.kernel.privacy import blind_index, unseal
from app.kernel.ratelimit import check_rate
from app.queueing.arriving import next_code
from app.queueing.errors import AlreadyInQueue, BookedToday, CategoryNotServed, GreenChannelInPerson
from app.queueing.events import TicketTaken
from app.queueing.holders import holder_shown, note_if_near, shown_name
from app.queueing.models import Ticket
from app.queueing.queries import count_waiting, numbers_given, open_number, ticket_by_id
from app.queueing.rules import GREEN_PREFIX, TicketChannel, TicketState, check_numbers_left, check_walk_in_hours

_NUMBERS_A_MINUTE = "30/minute"


@dataclass(frozen=True)
class Wanted:
    """What number is asked for, and the key under which the asking counts once."""

    category: str
    idempotency_key: str
    green: bool = False

    @property
    def of_green_channel(self) -> bool:
        return self.green or self.category == GREEN_PREFIX


@dataclass(frozen=True)
class Person:
    """Who asks at a machine or a desk, as far as they say: what a card reader read, or only a name, or nothing."""

    id_number: str = ""
    name: str = ""


@dataclass(frozen=True)
class Taken:
    """A number, how many wait for the business with it, and whether these are more than it can well serve."""

    ticket: Ticket
    waiting: int
    crowded: bool


@dataclass(frozen=True)
class _Holder:
    """Whose number it is: an account, perhaps, and the masked name. Nothing else is kept of what somebody typed."""

    resident_id: UUID | None
    shown: str


@dataclass(frozen=True)
class _Counter:
    """Where, how and by which rules a number is given out."""

    point: ServicePoint
    policy: Policy
    channel: TicketChannel


async def take_by_phone(actor: Actor, service_point: str, wanted: Wanted, where: Where | None) -> Taken:
    """Take a number with one's own phone inside the hall, for oneself.

    The green channel is for who shows at the kiosk or the desk that it is for them. Raises `ActingForAnother`,
    `GreenChannelInPerson`, `NotFound`, `AssuranceTooLow`, `PlaceUnknown`, `NotAtTheHall`, and like `take_at_kiosk`.
    """
    own_id = actor.own_id()
    if wanted.of_green_channel:
        raise GreenChannelInPerson(field="category")
    counter = await _counter(await _point(service_point), wanted, TicketChannel.PHONE)
    check_at_the_hall(where, counter.point, counter.policy)
    async with db.transaction():
        await _hold_numbers(counter, wanted)
        resident = await locked_resident(own_id)
        await require_level(actor, resident, counter.policy.min_level)
        return await _take(actor, own_id, counter, wanted, _known(resident))


async def take_at_kiosk(actor: Actor, wanted: Wanted, person: Person) -> Taken:
    """Take a number at the hall's machine. Again with the same key gives the same number.

    Raises `NotAllowed`, `TooManyRequests`, `CategoryNotServed`, `WalkInsClosed`, `ClosedToday`, `NumbersGone`,
    `AlreadyInQueue`, `BookedToday` while they may check in, `IdentityNumberInvalid`, `PersonNameInvalid` or
    `IdempotencyKeyReused`.
    """
    machine = actor.device(DeviceKind.KIOSK)
    await check_rate(_NUMBERS_A_MINUTE, "numbers", str(machine.id))
    counter = await _counter(await _point(machine.place), wanted, TicketChannel.KIOSK)
    return await _take_for(actor, machine.id, counter, wanted, person)


async def take_at_desk(actor: Actor, service_point: str, wanted: Wanted, person: Person) -> Taken:
    """Take a number for somebody at the hall's desk. Raises like `take_at_kiosk`, or `NotFound`."""
    staff_id = actor.staff_id(Role.WINDOW_ACCEPTOR)
    counter = await _counter(await service_point_for(actor, service_point), wanted, TicketChannel.DESK)
    return await _take_for(actor, staff_id, counter, wanted, person)


async def _point(key: str) -> ServicePoint:
    [point] = await service_points_by_key([key])
    if point is None:
        raise NotFound(what_zh="这个服务点", what_en="service point")
    return point


async def _counter(point: ServicePoint, wanted: Wanted, channel: TicketChannel) -> _Counter:
    if wanted.category not in point.queue_categories:
        raise CategoryNotServed(category=wanted.category, field="category")
    return _Counter(point, await policy_of(point.key, wanted.category), channel)


async def _hold_numbers(counter: _Counter, wanted: Wanted) -> None:
    """Where there is a daily maximum, give out one number of a business at a time; before any row is locked."""
    if counter.policy.tickets_a_day is not None:
        await db.one_at_a_time(f"numbers/{counter.point.key}/{wanted.category}")


async def _take_for(actor: Actor, owner: UUID, counter: _Counter, wanted: Wanted, person: Person) -> Taken:
    index = blind_index(ID_NUMBER, check_id_number(person.id_number, clock.today())) if person.id_number else ""
    name = check_person_name(person.name) if person.name else ""
    if counter.channel is TicketChannel.KIOSK and not name:
        index = ""  # a reader reads both off the card; a number alone may be anybody's
    said = blind_index("walk-in", name) if name else ""  # the hash that is kept must not give the name away
    async with db.transaction():
        await _hold_numbers(counter, wanted)
        holder = await _holder(index, name)
        return await _take(actor, owner, counter, wanted, holder, person=[index, said])


async def holder_of_card(person: Person) -> UUID | None:
    """Whose account the number and name on a card are; nobody's unless both are told and both are that account's."""
    if not (person.id_number and person.name):
        return None
    index = blind_index(ID_NUMBER, check_id_number(person.id_number, clock.today()))
    account = await _account_of(index, check_person_name(person.name))
    return account.id if account else None


async def _account_of(index: str, name: str) -> Resident | None:
    account = await Resident.get_or_none(id_number_index=index, level__gte=STRONG) if index else None
    if account is None or (name and account.name_sealed and unseal(account.name_sealed) != name):
        return None
    return account


async def _holder(index: str, name: str) -> _Holder:
    """The account of whoever's card it is, locked.

    Not one that only typed the number (below L3), and not when the name on the card is another's: a machine tells
    nobody whose number it is.
    """
    account = await _account_of(index, name)
    if account is None:
        return _Holder(None, shown_name(name))
    return _known(await locked_resident(account.id))


def _known(resident: Resident) -> _Holder:
    return _Holder(resident.id, holder_shown(resident))


async def _take(actor: Actor, owner: UUID, counter: _Counter, wanted: Wanted, holder: _Holder, **said: object) -> Taken:
    point, channel, now = counter.point.key, counter.channel, clock.now()
    request = await claim(
        owner, wanted.idempotency_key, "take number", service_point=point, category=wanted.category,
        green=wanted.green, channel=channel, **said,
    )  # fmt: skip
    if request.earlier is not None:
        return await _taken(await ticket_by_id(request.earlier), counter)
    hours = await hall_day(counter.point, clock.today())
    check_walk_in_hours(now, counter.policy, hours.open_for(wanted.category), hours.closed_for(wanted.category))
    if counter.policy.tickets_a_day is not None:
        check_numbers_left(await numbers_given(point, wanted.category), counter.policy)
    if holder.resident_id is not None:
        held = await open_number(holder.resident_id, point, wanted.category)
        if held is not None:
            raise AlreadyInQueue(ticket=held.code, field="category")
        await _check_not_booked(holder.resident_id, counter, wanted)
    ticket = await Ticket.create(
        service_point_id=point, day=clock.today(), category=wanted.category,
        code=await next_code(point, clock.today(), GREEN_PREFIX if wanted.of_green_channel else wanted.category),
        resident_id=holder.resident_id, holder=holder.shown, green=wanted.of_green_channel, channel=channel,
        state=TicketState.WAITING, taken_at=now, queued_at=now,
    )  # fmt: skip
    await request.answered_with(ticket.id)
    await publish(TicketTaken(ticket.id))
    await audit.record(actor, "queue.taken", f"ticket:{ticket.id}", person=holder.resident_id)
    await note_if_near(ticket)
    return await _taken(ticket, counter)


async def _check_not_booked(resident_id: UUID, counter: _Counter, wanted: Wanted) -> None:
    """Raise `BookedToday` while somebody may still check in for what they ask a number for."""
    now, policy = clock.now(), counter.policy
    booked = Booking.filter(
        resident_id=resident_id, slot__service_point_id=counter.point.key, slot__category=wanted.category,
        state=BookingState.BOOKED, slot__starts_at__gte=now - policy.grace, day=clock.today(),
    ).exclude(slot__layer=Layer.HOME_VISIT)  # fmt: skip
    first = await booked.order_by("slot__starts_at").prefetch_related("slot").first()
    if first is None:
        return
    begins = f"{clock.local(first.slot.starts_at):%H:%M}"
    opens = first.slot.starts_at - policy.early
    shown = f"{clock.local(opens):%H:%M}"
    from_zh, from_en = ("现在", "now") if opens <= now else (f"在{shown}之后", f"from {shown} on")
    raise BookedToday(when=begins, from_zh=from_zh, from_en=from_en, field="category")


async def _taken(ticket: Ticket, counter: _Counter) -> Taken:
    waiting = await count_waiting(ticket.service_point_id, ticket.category)
    return Taken(ticket, waiting, crowded=waiting >= counter.policy.waiting_warning)
