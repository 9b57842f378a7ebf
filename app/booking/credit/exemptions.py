"""Without this module who cannot help missing a visit would be barred like who did not care."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.booking.at_window import account_at_window
from app.booking.credit.rules import ExemptionGround
from app.booking.errors import ExemptionInvalid
from app.booking.models import CreditExemption
from app.identity.queries import locked_resident
from app.identity.rules import STRONG, Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.privacy import Unreadable, unseal
from app.representation.rules import born_on

# The number says how old somebody is only where they have proved that it is theirs.
_EXEMPT = """
    SELECT r.id, r.id_number_sealed, r.level, (
        SELECT e.ground FROM credit_exemption e
        WHERE e.resident_id = r.id AND e.ended_at IS NULL AND (e.valid_until IS NULL OR e.valid_until >= $2)
        ORDER BY e.valid_until DESC NULLS FIRST, e.id LIMIT 1
    ) AS ground
    FROM resident r WHERE r.id = ANY($1::uuid[])
"""


@dataclass(frozen=True)
class Exemption:
    """Why missed visits may not count for a resident: what a window saw, and when they were born."""

    granted: ExemptionGround | None = None
    born: date | None = None


async def exemptions_of(resident_ids: Sequence[UUID]) -> list[Exemption]:
    """In key order, in one statement; `born` is known of who has proved their number (L3 and more)."""
    found = {
        row["id"]: Exemption(
            granted=ExemptionGround(row["ground"]) if row["ground"] else None,
            born=_born(row["id_number_sealed"]) if row["level"] >= STRONG else None,
        )
        for row in await db.rows(_EXEMPT, list(resident_ids), clock.today())
    }
    return [found.get(key, Exemption()) for key in resident_ids]


def _born(number_sealed: str | None) -> date | None:
    if number_sealed is None:
        return None
    try:
        return born_on(unseal(number_sealed))
    except Unreadable:  # one number that no key opens must not keep a whole batch from booking
        return None


async def grant_exemption(
    actor: Actor, id_number: str, name: str, ground: ExemptionGround, valid_until: date | None
) -> CreditExemption:
    """Let missed visits not count for somebody whose papers a window saw, for ever or through a day; again is harmless.

    Another of the same ground takes the former's place. Raises `NotAllowed`, `ExemptionInvalid` or like
    `account_at_window`.
    """
    staff = actor.staff_id(Role.WINDOW_ACCEPTOR)
    if valid_until is not None and valid_until <= clock.today():
        raise ExemptionInvalid(field="validUntil")
    async with db.transaction():
        account = await account_at_window(id_number, name)
        # Two accounts that became one may have brought one each.
        held = await CreditExemption.filter(resident_id=account.id, ground=ground, ended_at=None).order_by("id")
        for former in held:
            if former.valid_until == valid_until:
                return former
        await CreditExemption.filter(id__in=[former.id for former in held]).update(ended_at=clock.now())
        exemption = await CreditExemption.create(
            resident_id=account.id,
            ground=ground,
            granted_by_id=staff,
            granted_at=clock.now(),
            valid_until=valid_until,
        )
        await audit.record(actor, "credit.exempted", f"exemption:{exemption.id}", person=account.id)
    return exemption


async def end_exemption(actor: Actor, exemption_id: UUID) -> CreditExemption:
    """Let missed visits count again, also the earlier ones; again is harmless. Raises `NotAllowed` or `NotFound`."""
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        known = await CreditExemption.get_or_none(id=exemption_id)
        if known is None:
            raise NotFound(what_zh="这条豁免记录", what_en="exemption")
        await locked_resident(known.resident_id)
        exemption = await CreditExemption.select_for_update().get(id=exemption_id)
        if exemption.ended_at is None:
            exemption.ended_at = clock.now()
            await exemption.save(update_fields=["ended_at"])
            await audit.record(
                actor, "credit.exemption_ended", f"exemption:{exemption.id}", person=exemption.resident_id
            )
    return exemption


async def exemptions_at_window(actor: Actor, id_number: str, name: str) -> list[CreditExemption]:
    """What was granted to somebody at the window, newest first, at most 50; the look is audited. Raises alike."""
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        account = await account_at_window(id_number, name)
        await audit.record(actor, "credit.exemptions_seen", f"resident:{account.id}", person=account.id)
        return await CreditExemption.filter(resident_id=account.id).order_by("-id").limit(50)
