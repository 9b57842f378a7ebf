"""Without this module a guardian would have to begin at the window, and a window would know nobody was coming."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app.identity.capabilities import ACTING_FOR_OTHERS, check_on
from app.identity.models import Resident
from app.identity.queries import locked_resident
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.facts.publishing import publish
from app.kernel.privacy import blind_index, seal, unseal
from app.kernel.ratelimit import check_rate
from app.representation.commands import prove_afresh
from app.representation.errors import NobodyForThemselves, TooManyClaims
from app.representation.events import ClaimConfirmed, ClaimRefused
from app.representation.granting import CREDIT_CODE, account_of, company_account, index_of
from app.representation.models import Mandate, RepresentationClaim
from app.representation.rules import (
    CLAIM_LIFE,
    PENDING_PER_CLAIMANT,
    Basis,
    ClaimState,
    Company,
    Person,
    born_on,
    check_child,
    check_company_name,
    check_credit_code,
    check_of_age,
    check_person,
    check_reason,
    comes_of_age_on,
)
from app.representation.windows import Installed, install, with_agents


async def claim_guardianship(actor: Actor, name: str, id_number: str) -> RepresentationClaim:
    """Say that one is the guardian of a child; a window confirms it by the household register.

    Until then the child has no account by it and nobody acts for them. Needs L4, proved within ten minutes. Again
    gives the same claim. Raises `PersonNameInvalid`, `IdentityNumberInvalid`, `NotAChild`, `NotOfAge`,
    `NobodyForThemselves`, `TooManyClaims`, `AssuranceTooLow`, `StepUpNeeded`, `ActingForAnother` or
    `TooManyRequests`.
    """
    actor.own_id()
    child = check_person(name, id_number, clock.today(), "child")
    check_child(child.born, clock.today())
    return await _claim(actor, Basis.GUARDIAN, index_of(child), child.name, child.id_number)


async def claim_legal_person(actor: Actor, credit_code: str, name: str) -> RepresentationClaim:
    """Say that one is a company's legal representative; a window confirms it by the licence and the card.

    Raises `CreditCodeInvalid`, `CompanyNameInvalid` and what `claim_guardianship` raises.
    """
    actor.own_id()
    company = Company(check_credit_code(credit_code), check_company_name(name))
    index = blind_index(CREDIT_CODE, company.credit_code)
    return await _claim(actor, Basis.LEGAL_REPRESENTATIVE, index, company.name, company.credit_code)


async def _claim(actor: Actor, basis: Basis, index: str, name: str, number: str) -> RepresentationClaim:
    check_on(ACTING_FOR_OTHERS)
    await check_rate("20/hour", "representation-claim", str(actor.id))
    async with db.transaction():
        claimant = await locked_resident(actor.own_id())
        await prove_afresh(actor, claimant)
        if claimant.id_number_index == index:
            raise NobodyForThemselves
        check_of_age(born_on(_person(claimant).id_number), clock.today())
        waiting = await RepresentationClaim.filter(claimant_id=claimant.id, state=ClaimState.PENDING)
        for earlier in waiting:
            if (earlier.subject_index, earlier.basis) == (index, basis):
                return earlier
        if len(waiting) >= PENDING_PER_CLAIMANT:
            raise TooManyClaims(limit=PENDING_PER_CLAIMANT)
        claim = await RepresentationClaim.create(
            claimant_id=claimant.id,
            basis=basis,
            subject_index=index,
            name_sealed=seal(name),
            number_sealed=seal(number),
            state=ClaimState.PENDING,
            made_at=clock.now(),
        )
        await audit.record(actor, "representation.claimed", f"claim:{claim.id}", detail={"basis": basis.value})
    return claim


async def withdraw_claim(actor: Actor, claim_id: UUID) -> RepresentationClaim:
    """Take a claim back before a window decided it; again is harmless. Raises `NotFound` or `IllegalMove`."""
    async with db.transaction():
        claim = await _locked(claim_id, claimant_id=actor.own_id())
        if claim.state is not ClaimState.WITHDRAWN:
            await _decide(actor, claim, "withdraw")
    return claim


async def refuse_claim(actor: Actor, claim_id: UUID, reason: str) -> RepresentationClaim:
    """The papers do not show it. The same again by the same person is harmless.

    Raises `NotAllowed`, `InvalidInput`, `NotFound` or `IllegalMove`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    why = check_reason(reason)
    async with db.transaction():
        claim = await _locked(claim_id)
        if (claim.state, claim.decided_by, claim.reason) == (ClaimState.REFUSED, actor.reference, why):
            return claim
        await _decide(actor, claim, "refuse", reason=why)
        await publish(ClaimRefused(claim.id))
    return claim


async def confirm_claim(actor: Actor, claim_id: UUID) -> Installed:
    """The window saw the papers: the mandate comes into force, and who had no account gets one.

    A guardian's ends on the child's 18th birthday. Again by the same person is harmless. Raises `NotAllowed`,
    `NotFound`, `IllegalMove`, `NotAChild`, `NamesDiffer` or `AccountEnded`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        if (before := await _confirmed_before(actor, claim_id)) is not None:
            return before
        principal, until = await _subject_of(actor, claim_id)
        claim = await _locked(claim_id)
        if (before := await _confirmed_before(actor, claim_id)) is not None:  # by another click, which was waited for
            return before
        CLAIM_LIFE.next_state(claim.state, "confirm")
        claimant = await Resident.get(id=claim.claimant_id)
        installed = await install(actor, principal, _person(claimant), claim.basis, until=until)
        await _decide(actor, claim, "confirm", mandate=installed.mandate)
        await publish(ClaimConfirmed(claim.id, installed.mandate.id))
    return installed


async def _confirmed_before(actor: Actor, claim_id: UUID) -> Installed | None:
    """What the same person's confirmation came to."""
    claim = await RepresentationClaim.get_or_none(
        id=claim_id, state=ClaimState.CONFIRMED, decided_by=actor.reference, mandate_id__isnull=False
    )
    if claim is None:
        return None
    mandate = await Mandate.get(id=claim.mandate_id)
    return await with_agents(mandate, await Resident.get(id=mandate.principal_id))


async def _subject_of(actor: Actor, claim_id: UUID) -> tuple[Resident, datetime | None]:
    """The locked account a pending claim is about, and until when a guardian would act for it."""
    claim = await RepresentationClaim.get_or_none(id=claim_id)
    if claim is None:
        raise claim_not_found()
    CLAIM_LIFE.next_state(claim.state, "confirm")
    subject = claimed(claim)
    if isinstance(subject, Company):
        return await company_account(actor, subject), None
    check_child(subject.born, clock.today())
    return await account_of(actor, subject), clock.at_local(comes_of_age_on(subject.born), 0)


def claimed(claim: RepresentationClaim) -> Person | Company:
    """Whom a pending claim is about, opened."""
    assert claim.name_sealed is not None
    assert claim.number_sealed is not None
    name, number = unseal(claim.name_sealed), unseal(claim.number_sealed)
    return Person(name, number) if claim.basis is Basis.GUARDIAN else Company(number, name)


def _person(resident: Resident) -> Person:
    """Somebody who proved their name and number."""
    assert resident.name_sealed is not None
    assert resident.id_number_sealed is not None
    return Person(unseal(resident.name_sealed), unseal(resident.id_number_sealed))


async def _decide(
    actor: Actor, claim: RepresentationClaim, verb: str, *, mandate: Mandate | None = None, reason: str = ""
) -> None:
    """Move a locked claim; what it said of somebody is forgotten."""
    claim.state = CLAIM_LIFE.next_state(claim.state, verb)
    claim.name_sealed, claim.number_sealed = None, None  # type: ignore[assignment]
    claim.mandate_id = mandate.id if mandate else None
    claim.decided_by, claim.decided_at, claim.reason = actor.reference, clock.now(), reason
    await claim.save(
        update_fields=["state", "name_sealed", "number_sealed", "mandate_id", "decided_by", "decided_at", "reason"]
    )
    await audit.record(
        actor, "representation.decided", f"claim:{claim.id}", result=claim.state.value, person=claim.claimant_id
    )


async def _locked(claim_id: UUID, **whose: object) -> RepresentationClaim:
    claim = await RepresentationClaim.filter(id=claim_id, **whose).select_for_update().first()
    if claim is None:
        raise claim_not_found()
    return claim


def claim_not_found() -> NotFound:
    return NotFound(what_zh="这个申报", what_en="claim")
