"""Without this module nobody could prove who they are."""

from __future__ import annotations

from uuid import UUID

from tortoise.exceptions import IntegrityError

from app.identity.errors import IdentityTaken, ProofExpired, ProofFailed, ProofPending, ProofUnavailable
from app.identity.models import IdentityProof, ProofState, Resident
from app.identity.ports import IdentityProver, PersonClaim, ProofVerdict
from app.identity.queries import channel_user, locked_resident
from app.identity.rules import PROOF_SENTENCES, check_id_number, check_person_name
from app.kernel import audit, clock, db, ports
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.privacy import blind_index, seal, unseal
from app.kernel.ratelimit import check_rate

ID_NUMBER = "resident.id_number"


async def begin_proof(actor: Actor, method: str, name: str, id_number: str) -> IdentityProof:
    """Open an identity check at the provider; the phone goes on with the proof's ticket.

    Raises `ProofUnavailable`, `PersonNameInvalid`, `IdentityNumberInvalid`, `TooManyRequests` or
    `ProviderUnavailable`.
    """
    resident_id = actor.own_id()
    prover = _prover(method)
    user = await channel_user(actor, prover.channel)
    if user is None:
        raise ProofUnavailable
    claim = PersonClaim(check_person_name(name), check_id_number(id_number, clock.today()), user.open_id)
    await check_rate("20/hour", "proof", str(resident_id))
    proof_id = db.new_id()
    started = await prover.begin(proof_id.hex, claim)
    async with db.transaction():
        proof = await IdentityProof.create(
            id=proof_id,
            resident_id=resident_id,
            method=method,
            reference=proof_id.hex,
            ticket=started.ticket,
            open_id=claim.open_id,
            name_sealed=seal(claim.name),
            id_number_sealed=seal(claim.id_number),
            started_at=clock.now(),
            expires_at=started.expires_at,
        )
        await audit.record(actor, "identity.proof_begun", f"resident:{resident_id}", detail={"method": method})
    return proof


async def finish_proof(actor: Actor, proof_id: UUID) -> Resident:
    """Ask the provider how the check ended and, when it passed, raise the resident's level.

    Again after a pass is harmless. Raises `NotFound`, `ProofPending`, `ProofExpired`, `ProofFailed`,
    `IdentityTaken` or `ProviderUnavailable`.
    """
    resident_id = actor.own_id()
    proof = await IdentityProof.get_or_none(id=proof_id, resident_id=resident_id)
    if proof is None or proof.ticket is None:
        raise NotFound(what_zh="这次核验", what_en="identity check")
    if proof.state is ProofState.PASSED:
        return await Resident.get(id=resident_id)
    if proof.state is ProofState.FAILED or proof.expires_at <= clock.now():
        raise ProofExpired
    prover = _prover(proof.method)
    claim = PersonClaim(unseal(proof.name_sealed), unseal(proof.id_number_sealed), proof.open_id)
    outcome = await prover.outcome(proof.reference, proof.ticket, claim)
    if outcome.verdict is ProofVerdict.PENDING:
        raise ProofPending
    if outcome.verdict is not ProofVerdict.PASSED:
        await _fail_proof(actor, proof_id, outcome.raw_code)
        reason_zh, reason_en = PROOF_SENTENCES[outcome.verdict]
        raise ProofFailed(reason_zh=reason_zh, reason_en=reason_en)
    try:
        return await _accept_proof(actor, proof_id, claim, prover.level, outcome.raw_code)
    except IntegrityError:
        raise IdentityTaken from None


async def _fail_proof(actor: Actor, proof_id: UUID, raw_code: str) -> None:
    async with db.transaction():
        await IdentityProof.filter(id=proof_id, state=ProofState.PENDING).update(
            state=ProofState.FAILED, raw_code=raw_code, finished_at=clock.now()
        )
        await audit.record(
            actor, "identity.proof_failed", f"resident:{actor.id}", result="failed", detail={"code": raw_code}
        )


async def _accept_proof(actor: Actor, proof_id: UUID, claim: PersonClaim, level: int, raw_code: str) -> Resident:
    index = blind_index(ID_NUMBER, claim.id_number)
    async with db.transaction():
        resident = await locked_resident(actor.own_id())
        if resident.id_number_index not in {None, index}:
            raise IdentityTaken
        accepted = await IdentityProof.filter(id=proof_id, state=ProofState.PENDING).update(
            state=ProofState.PASSED, raw_code=raw_code, finished_at=clock.now()
        )
        if not accepted:  # finished twice at once: the other one has done it
            return resident
        resident.name_sealed = seal(claim.name)
        resident.id_number_sealed = seal(claim.id_number)
        resident.id_number_index = index
        resident.level = max(resident.level, level)
        await resident.save(update_fields=["name_sealed", "id_number_sealed", "id_number_index", "level"])
        await audit.record(actor, "identity.level_raised", f"resident:{resident.id}", detail={"level": resident.level})
    return resident


def _prover(method: str) -> IdentityProver:
    try:
        return ports.get(IdentityProver, method)
    except ports.NoSuchAdapter:
        raise ProofUnavailable from None
