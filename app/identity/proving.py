"""Without this module nobody could prove who they are."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from tortoise.exceptions import IntegrityError

from app.identity import capabilities, consents, merging
from app.identity.attempts import check_attempt
from app.identity.errors import (
    AccountEnded,
    IdentityTaken,
    ProofExpired,
    ProofFailed,
    ProofPending,
    ProofUnavailable,
)
from app.identity.models import IdentityProof, ProofState, Resident
from app.identity.ports import IdentityAuthority, IdentityProver, PersonClaim, ProofOutcome, ProofVerdict
from app.identity.privacy_notice import Purpose
from app.identity.queries import channel_user, locked_resident
from app.identity.rules import PROOF_SENTENCES, check_id_number, check_person_name
from app.kernel import audit, clock, db, ports
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.privacy import blind_index, seal, unseal
from app.kernel.ratelimit import check_rate

P = TypeVar("P", IdentityProver, IdentityAuthority)


async def begin_proof(actor: Actor, method: str, name: str, id_number: str) -> IdentityProof:
    """Open an identity check at the provider; the phone goes on with the proof's ticket.

    A face is sensitive data: it is asked for only with a consent of its own (个人信息保护法 29). Raises
    `ProofUnavailable`, `ConsentNeeded`, `PersonNameInvalid`, `IdentityNumberInvalid`, `TooManyRequests`,
    `AccountEnded` or `ProviderUnavailable`.
    """
    resident_id = actor.own_id()
    prover = _live(IdentityProver, method)
    user = await channel_user(actor, prover.channel)
    if user is None:
        raise ProofUnavailable
    await consents.check_given(resident_id, Purpose.FACE_CHECK)
    claim = await _claim(actor, name, id_number, user.open_id)
    proof_id = db.new_id()
    started = await prover.begin(proof_id.hex, claim)
    async with db.transaction():
        await locked_resident(resident_id)
        proof = _new_proof(actor, proof_id, method, claim, prover.level)
        proof.ticket, proof.url, proof.expires_at = started.ticket, started.url, started.expires_at
        await proof.save(force_create=True)
        await audit.record(actor, "identity.proof_begun", f"resident:{proof.resident_id}", detail={"method": method})
    return proof


async def match_identity(actor: Actor, method: str, name: str, id_number: str) -> Resident:
    """Have an authority say whether name and number belong together; a match gives its level at once.

    One number is not tried from ever new accounts; a face may be, so that no stranger's tries keep its owner out.
    Raises `ProofUnavailable`, `PersonNameInvalid`, `IdentityNumberInvalid`, `ProofFailed`, `IdentityTaken`,
    `AnotherPerson`, `AccountEnded`, `TooManyRequests` or `ProviderUnavailable`.
    """
    authority = _live(IdentityAuthority, method)
    claim = await _claim(actor, name, id_number, "")
    await check_rate("30/day", "proof-of-number", blind_index(merging.ID_NUMBER, claim.id_number))
    proof_id = db.new_id()
    outcome = await authority.check(proof_id.hex, claim)
    async with db.transaction():
        await locked_resident(actor.own_id())  # nothing is written down for an account that was left meanwhile
        proof = _new_proof(actor, proof_id, method, claim, authority.level)
        proof.expires_at = clock.now()
        await proof.save(force_create=True)
    return await _conclude(actor, proof, claim, outcome)


async def _claim(actor: Actor, name: str, id_number: str, open_id: str) -> PersonClaim:
    """What is to be proved, when it can be true at all. Every try counts for the person and for the device, also
    one with a slip of the finger.
    """
    await check_attempt(actor, "proof", "20/hour")
    return PersonClaim(check_person_name(name), check_id_number(id_number, clock.today()), open_id)


def _new_proof(actor: Actor, proof_id: UUID, method: str, claim: PersonClaim, level: int) -> IdentityProof:
    return IdentityProof(
        id=proof_id,
        resident_id=actor.own_id(),
        session_id=actor.session_id,
        method=method,
        level=level,
        reference=proof_id.hex,
        open_id=claim.open_id,
        name_sealed=seal(claim.name),
        id_number_sealed=seal(claim.id_number),
        started_at=clock.now(),
    )


async def finish_proof(actor: Actor, proof_id: UUID) -> Resident:
    """Ask the provider how the check ended and, when it passed, raise the resident's level.

    Where the number is another account's of the same person, both become one and that account is given back.
    Again after a pass is harmless. Who withdrew the consent meanwhile has nobody asked. Raises `NotFound`,
    `ProofPending`, `ProofExpired`, `ConsentNeeded`, `ProofFailed`, `IdentityTaken`, `AnotherPerson`, `AccountEnded`
    or `ProviderUnavailable`.
    """
    resident = await Resident.get(id=actor.own_id())
    if resident.merged_into_id is not None:
        raise AccountEnded
    proof = await IdentityProof.get_or_none(id=proof_id, resident_id=resident.id)
    if proof is None or proof.ticket is None:
        raise NotFound(what_zh="这次核验", what_en="identity check")
    if proof.state is ProofState.PASSED:
        return resident
    if proof.state is ProofState.FAILED or proof.expires_at <= clock.now():
        raise ProofExpired
    await consents.check_given(resident.id, Purpose.FACE_CHECK)
    claim = PersonClaim(unseal(proof.name_sealed), unseal(proof.id_number_sealed), proof.open_id)
    outcome = await _live(IdentityProver, proof.method).outcome(proof.reference, proof.ticket, claim)
    return await _conclude(actor, proof, claim, outcome)


async def _conclude(actor: Actor, proof: IdentityProof, claim: PersonClaim, outcome: ProofOutcome) -> Resident:
    if outcome.verdict is ProofVerdict.PENDING:
        raise ProofPending
    if outcome.verdict is not ProofVerdict.PASSED:
        await _fail(actor, proof, outcome.raw_code)
        reason_zh, reason_en = PROOF_SENTENCES[outcome.verdict]
        field = "name" if outcome.verdict is ProofVerdict.MISMATCH else None
        raise ProofFailed(reason_zh=reason_zh, reason_en=reason_en, field=field)
    try:
        left = await _accept(actor, proof, claim, outcome.raw_code)
    except IntegrityError:  # a window gave the number to an account in this very moment
        raise IdentityTaken from None
    merging.forget_absorbed(actor, left)
    return left


async def _fail(actor: Actor, proof: IdentityProof, raw_code: str) -> None:
    async with db.transaction():
        await IdentityProof.filter(id=proof.id, state=ProofState.PENDING).update(
            state=ProofState.FAILED, raw_code=raw_code, finished_at=clock.now()
        )
        await audit.record(
            actor, "identity.proof_failed", f"resident:{actor.id}", result="failed", detail={"code": raw_code}
        )


async def _accept(actor: Actor, proof: IdentityProof, claim: PersonClaim, raw_code: str) -> Resident:
    async with db.transaction():
        accounts = await merging.locked_accounts(actor, claim.id_number)
        accepted = await IdentityProof.filter(id=proof.id, state=ProofState.PENDING).update(
            state=ProofState.PASSED, raw_code=raw_code, finished_at=clock.now()
        )
        if not accepted:  # finished twice at once: the other one has done it
            return accounts.mine
        return await merging.take_number(actor, accounts, claim, proof.level)


def _live(port: type[P], method: str) -> P:
    """The adapter of a way to prove who one is; raises `ProofUnavailable` when it is missing or switched off."""
    if not capabilities.is_on(capabilities.proof(method)):
        raise ProofUnavailable
    try:
        return ports.get(port, method)
    except ports.NoSuchAdapter:
        raise ProofUnavailable from None
