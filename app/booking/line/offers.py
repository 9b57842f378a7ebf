"""Without this module a freed place would go to whoever happens to look, and waiting in line would be for nothing.

Places that were set aside are offered to one after another; what nobody in line wants is anybody's again. Locks are
taken in the written order: the resident who is asked, slots by id, the booking, the entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.booking import places
from app.booking.admission import check_history
from app.booking.commands import insert
from app.booking.events import PlaceOffered
from app.booking.histories import history_of
from app.booking.holds import expire_at_its_end
from app.booking.line import entries as line
from app.booking.line.rules import LAST_CALL, offer_ends
from app.booking.models import Booking, Slot, WaitingEntry
from app.booking.planning import plan
from app.booking.policies import policy_of
from app.booking.queries import booking_of, slot_by_id
from app.booking.rules import BookingState, WaitingState
from app.booking.visits import VisitItem
from app.identity.errors import AccountEnded
from app.identity.queries import locked_resident
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM, Actor, ActorKind
from app.kernel.errors import IllegalMove, Refusal
from app.kernel.facts.publishing import publish
from app.kernel.logging import get_logger

_log = get_logger(__name__)
_NEXT = f"""
    SELECT w.id FROM waiting_entry w, slot s
    WHERE s.id = $1 AND s.reserved > 0 AND s.closed_at IS NULL AND s.starts_at > $3 AND {places.WISHES}
      AND w.id <> ALL($2::uuid[])
      AND w.party <= s.reserved + least(s.capacity - s.taken, s.phone_capacity - s.phone_taken)
    ORDER BY w.joined_at, w.id LIMIT 1
"""  # noqa: S608 - both parts are constants
_WISHES_SLOT = f"""
    SELECT s.id FROM waiting_entry w, slot s WHERE w.id = $1 AND s.id = ANY($2::uuid[]) AND {places.WISHES}
    ORDER BY s.starts_at DESC
"""  # noqa: S608 - both parts are constants
_PENDING = "SELECT id FROM slot WHERE reserved > 0 ORDER BY starts_at, id LIMIT $1"


async def offer_places(slot_id: UUID) -> int:
    """Offer what was set aside in a slot to one after another in line; gives how many were asked.

    Twice, and by two workers at once, offers each place once.
    """
    offered, passed_over = 0, set[UUID]()
    while True:
        next_in_line = await _next(slot_id, passed_over)
        if next_in_line is None:
            if await _give_to_all(slot_id, passed_over):
                return offered
        elif await _offer(next_in_line, slot_id):
            offered += 1
        else:
            passed_over.add(next_in_line)


async def slots_pending(limit: int) -> list[UUID]:
    """Slots whose places are set aside: their offering may have been lost."""
    return [row["id"] for row in await db.rows(_PENDING, limit)]


async def _next(slot_id: UUID, passed_over: set[UUID]) -> UUID | None:
    found = await db.row(_NEXT, slot_id, list(passed_over), clock.now() + LAST_CALL)
    return found["id"] if found else None


async def _give_to_all(slot_id: UUID, passed_over: set[UUID]) -> bool:
    """What nobody in line can use is free; False when somebody can after all, who came meanwhile."""
    async with db.transaction():
        await places.lock([slot_id])
        if await _next(slot_id, passed_over) is not None:
            return False
        await places.offer_no_more([slot_id])
    return True


async def _offer(entry_id: UUID, slot_id: UUID) -> bool:
    """Hold places for who is next in line; False when their visit finds no room here or they may not book now."""
    entry = await WaitingEntry.get_or_none(id=entry_id)
    if entry is None:
        return False
    items = [VisitItem.from_json(said) for said in entry.items]
    for start in await _starts(entry, items, await slot_by_id(slot_id)):
        try:
            if await _hold_for(entry, items, start, slot_id):
                return True
        except AccountEnded:
            await line.end_entry(entry_id, WaitingState.OVER)
        except Refusal as refusal:
            _log.info("passed over in line", entry=str(entry_id), code=refusal.code)
    return False


async def _starts(entry: WaitingEntry, items: Sequence[VisitItem], slot: Slot) -> list[UUID]:
    """The slots in which a visit that needs this one can begin, within what was wished for, the latest first."""
    policy = await policy_of(slot.service_point_id, slot.category)
    length = policy.slots_needed([item.item_key for item in items])
    if length == 1:
        return [slot.id]
    row = Slot.filter(
        service_point_id=slot.service_point_id, category=slot.category, layer=slot.layer, day=slot.day,
        starts_at__lte=slot.starts_at,
    )  # fmt: skip
    before = [found.id for found in await row.order_by("-starts_at").limit(length)]
    return [found["id"] for found in await db.rows(_WISHES_SLOT, entry.id, before)]


async def _hold_for(entry: WaitingEntry, items: Sequence[VisitItem], start: UUID, slot_id: UUID) -> bool:
    """One transaction: the places become a held booking of the resident. Raises what keeps them from booking."""
    async with db.transaction():
        resident = await locked_resident(entry.resident_id)
        asked = Actor(ActorKind.RESIDENT, resident.id)
        visit = await plan(asked, start, items, entry.party)
        until = offer_ends(visit.starts_at, clock.now(), visit.policy)
        if until is None or slot_id not in visit.run:
            return False
        check_history(visit, await history_of(resident.id), clock.now())
        await places.lock(visit.run)
        if not await places.hand_on(visit.run, visit.party):
            return False
        booking_id = await insert(
            resident.id, visit, BookingState.HELD, held_until=until, deposit_fen=visit.policy.deposit_fen
        )
        await Booking.filter(id=booking_id).update(offered_to_id=entry.id)
        if not await line.record_offered(entry.id):
            raise IllegalMove(state=entry.state)
        await expire_at_its_end(await booking_of(booking_id, asked))
        await publish(PlaceOffered(booking_id, resident.id))
        await audit.record(SYSTEM, "booking.offered", f"booking:{booking_id}", person=resident.id)
    return True
