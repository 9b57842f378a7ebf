"""Without this module a lost phone could not be signed out, and a stolen refresh token would live for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from tortoise.queryset import QuerySet

from app.identity.errors import SessionEnded
from app.identity.models import Session
from app.identity.queries import locked_session, recent_sessions, sessions_of
from app.identity.rules import DEFAULT_DEVICE, REFRESH_DAYS, check_device_name
from app.identity.staff_rules import STAFF_HOURS, is_idle
from app.identity.tokens import (
    Tokens,
    make_access_token,
    make_refresh_token,
    read_refresh_token,
    token_hash,
)
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM, Actor

REFRESH_REUSED = "REFRESH_TOKEN_REUSED"
SIGNED_OUT = "SIGNED_OUT"


async def open_session(
    *,
    channel: str,
    device: str,
    resident_id: UUID | None = None,
    staff_id: UUID | None = None,
    binding_id: UUID | None = None,
    address: str = "",
) -> Tokens:
    """Begin a session of one account, in the caller's transaction. `address` is where the caller came from.

    A resident's lives 30 days from its last refresh, one of staff 12 hours at most.
    """
    now = clock.now()
    session_id = db.new_id()
    refresh = make_refresh_token(session_id)
    await Session.create(
        id=session_id,
        resident_id=resident_id,
        staff_id=staff_id,
        binding_id=binding_id,
        channel=channel,
        address=address[:64],
        device=device.strip()[:80] or DEFAULT_DEVICE,
        refresh_hash=token_hash(refresh),
        created_at=now,
        refreshed_at=now,
        expires_at=now + (timedelta(hours=STAFF_HOURS) if staff_id else timedelta(days=REFRESH_DAYS)),
        seen_at=now if staff_id else None,
    )
    access, access_expires_at = make_access_token(session_id)
    return Tokens(access, access_expires_at, refresh, session_id)


async def refresh(token: str) -> Tokens:
    """Trade a refresh token for a new pair. Raises `SessionEnded`.

    A token that was already traded ends the whole session: it was stolen, or lost and found (RFC 9700 section
    4.14.2). There is no time of grace for a phone that repeats itself over a bad network: when the thief comes
    first, it is the owner whose token is old, and grace would leave the thief inside. The phone signs in again
    by itself with the host app's code; nobody has to type anything.
    """
    session_id = read_refresh_token(token)
    if session_id is None:
        raise SessionEnded
    tokens = await _rotate(session_id, token)
    if tokens is None:
        recent_sessions.forget(session_id)
        raise SessionEnded
    return tokens


async def _rotate(session_id: UUID, token: str) -> Tokens | None:
    async with db.transaction():
        now = clock.now()
        session = await Session.select_for_update().get_or_none(id=session_id)
        if session is None or session.revoked_at is not None or session.expires_at <= now:
            return None
        if session.staff_id is not None and is_idle(session.seen_at, now):
            return None
        if session.refresh_hash != token_hash(token):
            await _revoke(session, SYSTEM, REFRESH_REUSED)
            return None
        following = make_refresh_token(session_id)
        session.refresh_hash = token_hash(following)
        session.refreshed_at = now
        if session.staff_id is None:
            session.expires_at = now + timedelta(days=REFRESH_DAYS)
        await session.save(update_fields=["refresh_hash", "refreshed_at", "expires_at"])
    access, access_expires_at = make_access_token(session_id)
    return Tokens(access, access_expires_at, following, session_id)


async def sign_out(actor: Actor) -> None:
    """End the session the actor speaks in, also while acting for somebody; again is harmless."""
    actor = replace(actor, principal=None)
    async with db.transaction():
        session = await Session.select_for_update().get_or_none(id=actor.session_id)
        if session is None:
            raise SessionEnded
        await _revoke(session, actor, SIGNED_OUT)
    recent_sessions.forget(session.id)


async def name_device(actor: Actor, session_id: UUID, name: str) -> Session:
    """Call a device of one's own what one likes. Raises `InvalidInput`, or `NotFound` for anybody else's."""
    wanted = check_device_name(name)
    async with db.transaction():
        session = await locked_session(actor, session_id)
        session.device = wanted
        await session.save(update_fields=["device"])
        await audit.record(actor, "session.named", f"session:{session_id}")
    return session


async def revoke_session(actor: Actor, session_id: UUID) -> Session:
    """End a session of the same account; again is harmless. Raises `NotFound` for anybody else's."""
    async with db.transaction():
        session = await locked_session(actor, session_id)
        await _revoke(session, actor, SIGNED_OUT)
    recent_sessions.forget(session_id)
    return session


async def revoke_sessions(actor: Actor, *, keep_this: bool) -> int:
    """End every session of the account, or every other one; gives how many there were."""
    async with db.transaction():
        found = await sessions_of(actor).order_by("id").select_for_update()
        ended = [session for session in found if not (keep_this and session.id == actor.session_id)]
        for session in ended:
            await _revoke(session, actor, SIGNED_OUT)
    # After the commit: a request in between would see them alive and trust them for another half a minute.
    for session in ended:
        recent_sessions.forget(session.id)
    return len(ended)


async def end_with_the_act(which: QuerySet[Session], reason: str) -> list[UUID]:
    """End the live ones of some sessions because of an act that has an audit line of its own; gives their ids.

    In the caller's transaction, and in key order like everybody who ends several. Once that is committed the caller
    has this process forget them; the others do within half a minute.
    """
    ids = [session.id for session in await which.filter(revoked_at=None).order_by("id").select_for_update()]
    await Session.filter(id__in=ids).update(revoked_at=clock.now(), revoked_because=reason)
    return ids


async def _revoke(session: Session, actor: Actor, reason: str) -> None:
    if session.revoked_at is None:
        session.revoked_at = clock.now()
        session.revoked_because = reason
        await session.save(update_fields=["revoked_at", "revoked_because"])
        await audit.record(actor, "session.revoked", f"session:{session.id}", result=reason)
