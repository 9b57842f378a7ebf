"""Without this module a lost phone could not be signed out, and a stolen refresh token would live for ever."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from app.identity.errors import SessionEnded
from app.identity.models import Session
from app.identity.queries import recent_sessions
from app.identity.rules import DEFAULT_DEVICE, REFRESH_DAYS
from app.identity.tokens import (
    Tokens,
    make_access_token,
    make_refresh_token,
    read_refresh_token,
    refresh_hash,
)
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM, Actor
from app.kernel.errors import NotFound

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
    """Begin a session of one account, in the caller's transaction. `address` is where the caller came from."""
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
        refresh_hash=refresh_hash(refresh),
        created_at=now,
        refreshed_at=now,
        expires_at=now + timedelta(days=REFRESH_DAYS),
    )
    access, access_expires_at = make_access_token(session_id)
    return Tokens(access, access_expires_at, refresh, session_id)


async def refresh(token: str) -> Tokens:
    """Trade a refresh token for a new pair. Raises `SessionEnded`.

    A token that was already traded ends the whole session: it was stolen, or lost and found.
    """
    session_id = read_refresh_token(token)
    if session_id is None:
        raise SessionEnded
    tokens = await _rotate(session_id, token)
    if tokens is None:
        raise SessionEnded
    return tokens


async def _rotate(session_id: UUID, token: str) -> Tokens | None:
    async with db.transaction():
        now = clock.now()
        session = await Session.select_for_update().get_or_none(id=session_id)
        if session is None or session.revoked_at is not None or session.expires_at <= now:
            return None
        if session.refresh_hash != refresh_hash(token):
            await _revoke(session, SYSTEM, REFRESH_REUSED)
            return None
        following = make_refresh_token(session_id)
        session.refresh_hash = refresh_hash(following)
        session.refreshed_at = now
        session.expires_at = now + timedelta(days=REFRESH_DAYS)
        await session.save(update_fields=["refresh_hash", "refreshed_at", "expires_at"])
    access, access_expires_at = make_access_token(session_id)
    return Tokens(access, access_expires_at, following, session_id)


async def sign_out(actor: Actor) -> None:
    """End the session the actor speaks in; again is harmless."""
    async with db.transaction():
        session = await Session.select_for_update().get_or_none(id=actor.session_id)
        if session is None:
            raise SessionEnded
        await _revoke(session, actor, SIGNED_OUT)


async def revoke_session(actor: Actor, session_id: UUID) -> Session:
    """End another session of the same resident. Raises `NotFound` for anybody else's."""
    async with db.transaction():
        session = await Session.select_for_update().get_or_none(id=session_id, resident_id=actor.own_id())
        if session is None:
            raise NotFound(what_zh="这个登录记录", what_en="session")
        await _revoke(session, actor, SIGNED_OUT)
        return session


async def _revoke(session: Session, actor: Actor, reason: str) -> None:
    if session.revoked_at is None:
        session.revoked_at = clock.now()
        session.revoked_because = reason
        await session.save(update_fields=["revoked_at", "revoked_because"])
        await audit.record(actor, "session.revoked", f"session:{session.id}", result=reason)
    recent_sessions.forget(session.id)
