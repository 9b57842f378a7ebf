"""Without this module nobody could work at the hall's side of the portal.

A try is counted before anything is compared, by one conditional statement, and only the right answer takes it
back: however many guess at once, five are looked at and then none for half an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.identity import sessions
from app.identity.errors import SecondFactorNeeded, SecondFactorWrong, StaffCredentialsWrong, StaffLockedOut
from app.identity.models import Session, Staff
from app.identity.one_time_codes import matching_step
from app.identity.passwords import hash_password, needs_new_hash, password_matches
from app.identity.rules import LOCK_AFTER_FAILURES, LOCK_MINUTES, Role
from app.identity.staff_rules import FAILURES_WITHIN_MINUTES, NextDuty, next_duty
from app.identity.tokens import Tokens
from app.kernel import audit, clock, db
from app.kernel.actor import SYSTEM, Actor, ActorKind, Scope
from app.kernel.errors import TooManyRequests
from app.kernel.privacy import blind_index, unseal
from app.kernel.ratelimit import check_rate
from app.kernel.settings import get_settings

REFUSED = "identity.staff_sign_in_refused"
CODE_ASKED = "identity.staff_code_asked"
"""The password was right and came without a code: a first step, or somebody who knows nothing but the password."""

_LONGEST_LOGIN = 60

_TRY = """
    UPDATE staff SET failed_at = $2,
        failures = CASE WHEN failed_at > $3 THEN failures + 1 ELSE 1 END,
        locked_until = CASE WHEN failed_at > $3 AND failures + 1 >= $4 THEN $5::timestamptz END
    WHERE login = $1 AND active AND (locked_until IS NULL OR locked_until <= $2) RETURNING id
"""
_TAKE_STEP = "UPDATE staff SET totp_step = $2 WHERE id = $1 AND totp_step < $2 RETURNING id"


@dataclass(frozen=True)
class LastSignIn:
    """What a member of staff is told of the time before: was that really them?"""

    at: datetime
    address: str
    device: str
    failures_since: int


@dataclass(frozen=True)
class StaffSignedIn:
    tokens: Tokens
    staff: Staff
    last: LastSignIn | None
    duty: NextDuty | None


async def sign_in(login: str, password: str, code: str | None, device: str, address: str) -> StaffSignedIn:
    """Open a session of a member of staff by password and, where one is set up, the second factor's code.

    Five tries that fail within a quarter of an hour of each other lock the account for half an hour; a try
    without the code is one of them, or the code could be guessed for ever. Raises `StaffCredentialsWrong`,
    `SecondFactorNeeded`, `SecondFactorWrong`, `StaffLockedOut` or `TooManyRequests`.
    """
    await check_rate("120/minute", "staff-sign-in", address)
    staff = await begin_try(login)
    if staff is None:
        await _lock_like_a_known_one(login)
    right = await password_matches(password, staff.password_hash if staff else None)
    if staff is None:
        raise StaffCredentialsWrong
    try:
        if not right:
            raise StaffCredentialsWrong  # noqa: TRY301 - noted below like every other refusal
        renewed = await hash_password(password) if needs_new_hash(staff.password_hash) else staff.password_hash
        return await _enter(staff, renewed, code, device, address)
    except SecondFactorNeeded:
        await _note(staff.id, CODE_ASKED, "asked")
        raise
    except (StaffCredentialsWrong, SecondFactorWrong) as refusal:
        await _note(staff.id, REFUSED, "refused", because=refusal.code)
        raise


async def begin_try(login: str) -> Staff | None:
    """Count one try at an active account; None for a login nobody has. Raises `StaffLockedOut`."""
    if len(login) > _LONGEST_LOGIN or not login.isprintable():
        return None
    now = clock.now()
    recent, until = now - timedelta(minutes=FAILURES_WITHIN_MINUTES), now + timedelta(minutes=LOCK_MINUTES)
    counted = await db.row(_TRY, login, now, recent, LOCK_AFTER_FAILURES, until)
    staff = await Staff.get_or_none(login=login, active=True)
    if staff is not None and counted is None:
        raise StaffLockedOut(minutes=LOCK_MINUTES)
    return staff


async def _lock_like_a_known_one(login: str) -> None:
    """A lock must not tell which logins exist: one that nobody has is locked after five tries as well."""
    try:
        await check_rate(f"{LOCK_AFTER_FAILURES}/{LOCK_MINUTES} minutes", "no-such-staff", blind_index("login", login))
    except TooManyRequests:
        raise StaffLockedOut(minutes=LOCK_MINUTES) from None


async def _enter(known: Staff, password_hash: str, code: str | None, device: str, address: str) -> StaffSignedIn:
    async with db.transaction():
        staff = await Staff.select_for_update().get(id=known.id)
        if not staff.active or staff.password_hash != known.password_hash:
            raise StaffCredentialsWrong
        if staff.totp_sealed is not None:
            await _check_code(staff, staff.totp_sealed, code)
        last = await _last_sign_in(staff.id)
        await forgive(staff)
        staff.password_hash = password_hash
        await staff.save(update_fields=["password_hash"])
        tokens = await sessions.open_session(channel="staff", device=device, staff_id=staff.id, address=address)
        await _note(staff.id, "identity.staff_signed_in", "done", session=tokens.session_id)
    return StaffSignedIn(tokens, staff, last, duty_of(staff))


async def _check_code(staff: Staff, sealed: str, code: str | None) -> None:
    if not code:
        raise SecondFactorNeeded(field="code")
    step = matching_step(unseal(sealed), code, clock.now())
    if step is None or await db.row(_TAKE_STEP, staff.id, step) is None:
        raise SecondFactorWrong(field="code")


async def _last_sign_in(staff_id: UUID) -> LastSignIn | None:
    before = await Session.filter(staff_id=staff_id).order_by("-created_at").first()
    if before is None:
        return None
    failures = await audit.AuditLine.filter(subject=f"staff:{staff_id}", act=REFUSED, at__gt=before.created_at).count()
    return LastSignIn(before.created_at, before.address, before.device, failures)


async def forgive(staff: Staff) -> None:
    """Who has shown the right password takes back every try before."""
    staff.failures, staff.failed_at, staff.locked_until = 0, None, None
    await staff.save(update_fields=["failures", "failed_at", "locked_until"])


async def end_sessions(staff_id: UUID, reason: str, *, besides: UUID | None = None) -> None:
    """End every session of a member of staff, or every other one; in the caller's transaction.

    The caller has this process forget the account once that is committed; the others do within half a minute.
    """
    others = Session.filter(staff_id=staff_id)
    if besides is not None:
        others = others.exclude(id=besides)
    await sessions.end_with_the_act(others, reason)


def duty_of(staff: Staff) -> NextDuty | None:
    """What a member of staff has to do before anything else is open to them."""
    return next_duty(
        password_is_own=staff.password_changed_at is not None,
        enrolled=staff.totp_sealed is not None,
        second_factor_required=get_settings().second_factor_required,
    )


async def _note(staff_id: UUID, act: str, result: str, **detail: object) -> None:
    said = {name: str(value) for name, value in detail.items()}
    await audit.record(Actor(ActorKind.STAFF, staff_id), act, f"staff:{staff_id}", result=result, detail=said)


async def ensure_staff(
    login: str,
    password: str,
    title: str,
    roles: tuple[Role, ...],
    scope: Scope = Scope(),  # noqa: B008 - frozen
    *,
    password_is_own: bool = True,
) -> bool:
    """Create a staff account unless the login exists; gives True when it was created.

    A password that is not their own must be changed at the first sign-in.
    """
    password_hash = await hash_password(password)
    async with db.transaction():
        if await Staff.exists(login=login):
            return False
        await Staff.create(
            login=login,
            password_hash=password_hash,
            password_changed_at=clock.now() if password_is_own else None,
            title=title,
            roles=[role.value for role in roles],
            department_key=scope.department,
            division_code=scope.division,
        )
        await audit.record(SYSTEM, "identity.staff_created", f"staff:{login}", detail={"roles": list(roles)})
        return True
