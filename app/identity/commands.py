"""Without this module nobody could sign in; phone numbers are in `phones`, proofs in `proving`."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.identity import capabilities, sessions
from app.identity.errors import SignInUnavailable
from app.identity.models import ChannelBinding, Resident
from app.identity.ports import ChannelIdentity, SignInChannel
from app.identity.tokens import Tokens
from app.kernel import audit, clock, db, ports
from app.kernel.actor import Actor, ActorKind
from app.kernel.privacy import seal
from app.kernel.ratelimit import check_rate

# Shared: several phones of one resident may sign in at once; who closes or joins the account waits for all of them.
_HOLD_ACCOUNT = "SELECT id FROM resident WHERE id = $1 FOR KEY SHARE"


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
    adapter = sign_in_channel(channel)
    user = await adapter.exchange(code)
    async with db.transaction():
        binding = await _binding_of(channel, user)
        resident_id = binding.resident_id
        tokens = await sessions.open_session(
            channel=channel, device=device, resident_id=resident_id, binding_id=binding.id, address=address
        )
        actor = Actor(ActorKind.RESIDENT, resident_id, tokens.session_id)
        await audit.record(actor, "identity.signed_in", f"resident:{resident_id}", detail={"channel": channel})
    return SignedIn(tokens, resident_id)


async def _binding_of(channel: str, user: ChannelIdentity) -> ChannelBinding:
    # Two phones of one person may sign in for the first time at once: the second waits for the first. The older
    # name is what both have in common while an app moves its users from one kind of name to the other.
    whom = f"{channel}/{user.app_id}/{user.user_id or user.open_id}"
    await db.one_at_a_time(whom)
    binding = await _held_binding(channel, user)
    # Only the newest is good: whoever signs in on another phone ends what the one before could open.
    secret = seal(user.session_secret) if user.session_secret else None
    if binding is not None:
        binding.open_id = user.open_id
        binding.user_id = user.user_id or binding.user_id
        binding.session_secret_sealed = secret
        await binding.save(update_fields=["open_id", "user_id", "session_secret_sealed"])
        return binding
    resident = await Resident.create(created_at=clock.now())
    return await ChannelBinding.create(
        resident_id=resident.id,
        channel=channel,
        app_id=user.app_id,
        open_id=user.open_id,
        union_id=user.union_id,
        user_id=user.user_id,
        session_secret_sealed=secret,
        bound_at=clock.now(),
    )


async def _held_binding(channel: str, user: ChannelIdentity) -> ChannelBinding | None:
    """The user's binding; its account, first in the order of locks, is not closed or joined until we commit."""
    while True:
        binding = await _known_binding(channel, user)
        if binding is None:
            return None
        await db.rows(_HOLD_ACCOUNT, binding.resident_id)
        if await ChannelBinding.exists(id=binding.id, resident_id=binding.resident_id):
            return binding


async def _known_binding(channel: str, user: ChannelIdentity) -> ChannelBinding | None:
    binding = await ChannelBinding.get_or_none(channel=channel, app_id=user.app_id, open_id=user.open_id)
    if binding is None and user.user_id is not None:
        binding = await ChannelBinding.filter(channel=channel, app_id=user.app_id, user_id=user.user_id).first()
    return binding


def sign_in_channel(code: str) -> SignInChannel:
    """The adapter of a host app; raises `SignInUnavailable` when it is missing or switched off."""
    if not capabilities.is_on(capabilities.sign_in(code)):
        raise SignInUnavailable
    try:
        return ports.get(SignInChannel, code)
    except ports.NoSuchAdapter:
        raise SignInUnavailable from None
