"""Without this module nobody could be hired, moved, trusted with a role, or shown the door.

The system administrator keeps accounts, the security administrator says what they may do: neither can make
somebody who works, alone. Changes are made one after another, so that two administrators who put each other out
at the same moment leave one.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.queryset import QuerySet

from app.identity.errors import LastAdministrator, LoginTaken
from app.identity.models import Staff
from app.identity.passwords import hash_password, make_one_time_password
from app.identity.queries import recent_sessions
from app.identity.rules import Role
from app.identity.staff_rules import (
    check_another,
    check_login,
    check_roles,
    check_scope,
    check_title,
    check_within,
    contains,
    lost_roles,
)
from app.identity.staffing import end_sessions
from app.kernel import audit, db
from app.kernel.actor import Actor, Scope
from app.kernel.errors import NotAllowed, NotFound

DISABLED = "ACCOUNT_DISABLED"
PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 - why a session ended
SECOND_FACTOR_RESET = "SECOND_FACTOR_RESET"

KEEPERS = (Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDITOR)
"""Who may look at the accounts of others."""

# Somebody with a part of the city cannot take the place of who has all of it, nor one who never had a password.
_OTHERS = """
    SELECT count(*) AS others FROM staff
    WHERE active AND id <> $1 AND roles @> to_jsonb(ARRAY[$2::text]) AND password_changed_at IS NOT NULL
      AND (department_key IS NULL OR department_key = $3) AND starts_with($4, division_code)
"""


def visible_staff(actor: Actor) -> QuerySet[Staff]:
    """The accounts that lie within a keeper's part of the city. Raises `NotAllowed`."""
    actor.staff_id(*KEEPERS)
    seen = Staff.filter(division_code__startswith=actor.scope.division)
    return seen.filter(department_key=actor.scope.department) if actor.scope.department else seen


async def staff_of(actor: Actor, staff_id: UUID) -> Staff:
    """One account. Raises `NotAllowed`, or `NotFound` alike for none and for one elsewhere in the city."""
    found = await visible_staff(actor).get_or_none(id=staff_id)
    if found is None:
        raise NotFound(what_zh="这个工作人员账号", what_en="account of staff")
    return found


@dataclass(frozen=True)
class StaffPage:
    accounts: list[Staff]
    has_more: bool


async def staff_list(actor: Actor, role: Role | None, *, limit: int, after: UUID | None) -> StaffPage:
    """Accounts in the order they were made, perhaps those of one role."""
    query = visible_staff(actor)
    if role is not None:
        query = query.filter(roles__contains=[role.value])
    if after is not None:
        query = query.filter(id__gt=after)
    found = await query.order_by("id").limit(limit + 1)
    return StaffPage(found[:limit], has_more=len(found) > limit)


async def create_account(actor: Actor, login: str, title: str, department: str | None, division: str) -> Staff:
    """Make an account that can do nothing yet: a security administrator gives it roles and a first password.

    Raises `NotAllowed`, `InvalidInput`, `ScopeTooWide` or `LoginTaken`.
    """
    actor.staff_id(Role.SYSTEM_ADMINISTRATOR)
    scope = check_scope(department, division)
    check_within(actor.scope, scope)
    unusable = await hash_password(secrets.token_urlsafe())
    try:
        async with _one_after_another(actor, Role.SYSTEM_ADMINISTRATOR):
            staff = await Staff.create(
                login=check_login(login),
                password_hash=unusable,
                title=check_title(title),
                roles=[],
                department_key=scope.department,
                division_code=scope.division,
            )
            await _note(actor, "created", staff, department=scope.department, division=scope.division)
    except IntegrityError:
        raise LoginTaken(field="login") from None
    return staff


async def change_account(actor: Actor, staff_id: UUID, title: str, department: str | None, division: str) -> Staff:
    """Give an account another title and another part of the city.

    Raises `NotAllowed`, `NotOnOneself`, `NotFound`, `InvalidInput`, `ScopeTooWide` or `LastAdministrator`.
    """
    scope = check_scope(department, division)
    async with _one_after_another(actor, Role.SYSTEM_ADMINISTRATOR):
        staff = await _another(actor, staff_id)
        check_within(actor.scope, scope)
        if staff.active and not contains(scope, Scope(staff.department_key, staff.division_code)):
            await _check_others_stay(staff, lost_roles(staff.roles, ()))
        staff.title = check_title(title)
        staff.department_key, staff.division_code = scope.department, scope.division
        await staff.save(update_fields=["title", "department_key", "division_code"])
        await _note(actor, "changed", staff, department=scope.department, division=scope.division)
    recent_sessions.forget_account(staff.id)
    return staff


async def set_active(actor: Actor, staff_id: UUID, *, active: bool) -> Staff:
    """Open an account again, or close it: its sessions end. Again is harmless.

    Raises `NotAllowed`, `NotOnOneself`, `NotFound` or `LastAdministrator`.
    """
    async with _one_after_another(actor, Role.SYSTEM_ADMINISTRATOR):
        staff = await _another(actor, staff_id)
        if staff.active is active:
            return staff
        if not active:
            await _check_others_stay(staff, lost_roles(staff.roles, ()))
            await end_sessions(staff.id, DISABLED)
        staff.active = active
        await staff.save(update_fields=["active"])
        await _note(actor, "enabled" if active else "disabled", staff)
    recent_sessions.forget_account(staff.id)
    return staff


async def grant_roles(actor: Actor, staff_id: UUID, roles: Iterable[Role]) -> Staff:
    """Say what a member of staff may do, instead of what they could before.

    Raises `NotAllowed`, `NotOnOneself`, `NotFound`, `NeverOnePerson` or `LastAdministrator`.
    """
    held = check_roles(roles)
    async with _one_after_another(actor, Role.SECURITY_ADMINISTRATOR):
        staff = await _another(actor, staff_id)
        before = staff.roles
        if staff.active:
            await _check_others_stay(staff, lost_roles(before, held))
        staff.roles = [role.value for role in held]
        await staff.save(update_fields=["roles"])
        await _note(actor, "roles_granted", staff, before=before, after=staff.roles)
    recent_sessions.forget_account(staff.id)
    return staff


async def reset_password(actor: Actor, staff_id: UUID) -> tuple[Staff, str]:
    """Give an account a password for one sign-in, at which it must be changed; its sessions end, a lock too.

    Raises `NotAllowed`, `NotOnOneself` or `NotFound`.
    """
    actor.staff_id(Role.SECURITY_ADMINISTRATOR)
    password = make_one_time_password()
    password_hash = await hash_password(password)
    async with _one_after_another(actor, Role.SECURITY_ADMINISTRATOR):
        staff = await _another(actor, staff_id)
        staff.password_hash, staff.password_changed_at = password_hash, None
        staff.failures, staff.failed_at, staff.locked_until = 0, None, None
        await staff.save(
            update_fields=["password_hash", "password_changed_at", "failures", "failed_at", "locked_until"]
        )
        await end_sessions(staff.id, PASSWORD_RESET)
        await _note(actor, "password_reset", staff)
    recent_sessions.forget_account(staff.id)
    return staff, password


async def reset_second_factor(actor: Actor, staff_id: UUID) -> Staff:
    """Forget the authenticator of somebody who lost it; their sessions end.

    Raises `NotAllowed`, `NotOnOneself` or `NotFound`.
    """
    async with _one_after_another(actor, Role.SECURITY_ADMINISTRATOR):
        staff = await _another(actor, staff_id)
        staff.totp_sealed = staff.totp_pending_sealed = None
        await staff.save(update_fields=["totp_sealed", "totp_pending_sealed"])
        await end_sessions(staff.id, SECOND_FACTOR_RESET)
        await _note(actor, "second_factor_reset", staff)
    recent_sessions.forget_account(staff.id)
    return staff


@asynccontextmanager
async def _one_after_another(actor: Actor, role: Role) -> AsyncIterator[None]:
    """A transaction no other administrator is in, of somebody who still is one when it begins."""
    own_id = actor.staff_id(role)
    async with db.transaction():
        await db.one_at_a_time("staff-administration")
        own = await Staff.get(id=own_id)
        if not own.active or role not in own.roles:
            raise NotAllowed
        yield


async def _another(actor: Actor, staff_id: UUID) -> Staff:
    """Somebody else's account, locked."""
    check_another(actor.id, staff_id)
    await staff_of(actor, staff_id)
    return await Staff.select_for_update().get(id=staff_id)


async def _check_others_stay(staff: Staff, lost: Iterable[Role]) -> None:
    for role in lost:
        counted = await db.row(_OTHERS, staff.id, role.value, staff.department_key, staff.division_code)
        assert counted is not None
        if counted["others"] == 0:
            raise LastAdministrator(role=role.value)


async def _note(actor: Actor, act: str, staff: Staff, **detail: object) -> None:
    await audit.record(actor, f"identity.staff_{act}", f"staff:{staff.id}", detail=detail)
