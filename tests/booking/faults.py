"""Residents who did not come, or gave back too late, as it really happens."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count

from app.booking import commands, outcomes
from app.booking.models import Booking, Slot
from app.identity.merging import ID_NUMBER
from app.identity.models import Resident
from app.identity.rules import Level
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.privacy import blind_index, seal
from integrations.sandbox.people import check_digit
from tests.booking.places import make_slot, visit
from tests.cases.filing import CARD
from tests.identity.accounts import make_resident
from tests.people import new_key

_people = count(1)
FEW_MINUTES = timedelta(minutes=20)


def number_born(day: date) -> str:
    """An identity number of somebody born on a day; a division that the sandbox never uses."""
    first = f"110104{day:%Y%m%d}{next(_people) % 1000:03d}"
    return first + check_digit(first)


def young_number() -> str:
    """Of somebody whom age does not exempt."""
    return number_born(date(1990, 1, 1) + timedelta(days=next(_people)))


async def miss(actor: Actor, slot: Slot | None = None, *, item: str = CARD) -> Booking:
    """Book and do not come. Each slot in its own hour of tomorrow, unless one is given."""
    chosen = slot or await make_slot(1)
    held = await commands.book(actor, chosen.id, visit(item), idempotency_key=new_key())
    with clock.standing_at(chosen.ends_at + FEW_MINUTES):
        assert await outcomes.mark_missed(held.id)
    await held.refresh_from_db()
    return held


async def past_fault(actor: Actor, slot: Slot) -> Booking:
    """A visit of a slot that is over, which its resident missed."""
    with clock.standing_at(slot.starts_at - timedelta(hours=1)):
        held = await commands.book(actor, slot.id, visit(CARD), idempotency_key=new_key())
    assert await outcomes.mark_missed(held.id)
    await held.refresh_from_db()
    return held


async def cancel_late(actor: Actor, slot: Slot | None = None) -> Booking:
    """Book and give back an hour before it begins."""
    chosen = slot or await make_slot(1)
    held = await commands.book(actor, chosen.id, visit(CARD), idempotency_key=new_key())
    with clock.standing_at(chosen.starts_at - timedelta(hours=1)):
        return await commands.cancel(actor, held.id)


async def make_person(
    name: str = "测试居民", *, level: Level = Level.L4, number: str | None = None
) -> tuple[Actor, dict[str, str]]:
    """Somebody with an identity card, and what it says."""
    actor, card = await make_resident(level), number or young_number()
    await Resident.filter(id=actor.id).update(
        name_sealed=seal(name), id_number_sealed=seal(card), id_number_index=blind_index(ID_NUMBER, card)
    )
    return actor, {"name": name, "idNumber": card}


def after(*slots: Slot) -> datetime:
    """When all of these are over and seen to."""
    return max(slot.ends_at for slot in slots) + FEW_MINUTES
