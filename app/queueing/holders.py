"""Without this module a screen would show a whole name, or a phone would be told what its owner has just seen."""

from __future__ import annotations

from uuid import UUID

from app.identity.models import Resident
from app.kernel import clock
from app.kernel.privacy import mask_name, unseal
from app.queueing.models import Ticket
from app.queueing.queries import people_ahead
from app.queueing.rules import NEAR


def masked_holder(resident: Resident) -> str:
    """What screens show of an account: `*小明`; nothing when nobody has proved a name."""
    return mask_name(unseal(resident.name_sealed)) if resident.name_sealed else ""


async def masked_holder_of(resident_id: UUID) -> str:
    return masked_holder(await Resident.get(id=resident_id))


async def note_if_near(ticket: Ticket) -> None:
    """Who takes a number and has few people ahead sees that then, and is not told again at the next call."""
    [ahead] = await people_ahead([ticket.id])
    if ahead <= NEAR:
        ticket.near_told_at = clock.now()
        await ticket.save(update_fields=["near_told_at"])
