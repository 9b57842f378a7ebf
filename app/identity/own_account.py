"""Without this module staff would keep the password somebody else chose, and have no second factor."""

from __future__ import annotations

from dataclasses import dataclass

from app.identity.errors import (
    PasswordUnchanged,
    PasswordWrong,
    SecondFactorNotBegun,
    SecondFactorSetUp,
    SecondFactorWrong,
    SessionEnded,
)
from app.identity.models import Staff
from app.identity.one_time_codes import enrolment_uri, make_secret, matching_step
from app.identity.passwords import hash_password, password_matches
from app.identity.queries import recent_sessions
from app.identity.staff_rules import check_password
from app.identity.staffing import begin_try, end_sessions, forgive
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotAllowed
from app.kernel.privacy import seal, unseal
from app.kernel.ratelimit import check_rate

PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - why a session ended
SECOND_FACTOR_SET_UP = "SECOND_FACTOR_SET_UP"


@dataclass(frozen=True)
class Enrolment:
    """What an authenticator needs; shown once."""

    secret: str
    uri: str


async def own_account(actor: Actor) -> Staff:
    """The row of the member of staff who is calling. Raises `NotSignedIn`."""
    return await Staff.get(id=actor.staff_id())


async def change_password(actor: Actor, present: str, new: str) -> Staff:
    """Choose a password of one's own; every other session ends.

    A wrong present password counts as a failed try. Raises `PasswordWrong`, `StaffLockedOut`,
    `PasswordTooShort`, `PasswordTooObvious` or `PasswordUnchanged`.
    """
    staff = await own_account(actor)
    check_password(new, staff.login)
    if present == new:
        raise PasswordUnchanged(field="password")
    if await begin_try(staff.login) is None:
        raise SessionEnded
    if not await password_matches(present, staff.password_hash):
        await audit.record(actor, "identity.staff_password_refused", f"staff:{staff.id}", result="refused")
        raise PasswordWrong(field="present")
    password_hash = await hash_password(new)
    async with db.transaction():
        row = await Staff.select_for_update().get(id=staff.id)
        if row.password_hash != staff.password_hash:
            raise PasswordWrong(field="present")
        row.password_hash, row.password_changed_at = password_hash, clock.now()
        await row.save(update_fields=["password_hash", "password_changed_at"])
        await forgive(row)
        await end_sessions(row.id, PASSWORD_CHANGED, besides=actor.session_id)
        await audit.record(actor, "identity.staff_password_changed", f"staff:{row.id}")
    recent_sessions.forget_account(row.id)
    return row


async def begin_second_factor(actor: Actor) -> Enrolment:
    """Make a secret for the caller's authenticator; it counts once a code of it is confirmed.

    Again before that makes another one. Raises `SecondFactorSetUp`, or `NotAllowed` before the password is
    their own.
    """
    async with db.transaction():
        staff = await Staff.select_for_update().get(id=actor.staff_id())
        if staff.password_changed_at is None:
            raise NotAllowed
        if staff.totp_sealed is not None:
            raise SecondFactorSetUp
        secret = make_secret()
        staff.totp_pending_sealed = seal(secret)
        await staff.save(update_fields=["totp_pending_sealed"])
        await audit.record(actor, "identity.staff_second_factor_begun", f"staff:{staff.id}")
    return Enrolment(secret, enrolment_uri(secret, staff.login))


async def confirm_second_factor(actor: Actor, code: str) -> Staff:
    """Prove that the authenticator works; from now on a sign-in needs its code, and other sessions end.

    Raises `SecondFactorNotBegun`, `SecondFactorWrong` or `TooManyRequests`.
    """
    staff_id = actor.staff_id()
    await check_rate("10/minute", "second-factor", str(staff_id))
    async with db.transaction():
        staff = await Staff.select_for_update().get(id=staff_id)
        if staff.totp_pending_sealed is None:
            raise SecondFactorNotBegun
        step = matching_step(unseal(staff.totp_pending_sealed), code, clock.now())
        if step is None:
            raise SecondFactorWrong(field="code")
        staff.totp_sealed, staff.totp_pending_sealed, staff.totp_step = staff.totp_pending_sealed, None, step
        await staff.save(update_fields=["totp_sealed", "totp_pending_sealed", "totp_step"])
        await end_sessions(staff_id, SECOND_FACTOR_SET_UP, besides=actor.session_id)
        await audit.record(actor, "identity.staff_second_factor_set_up", f"staff:{staff_id}")
    recent_sessions.forget_account(staff_id)
    return staff
