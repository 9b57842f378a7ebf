"""Without this module nobody could ask another to see to something for them; windows and claims have their own.

The principal's account is locked first, as written in docs/architecture.md, then the mandate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.identity.assurance import require_level, require_step_up
from app.identity.models import Resident
from app.identity.rules import STRONG, Level
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import ActingForAnother, NotFound
from app.kernel.privacy import unseal
from app.kernel.ratelimit import check_rate
from app.representation.errors import MandateByLaw, NobodyForThemselves
from app.representation.granting import check_items, end_mandate, index_of, put_in_force, same_in_force
from app.representation.models import Mandate
from app.representation.queries import locked_subject
from app.representation.rules import (
    BY_LAW,
    LIFE,
    Person,
    born_on,
    check_mandate_end,
    check_of_age,
    check_person,
    may_manage_mandates,
    next_basis,
)


async def grant_mandate(
    actor: Actor, name: str, id_number: str, items: Sequence[str] | None, until: datetime | None
) -> Mandate:
    """Let somebody act for oneself, or for the legal person one represents, in some items or in all.

    `until` is a year from now unless said, two years at most. Needs L4, proved within ten minutes. The same again
    gives the same mandate, anything else replaces the agent's former one. Answers alike whether or not the agent
    has an account. Raises `PersonNameInvalid`, `IdentityNumberInvalid`, `InvalidInput`, `NotFound`,
    `ProxyNotAllowed`, `AssuranceTooLow`, `StepUpNeeded`, `NotOfAge`, `NobodyForThemselves`, `TooManyMandates`,
    `MandateEnded`, `ActingForAnother` or `TooManyRequests`.
    """
    basis = next_basis(actor.principal)
    agent = check_person(name, id_number, clock.today(), "agent")
    end = check_mandate_end(until, clock.now())
    keys = await check_items(basis, items)
    await check_rate("30/hour", "mandate", str(actor.id))
    async with db.transaction():
        principal = await locked_subject(actor)
        await prove_afresh(actor, principal)
        await _check_not_oneself(actor, agent)
        earlier = await same_in_force(principal, agent, basis, items=keys, until=until)
        return earlier or await put_in_force(actor, principal, agent, basis, items=keys, until=end)


async def prove_afresh(actor: Actor, subject: Resident) -> None:
    """Raise `AssuranceTooLow` or `StepUpNeeded` unless who holds the phone is L4 and proved it just now."""
    await require_level(actor, subject, Level.L4)
    await require_step_up(replace(actor, principal=None), Level.L4)


async def _check_not_oneself(actor: Actor, agent: Person) -> None:
    holder = await Resident.get(id=actor.id)
    if holder.id_number_index == index_of(agent):
        raise NobodyForThemselves
    if holder.id_number_sealed is not None:
        check_of_age(born_on(unseal(holder.id_number_sealed)), clock.today())


async def revoke_mandate(actor: Actor, mandate_id: UUID) -> Mandate:
    """Take a mandate back at once, of one's own or of the legal person one represents; again is harmless.

    Raises `NotFound`, `MandateByLaw` for what a window has to change, `MandateEnded` or `ActingForAnother`.
    """
    if not may_manage_mandates(actor.principal):
        raise ActingForAnother
    async with db.transaction():
        principal = await locked_subject(actor)
        mandate = await _locked(mandate_id, principal_id=principal.id)
        if mandate.basis in BY_LAW:
            raise MandateByLaw
        if LIFE.may(mandate.state, "revoke"):
            await end_mandate(actor, mandate, "revoke")
    return mandate


async def resign_mandate(actor: Actor, mandate_id: UUID) -> Mandate:
    """Give up acting for somebody, at once; again is harmless. Raises `NotFound`, also for who is below L3: they
    only typed in the agent's number.

    Only the mandate is locked: nothing of the principal's is decided on.
    """
    holder = await Resident.get(id=actor.own_id())
    index = holder.id_number_index if holder.level >= STRONG else None
    async with db.transaction():
        mandate = await _locked(mandate_id, agent_index=index or "")
        if LIFE.may(mandate.state, "resign"):
            await end_mandate(actor, mandate, "resign")
    return mandate


async def _locked(mandate_id: UUID, **whose: object) -> Mandate:
    mandate = await Mandate.filter(id=mandate_id, **whose).select_for_update().first()
    if mandate is None:
        raise mandate_not_found()
    return mandate


def mandate_not_found() -> NotFound:
    return NotFound(what_zh="这个授权", what_en="mandate")
