"""Without this module a screen would show a whole name, or a phone would be told what its owner has just seen."""

from __future__ import annotations

from app.identity.models import Resident
from app.kernel import clock
from app.kernel.privacy import mask_name, unseal
from app.queueing.models import Ticket
from app.queueing.queries import people_ahead
from app.queueing.rules import NEAR

_LONGEST = 20


def shown_name(name: str) -> str:
    """What screens show of a name: `*小明`; nothing of none."""
    return mask_name(name)[:_LONGEST] if name else ""


def holder_shown(resident: Resident) -> str:
    """The same of an account; nothing when nobody has proved a name."""
    return shown_name(unseal(resident.name_sealed)) if resident.name_sealed else ""


async def note_if_near(ticket: Ticket) -> None:
    """Who takes a number and has few people ahead sees that then, and is not told again at the next call."""
    [ahead] = await people_ahead([ticket.id])
    if ahead <= NEAR:
        ticket.near_told_at = clock.now()
        await ticket.save(update_fields=["near_told_at"])
