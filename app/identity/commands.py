"""Without this module nobody could sign in, leave a phone number, or prove who they are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from tortoise.exceptions import IntegrityError

from app.identity import sessions
from app.identity.errors import (
    IdentityTaken,
    ProofExpired,
    ProofFailed,
    ProofPending,
    ProofUnavailable,
    SignInUnavailable,
    StaffCredentialsWrong,
    StaffLockedOut,
)
from app.identity.models import ChannelBinding, IdentityProof, ProofState, Resident, Staff
from app.identity.ports import ChannelIdentity, IdentityProver, PersonClaim, ProofVerdict, SignInChannel
from app.identity.queries import channel_user, locked_resident, locked_staff
from app.identity.rules import (
    LOCK_MINUTES,
    PROOF_SENTENCES,
    Role,
    check_id_number,
    check_person_name,
    next_lock,
)
from app.identity.tokens import Tokens, hash_password, password_matches
from app.kernel import audit, clock, db, ports
from app.kernel.actor import SYSTEM, Actor, ActorKind
from app.kernel.errors import NotFound
from app.kernel.privacy import blind_index, seal, unseal
from app.kernel.ratelimit import check_rate

ID_NUMBER = "resident.id_number"
PHONE = "resident.phone"


@dataclass(frozen=True)
class SignedIn:
    tokens: Tokens
    resident_id: UUID


async def sign_in(channel: str, code: str, device: str, address: str) -> SignedIn:
    """Recognise a host app's user by the phone's one-time code; the first time opens an account at L1.

    `address` is the caller's, for the limit of 600 a minute: a
    whole mobile network may come from one address. Raises `SignInUnavailable`, `SignInCodeInvalid`,
    `SignInBlocked`, `TooManyRequests` or `ProviderUnavailable`.
    """
    await check_rate("600/minute", "sign-in", address)
    adapter = _sign_in_channel(channel)
    user = await adapter.exchange(code)
    async with db.transaction():
        resident_id = await _resident_of(channel, user)
        tokens = await sessions.open_session(channel=channel, device=device, resident_id=resident_id)
        actor = Actor(ActorKind.RESIDENT, resident_id, tokens.session_id)
        await audit.record(actor, "identity.signed_in", f"resident:{resident_id}", detail={"channel": channel})
    return SignedIn(tokens, resident_id)


async def _resident_of(channel: str, user: ChannelIdentity) -> UUID:
    # Two phones of one person may sign in for the first time at once: the second waits for the first.
    await db.rows("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{channel}/{user.app_id}/{user.open_id}")
    binding = await ChannelBinding.get_or_none(channel=channel, app_id=user.app_id, open_id=user.open_id)
    if binding is not None:
        return binding.resident_id
    resident = await Resident.create(created_at=clock.now())
    await ChannelBinding.create(
        resident_id=resident.id,
        channel=channel,
        app_id=user.app_id,
        open_id=user.open_id,
        union_id=user.union_id,
        bound_at=clock.now(),
    )
    return resident.id


async def set_phone(actor: Actor, channel: str, code: str) -> Resident:
    """Keep the mobile number that the host app vouches for. Raises what `SignInChannel.phone_number` raises."""
    resident_id = actor.own_id()
    await check_rate("10/hour", "phone", str(resident_id))
    adapter = _sign_in_channel(channel)
    user = await channel_user(actor, channel)
    if user is None:
        raise SignInUnavailable
    number = await adapter.phone_number(code, user.open_id)
    async with db.transaction():
        resident = await locked_resident(resident_id)
        resident.phone_sealed = seal(number)
        resident.phone_index = blind_index(PHONE, number)
        await resident.save(update_fields=["phone_sealed", "phone_index"])
        await audit.record(actor, "identity.phone_set", f"resident:{resident_id}")
    return resident


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


async def staff_sign_in(login: str, password: str, device: str, address: str) -> tuple[Tokens, Staff]:
    """Open a session of a member of staff. Five wrong passwords in a row lock the account for half an hour.

    Raises `StaffCredentialsWrong`, `StaffLockedOut` or `TooManyRequests`.
    """
    await check_rate("120/minute", "staff-sign-in", address)
    async with db.transaction():
        now = clock.now()
        staff = await locked_staff(login)
        if staff is not None and staff.locked_until is not None and staff.locked_until > now:
            raise StaffLockedOut(minutes=LOCK_MINUTES)
        # An unknown login costs as much time as a known one: the answer does not tell which logins exist.
        matches = password_matches(password, staff.password_hash if staff else _hash_of_nobody())
        if staff is not None and matches:
            staff.failures = 0
            staff.locked_until = None
            await staff.save(update_fields=["failures", "locked_until"])
            tokens = await sessions.open_session(channel="staff", device=device, staff_id=staff.id)
            await audit.record(Actor(ActorKind.STAFF, staff.id), "identity.staff_signed_in", f"staff:{staff.id}")
            return tokens, staff
        if staff is not None:
            staff.failures += 1
            staff.locked_until = next_lock(staff.failures, now)
            await staff.save(update_fields=["failures", "locked_until"])
            actor = Actor(ActorKind.STAFF, staff.id)
            await audit.record(actor, "identity.staff_sign_in_refused", f"staff:{staff.id}", result="refused")
    raise StaffCredentialsWrong


@lru_cache(maxsize=1)
def _hash_of_nobody() -> str:
    return hash_password(secrets.token_urlsafe())


async def ensure_staff(login: str, password: str, title: str, roles: tuple[Role, ...]) -> bool:
    """Create a staff account unless the login exists; gives True when it was created."""
    async with db.transaction():
        if await Staff.exists(login=login):
            return False
        await Staff.create(
            login=login, password_hash=hash_password(password), title=title, roles=[role.value for role in roles]
        )
        await audit.record(SYSTEM, "identity.staff_created", f"staff:{login}", detail={"roles": list(roles)})
        return True


def _sign_in_channel(code: str) -> SignInChannel:
    try:
        return ports.get(SignInChannel, code)
    except ports.NoSuchAdapter:
        raise SignInUnavailable from None


def _prover(method: str) -> IdentityProver:
    try:
        return ports.get(IdentityProver, method)
    except ports.NoSuchAdapter:
        raise ProofUnavailable from None
