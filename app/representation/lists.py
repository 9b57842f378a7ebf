"""Without this module nobody could look who may act for them, whom they may act for, and what was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.identity.models import Resident
from app.identity.rules import STRONG, Role
from app.kernel import audit
from app.kernel.actor import Actor, ActorKind
from app.kernel.audit import AuditLine
from app.kernel.errors import ActingForAnother
from app.kernel.privacy import unseal
from app.representation.claims import claim_not_found, claimed
from app.representation.models import LegalPerson, Mandate, RepresentationClaim
from app.representation.rules import ClaimState, Company, Person, may_manage_mandates

_MOST_HELD = 200
_RESIDENT = ActorKind.RESIDENT.value.lower()


def _whose(actor: Actor) -> UUID:
    """Oneself, or the legal person one represents. Raises `NotSignedIn` or `ActingForAnother`."""
    if not may_manage_mandates(actor.principal):
        raise ActingForAnother
    return actor.resident_id()


async def mandates_given(actor: Actor, *, limit: int, before: UUID | None) -> list[Mandate]:
    """What one granted, or the legal person one represents, and by whom they may act by law; newest first."""
    query = Mandate.filter(principal_id=_whose(actor))
    if before is not None:
        query = query.filter(id__lt=before)
    return await query.order_by("-id").limit(limit)


async def mandates_held(actor: Actor, *, limit: int, before: UUID | None) -> list[Mandate]:
    """Under which one may act or might have acted, newest first; found by one's proved name and identity number.

    Of the newest 200: one that names somebody else under this number is left out.
    """
    holder = await Resident.get(id=actor.own_id())
    if holder.level < STRONG or holder.id_number_index is None or holder.name_sealed is None:
        return []
    name = unseal(holder.name_sealed)
    rows = await Mandate.filter(agent_index=holder.id_number_index).order_by("-id").limit(_MOST_HELD)
    mine = [row for row in rows if unseal(row.agent_name_sealed) == name]
    return [row for row in mine if before is None or row.id < before][:limit]


@dataclass(frozen=True)
class Use:
    """Something another resident did for a principal."""

    line: AuditLine
    agent_id: UUID


async def uses_of_mandates(actor: Actor, *, limit: int, before: int | None) -> list[Use]:
    """Who did what in one's name, or in that of the legal person one represents; newest first.

    An account is not acted in for another: that it was joined, or lost its number to another, is left out.
    """
    whose = _whose(actor)
    query = AuditLine.filter(person=whose, actor__startswith=f"{_RESIDENT}:").exclude(actor=f"{_RESIDENT}:{whose}")
    query = query.exclude(act__startswith="identity.")
    if before is not None:
        query = query.filter(id__lt=before)
    return [Use(line, UUID(line.actor.partition(":")[2])) for line in await query.order_by("-id").limit(limit)]


async def claims_of(actor: Actor) -> list[RepresentationClaim]:
    """What one claimed, newest first; at most 50."""
    return await RepresentationClaim.filter(claimant_id=actor.own_id()).order_by("-id").limit(50)


async def claims_waiting(actor: Actor, *, limit: int, after: UUID | None) -> list[RepresentationClaim]:
    """What waits for a window, oldest first. Raises `NotAllowed`."""
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    query = RepresentationClaim.filter(state=ClaimState.PENDING)
    if after is not None:
        query = query.filter(id__gt=after)
    return await query.order_by("id").limit(limit)


@dataclass(frozen=True)
class ClaimInFull:
    """What a window holds against the papers; nothing of the subject is left of a claim that was decided."""

    claim: RepresentationClaim
    subject: Person | Company | None


async def claim_in_full(actor: Actor, claim_id: UUID) -> ClaimInFull:
    """A claim with names and number in full; each look is audited. Raises `NotAllowed` or `NotFound`."""
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    claim = await RepresentationClaim.get_or_none(id=claim_id)
    if claim is None:
        raise claim_not_found()
    await audit.record(actor, "representation.claim_seen", f"claim:{claim.id}", person=claim.claimant_id)
    return ClaimInFull(claim, claimed(claim) if claim.state is ClaimState.PENDING else None)


async def legal_persons_of(account_ids: Sequence[UUID]) -> list[LegalPerson | None]:
    """In key order; None for a natural person."""
    found = {row.account_id: row for row in await LegalPerson.filter(account_id__in=list(account_ids))}
    return [found.get(key) for key in account_ids]
