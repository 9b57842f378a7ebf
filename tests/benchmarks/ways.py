"""The ways to book one place that are measured beside each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from app.booking import commands
from app.booking.alternatives import refuse
from app.booking.errors import SlotFull
from app.booking.events import SlotBooked
from app.booking.rules import BookingState
from app.booking.visits import VisitItem
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.facts.publishing import publish
from app.kernel.inbox.requests import claim
from tests.cases.filing import CARD
from tests.people import new_key

FOR_CARD = [VisitItem(CARD)]
Way = Callable[[Actor, UUID], Awaitable[bool]]
"""True for a place, False for none."""

_BARE = """
    WITH taken AS (
        UPDATE slot SET taken = taken + 1, phone_taken = phone_taken + 1 WHERE id = $3 AND taken < capacity RETURNING id
    )
    INSERT INTO booking (id, resident_id, slot_id, item_key, day, until, state, booked_at)
    SELECT $1, $2, id, 'id-card-replace', $4, $5, 'BOOKED', $5 FROM taken RETURNING id
"""
_LOCK = "SELECT taken, capacity FROM slot WHERE id = $1 FOR UPDATE"
_COUNT = "UPDATE slot SET taken = taken + 1, phone_taken = phone_taken + 1 WHERE id = $1"
_INSERT = """
    INSERT INTO booking (id, resident_id, slot_id, item_key, day, until, state, booked_at)
    VALUES ($1, $2, $3, 'id-card-replace', $4, $5, 'BOOKED', $5)
"""


async def ours(actor: Actor, slot: UUID) -> bool:
    """The command as the endpoint calls it."""
    try:
        await commands.book(actor, slot, FOR_CARD, idempotency_key=new_key())
    except SlotFull:
        return False
    return True


async def plain(actor: Actor, slot: UUID) -> bool:
    """Our own command without the crowd: a transaction for each, decided by one conditional statement."""
    try:
        await commands.book_alone(actor, slot, FOR_CARD, idempotency_key=new_key())
    except SlotFull:
        return False
    return True


async def with_lock(actor: Actor, slot: UUID) -> bool:
    """The same complete work alone: the row is locked, read, decided on and written."""
    try:
        async with db.transaction():
            request = await claim(actor.resident_id(), new_key(), "book", slot=slot, items=[CARD])
            visit = await commands.admitted(actor, slot, FOR_CARD, 1)
            seen = await db.row(_LOCK, slot)
            if seen is None or seen["taken"] >= seen["capacity"]:
                await refuse(visit)
            await db.rows(_COUNT, slot)
            booking_id = await commands.insert(actor.resident_id(), visit, BookingState.BOOKED)
            await request.answered_with(booking_id)
            await publish(SlotBooked(booking_id))
            await audit.record(actor, "booking.made", f"booking:{booking_id}")
    except SlotFull:
        return False
    return True


async def bare_statement(actor: Actor, slot: UUID) -> bool:
    """No key, no resident, no checks, no audit: the conditional statement and the row."""
    now = clock.now()
    return bool(await db.rows(_BARE, db.new_id(), actor.resident_id(), slot, now.date(), now))


async def bare_lock(actor: Actor, slot: UUID) -> bool:
    """The same with a row lock."""
    now = clock.now()
    async with db.transaction():
        seen = await db.row(_LOCK, slot)
        if seen is None or seen["taken"] >= seen["capacity"]:
            return False
        await db.rows(_COUNT, slot)
        await db.rows(_INSERT, db.new_id(), actor.resident_id(), slot, now.date(), now)
    return True


WAYS: dict[str, Way] = {
    "ours": ours,
    "plain": plain,
    "with_lock": with_lock,
    "bare_statement": bare_statement,
    "bare_lock": bare_lock,
}
