"""Without this module nobody could work at the hall's side of the portal."""

from __future__ import annotations

import secrets
from functools import lru_cache

from app.identity import sessions
from app.identity.errors import StaffCredentialsWrong, StaffLockedOut
from app.identity.models import Staff
from app.identity.queries import locked_staff
from app.identity.rules import LOCK_MINUTES, Role, next_lock
from app.identity.tokens import Tokens, hash_password, password_matches
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM, Actor, ActorKind
from app.kernel.ratelimit import check_rate


async def sign_in(login: str, password: str, device: str, address: str) -> tuple[Tokens, Staff]:
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
