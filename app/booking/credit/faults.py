"""Without this module a resident would be refused without ever seeing what for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app.booking.credit.exemptions import Exemption, exemptions_of
from app.booking.credit.rules import (
    CountedFault,
    ExemptionGround,
    Standing,
    appeal_until,
    fault_of,
    faults_of,
    is_old_enough,
    standing,
)
from app.booking.events import FaultExcused
from app.booking.histories import history_of
from app.booking.models import Booking, CreditAppeal
from app.booking.policies import policy_of
from app.booking.policy import Policy
from app.booking.queries import bookings_within
from app.booking.rules import BookingState
from app.booking.visits import History, Past
from app.catalogue.queries import service_points_by_key
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.facts.publishing import publish

_SHOWN_MOST = 50


@dataclass(frozen=True)
class BookedFault:
    """A missed or late-cancelled visit as its resident sees it, excused or not, with its appeal."""

    fault: CountedFault
    booking: Booking
    appeal: CreditAppeal | None

    def may_appeal_until(self, now: datetime) -> datetime | None:
        """Until when it can be appealed; None when it cannot, or no longer."""
        until = appeal_until(self.fault)
        over = self.appeal is not None or self.booking.excused_at is not None or now >= until
        return None if over else until


@dataclass(frozen=True)
class BusinessStanding:
    """How somebody stands with one business of one service point; with nothing when they are exempt."""

    service_point: str
    category: str
    policy: Policy
    standing: Standing
    exempt_as: ExemptionGround | None
    """What a window exempted them for."""

    old_enough: bool

    @property
    def exempt(self) -> bool:
        return self.old_enough or self.exempt_as is not None

    @property
    def live_at_most(self) -> int:
        limit = self.standing.live_at_most
        return self.policy.live_most if limit is None else min(limit, self.policy.live_most)


@dataclass(frozen=True)
class Credit:
    """What counts for or against a resident when they book: the faults, newest first, and what follows."""

    faults: list[BookedFault]
    businesses: list[BusinessStanding]


async def my_credit(actor: Actor, service_point: str | None = None, category: str | None = None) -> Credit:
    """How the resident stands with a business of a service point, or with all where they have faults.

    An agent sees the faults in the items of their mandate, and what follows from all. Raises `NotSignedIn`,
    `InvalidInput` (one without the other) or `NotFound` (the business).
    """
    if (service_point is None) is not (category is None):
        raise InvalidInput(
            field="category",
            reason_zh="服务点和业务须同时填写",
            reason_en="name the service point and the business, or neither",
        )
    faults = await _faults(actor)
    places = {(one.booking.slot.service_point_id, one.booking.slot.category): None for one in faults}
    history = await history_of(actor.resident_id())
    [exemption] = await exemptions_of([actor.resident_id()])
    if service_point is not None and category is not None:
        if not await _served([(service_point, category)]):
            raise NotFound(what_zh="这个服务点的这类业务", what_en="business at this service point")
        places = {(service_point, category): None}
    return Credit(faults, [await _stands(history, exemption, *one) for one in await _served(list(places))])


async def _served(businesses: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that exist: a hall may have given one up since somebody missed a visit there."""
    points = await service_points_by_key([point for point, _ in businesses])
    known = zip(businesses, points, strict=True)
    return [one for one, point in known if point is not None and one[1] in point.queue_categories]


async def _stands(history: History, exemption: Exemption, service_point: str, category: str) -> BusinessStanding:
    policy = await policy_of(service_point, category)
    old = is_old_enough(exemption.born, policy, clock.today())
    judged = standing(faults_of(history, category), policy.credit_rules, clock.now())
    exempt = old or exemption.granted is not None
    return BusinessStanding(
        service_point, category, policy, Standing() if exempt else judged, exemption.granted, old_enough=old
    )


async def _faults(actor: Actor) -> list[BookedFault]:
    rows = await _faulty(bookings_within(actor))
    appeals = {
        appeal.booking_id: appeal for appeal in await CreditAppeal.filter(booking_id__in=[row.id for row in rows])
    }
    return [BookedFault(fault, row, appeals.get(row.id)) for row in rows if (fault := booked_fault(row))]


def _faulty(bookings: QuerySet[Booking]) -> QuerySet[Booking]:
    """Of these the missed and late-cancelled ones, excused or not, newest first."""
    held_against = bookings.filter(Q(state=BookingState.NO_SHOW) | Q(late=True))
    return held_against.prefetch_related("slot").order_by("-day", "-id").limit(_SHOWN_MOST)


async def bookings_by_id(ids: Sequence[UUID]) -> list[Booking | None]:
    """In key order."""
    found = await Booking.in_bulk(ids, "id")
    return [found.get(key) for key in ids]


def past_of(booking: Booking) -> Past:
    """A booking with its slot, as far as the credit rules need to know it."""
    return Past(
        id=booking.id,
        category=booking.slot.category,
        day=booking.day,
        starts_at=booking.slot.starts_at,
        state=booking.state,
        item_keys=(booking.item_key,),
        late=booking.late,
        excused=booking.excused_at is not None,
        ended_at=booking.ended_at,
    )


def booked_fault(booking: Booking) -> CountedFault | None:
    """What a booking is, or was before it was excused, held against its resident as."""
    return fault_of(replace(past_of(booking), excused=False))


async def excused(booking: Booking, why: str) -> None:
    """Write an excuse down for a locked booking, in the caller's transaction."""
    booking.excused_at, booking.excuse = clock.now(), why
    await booking.save(update_fields=["excused_at", "excuse"])
    await publish(FaultExcused(booking.id))
