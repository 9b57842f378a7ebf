"""Without this module who has no phone would never get a booked place.

Staff at a window book, move and cancel for somebody who stands there with their identity card, in places of the
desk's own share. What is held against somebody who books by phone does not keep them from it: the desk is the way
that stays open. Whatever else limits a booking limits it here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.booking import places
from app.booking.at_window import account_at_window, booking_in_scope
from app.booking.commands import change_time, give_up, home_of, put
from app.booking.events import SlotBooked
from app.booking.histories import history_of
from app.booking.models import Booking, Slot
from app.booking.planning import plan
from app.booking.queries import locked_booking, visit_items_of
from app.booking.rules import LIFE, BookingState, Channel, check_same_place, is_late_to_cancel
from app.booking.visits import Visit, VisitItem, check_may_book
from app.identity.merging import ID_NUMBER
from app.identity.queries import locked_resident
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import NotFound
from app.kernel.facts.publishing import publish
from app.kernel.inbox.requests import claim
from app.kernel.privacy import blind_index

_SHOWN_MOST = 50


async def book_at_desk(
    actor: Actor,
    id_number: str,
    name: str,
    slot_id: UUID,
    items: Sequence[VisitItem],
    *,
    party: int = 1,
    idempotency_key: str,
) -> Booking:
    """Take the places of a visit for somebody whose card the window sees, of the desk's share.

    Their account must have been proved; no level is asked for beyond that, since the card is here. Raises
    `NotAllowed`, `NotFound` (the slot, also of another part of the city), like `account_at_window`, and like
    `commands.book` but never `BookingBarred`.
    """
    staff = actor.staff_id(Role.WINDOW_ACCEPTOR)
    body = {
        "person": blind_index(ID_NUMBER, id_number),  # the hash that is kept must not give the number away
        "slot": slot_id,
        "items": [item.as_json() for item in items],
        "party": party,
    }
    async with db.transaction():
        request = await claim(staff, idempotency_key, "book-at-desk", **body)
        if request.earlier is not None:
            return await booking_in_scope(actor, request.earlier)
        account = await account_at_window(id_number, name)
        person = Actor(ActorKind.RESIDENT, account.id)
        visit = await _planned(actor, person, slot_id, items, party)
        home = await home_of(person, visit.layer, None)
        booking = await put(person, visit, BookingState.BOOKED, home=home, channel=Channel.DESK)
        await request.answered_with(booking.id)
        await publish(SlotBooked(booking.id))
        await audit.record(actor, "booking.made_at_desk", f"booking:{booking.id}", person=account.id)
        return booking


async def bookings_at_desk(actor: Actor, id_number: str, name: str) -> list[Booking]:
    """What the person at the window has booked in the part of the city the clerk works for, newest first.

    At most 50; the look is audited. Raises `NotAllowed` or like `account_at_window`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        account = await account_at_window(id_number, name)
        await audit.record(actor, "booking.seen_at_desk", f"resident:{account.id}", person=account.id)
        here = Booking.filter(
            resident_id=account.id, slot__service_point__division_code__startswith=actor.scope.division
        )
        return await here.prefetch_related("slot").order_by("-id").limit(_SHOWN_MOST)


async def move_at_desk(actor: Actor, booking_id: UUID, slot_id: UUID) -> Booking:
    """Change a booking at its resident's wish, until it begins; the old places are kept until the new are sure.

    The places stay of the share they were booked from. Moved to where it is, nothing happens. Raises `NotAllowed`,
    `NotFound`, `IllegalMove`, `CancelTooLate`, and like `commands.book` but never `BookingBarred`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        seen = await _locked_owners(actor, booking_id)
        person = Actor(ActorKind.RESIDENT, seen.resident_id)
        items = await visit_items_of(booking_id)
        visit = await _planned(actor, person, slot_id, items, seen.party, apart_from=booking_id)
        await places.lock([*visit.run, *seen.slots])
        booking = await locked_booking(booking_id)
        booking.state = LIFE.next_state(booking.state, "move")
        is_late_to_cancel(booking.slot.starts_at, clock.now(), visit.policy)
        if list(visit.run) == booking.slots:
            return booking
        check_same_place(booking.slot.layer, visit.layer)
        await change_time(booking, visit, by_hall=False)
        await audit.record(actor, "booking.moved_at_desk", f"booking:{booking.id}", person=booking.resident_id)
        return await booking_in_scope(actor, booking_id)


async def cancel_at_desk(actor: Actor, booking_id: UUID) -> Booking:
    """Give the places back at their resident's wish, until the slot begins; late, it counts. Again is harmless.

    Raises `NotAllowed`, `NotFound`, `CancelTooLate` or `IllegalMove`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        seen = await _locked_owners(actor, booking_id)
        await places.lock(seen.slots)
        booking = await locked_booking(booking_id)
        if booking.state is not BookingState.CANCELLED:
            await give_up(booking)
            await audit.record(
                actor,
                "booking.cancelled_at_desk",
                f"booking:{booking.id}",
                detail={"late": booking.late},
                person=booking.resident_id,
            )
    return booking


async def _planned(
    actor: Actor,
    person: Actor,
    slot_id: UUID,
    items: Sequence[VisitItem],
    party: int,
    *,
    apart_from: UUID | None = None,
) -> Visit:
    """The visit of a locked resident, once they may make it; where the clerk works, nothing taken yet."""
    here = Slot.filter(service_point__division_code__startswith=actor.scope.division)
    if not await here.filter(id=slot_id).exists():
        raise NotFound(what_zh="这个时段", what_en="slot")
    visit = await plan(person, slot_id, items, party)
    history = await history_of(person.resident_id())
    check_may_book(visit, history, live_most=visit.policy.live_most, apart_from=apart_from)
    return visit


async def _locked_owners(actor: Actor, booking_id: UUID) -> Booking:
    """A booking as it is once its resident is locked."""
    await locked_resident((await booking_in_scope(actor, booking_id)).resident_id)
    return await booking_in_scope(actor, booking_id)
