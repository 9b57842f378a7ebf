"""Without this module who found everything full would have to look again every hour.

Joining and leaving the line, and taking or passing on a place that is offered. Whoever changes an entry holds its
resident.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.booking import commands, holds
from app.booking.alternatives import free_within, metres
from app.booking.errors import (
    AlreadyBooked,
    AlreadyInLine,
    ItemNotServedHere,
    LineInvalid,
    LineNotNeeded,
    PartyTooLarge,
)
from app.booking.line import entries as line
from app.booking.line.rules import LINES_MOST, Near, Wish, check_wish
from app.booking.models import Booking, WaitingEntry
from app.booking.planning import wanted_items
from app.booking.policies import policy_of
from app.booking.policy import Policy
from app.booking.queries import booking_of, items_of_bookings, live_bookings
from app.booking.rules import LIFE, LINE_STATES, BookingState, WaitingState, day_and_time
from app.booking.visits import VisitItem, check_items
from app.catalogue.queries import every_service_point, service_points_by_key
from app.identity.assurance import require_level
from app.identity.models import Resident
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.inbox.requests import claim
from app.representation.queries import locked_subject


async def join(actor: Actor, items: Sequence[VisitItem], wish: Wish, *, idempotency_key: str) -> WaitingEntry:
    """Wait for places of a visit in some halls, days and hours where there are none; first come, first asked.

    Needs the highest level of the halls. Raises `NotFound`, `VisitInvalid`, `PartyTooLarge`, `ItemNotBookable`,
    `ItemNotServedHere`, `ProxyNotAllowed`, `OutsideMandate`, `AssuranceTooLow`, `AlreadyBooked`, `AlreadyInLine`,
    `LineInvalid`, and `LineNotNeeded` naming what is free.
    """
    body = {"items": [item.as_json() for item in items], "wish": repr(wish)}
    async with db.transaction():
        request = await claim(actor.resident_id(), idempotency_key, "join line", **body)
        if request.earlier is not None:
            return await line.entry_of(request.earlier, actor)
        resident = await locked_subject(actor)
        check_wish(wish, clock.today())
        category = await _category(actor, items)
        rules = await _rules_of(await _halls(wish, category), category, wish.party)
        await require_level(actor, resident, max(policy.min_level for policy in rules.values()))
        await _check_needed(resident, items)
        await _check_full(wish, category, items, rules)
        entry = await WaitingEntry.create(
            resident_id=resident.id,
            category=category,
            item_key=items[0].item_key,
            items=[item.as_json() for item in items],
            party=wish.party,
            service_points=sorted(rules),
            days_from=wish.days_from,
            days_until=wish.days_until,
            time_from=wish.time_from,
            time_until=wish.time_until,
            state=WaitingState.WAITING,
            joined_at=clock.now(),
        )
        await request.answered_with(entry.id)
        await audit.record(actor, "line.joined", f"line:{entry.id}")
    return entry


async def _category(actor: Actor, items: Sequence[VisitItem]) -> str:
    check_items(items, 1, Policy())
    categories = {item.queue_category for item in await wanted_items(actor, items)}
    if len(categories) > 1:
        raise LineInvalid(
            field="items",
            reason_zh="这些事项分属不同业务,请分别登记",
            reason_en="the items are of different businesses",
        )
    [category] = categories
    assert category is not None  # a bookable item has one
    return category


async def _halls(wish: Wish, category: str) -> list[str]:
    """The halls that were named, and those near by that serve the business."""
    found = []
    for point in await service_points_by_key(wish.service_points):
        if point is None:
            raise NotFound(what_zh="这个服务点", what_en="service point")
        if category not in point.queue_categories:
            raise ItemNotServedHere(field="servicePoints")
        found.append(point.key)
    if wish.near is not None:
        found += await _halls_near(wish.near, category)
    if not found:
        raise LineInvalid(
            field="near",
            reason_zh="这个范围内没有办理该业务的服务点,请扩大范围",
            reason_en="no service point for this business is so near; widen the radius",
        )
    return found


async def _halls_near(near: Near, category: str) -> list[str]:
    return [
        point.key
        for point in await every_service_point()
        if category in point.queue_categories
        and point.latitude is not None
        and point.longitude is not None
        and metres(near.latitude, near.longitude, point.latitude, point.longitude) <= near.radius_km * 1000
    ]


async def _rules_of(halls: Sequence[str], category: str, party: int) -> dict[str, Policy]:
    """The rules of the halls that take so large a party. Raises `PartyTooLarge` when none does."""
    rules = {hall: await policy_of(hall, category) for hall in halls}
    fitting = {hall: policy for hall, policy in rules.items() if 1 <= party <= policy.party_most}
    if not fitting:
        raise PartyTooLarge(field="party", most=max(policy.party_most for policy in rules.values()))
    return fitting


async def _check_needed(resident: Resident, items: Sequence[VisitItem]) -> None:
    """Raise `AlreadyBooked` or `AlreadyInLine` for an item the resident has a place for, or waits for."""
    wanted = {item.item_key for item in items}
    booked = await live_bookings(resident.id)
    for booking, booked_items in zip(booked, await items_of_bookings([one.id for one in booked]), strict=True):
        if wanted & {item.item_key for item in booked_items}:
            when = booking.slot.starts_at
            raise AlreadyBooked(
                when_zh=day_and_time(when, "zh"), when_en=day_and_time(when, "en"), suggestion=booking.id
            )
    waiting = await line.live_entries(resident.id)
    for entry in waiting:
        if wanted & {said["item_key"] for said in entry.items}:
            raise AlreadyInLine(field="items", suggestion=entry.id)
    if len(waiting) >= LINES_MOST:
        raise LineInvalid(
            reason_zh=f"您已有{LINES_MOST}个候补登记,请先退出一个",
            reason_en=f"you wait in {LINES_MOST} lines already; leave one first",
        )


async def _check_full(wish: Wish, category: str, items: Sequence[VisitItem], rules: dict[str, Policy]) -> None:
    """Raise `LineNotNeeded` naming a place that is free: nobody would offer it."""
    keys = [item.item_key for item in items]
    slots = max(policy.slots_needed(keys) for policy in rules.values())
    days, hours = (wish.days_from, wish.days_until), (wish.time_from, wish.time_until)
    free = await free_within(category, list(rules), days, hours, (wish.party, slots))
    if free:
        raise LineNotNeeded(alternatives=free, free_zh=free[0].zh, free_en=free[0].en)


async def leave(actor: Actor, entry_id: UUID) -> WaitingEntry:
    """Wait no longer; a place that is offered goes to who is next. Again is harmless. Raises `NotFound`."""
    async with db.transaction():
        await locked_subject(actor)
        entry = await line.entry_of(entry_id, actor)
        if entry.state not in LINE_STATES:
            return entry
        [offered] = await line.live_offers([entry_id])
        if offered is not None:
            await commands.cancel(actor, offered.id)
        await line.end_entry(entry_id, WaitingState.LEFT)
        await audit.record(actor, "line.left", f"line:{entry_id}")
        return await line.entry_of(entry_id, actor)


async def accept(actor: Actor, booking_id: UUID) -> Booking:
    """Take a place that was offered; again is harmless.

    Needs the level of the hall. Raises `NotFound`, `AssuranceTooLow`, `HoldOver` or `IllegalMove`.
    """
    async with db.transaction():
        resident = await locked_subject(actor)
        offered = await _offered(actor, booking_id)
        policy = await policy_of(offered.slot.service_point_id, offered.slot.category)
        await require_level(actor, resident, policy.min_level)
        return await holds.confirm(actor, booking_id)


async def pass_on(actor: Actor, booking_id: UUID) -> Booking:
    """Let a place that was offered go to who is next; again is harmless. Raises `NotFound` or `IllegalMove`."""
    async with db.transaction():
        await locked_subject(actor)
        offered = await _offered(actor, booking_id)
        if offered.state in {BookingState.EXPIRED, BookingState.CANCELLED}:
            return offered
        if offered.state is not BookingState.HELD:
            raise LIFE.illegal(offered.state)
        return await commands.cancel(actor, booking_id)


async def _offered(actor: Actor, booking_id: UUID) -> Booking:
    booking = await booking_of(booking_id, actor)
    if booking.offered_to_id is None and booking.instead_of_id is None:
        raise NotFound(what_zh="这个候补名额", what_en="offer")
    return booking
