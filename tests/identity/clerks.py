"""Members of staff with a password, for tests about how they get in."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.identity import own_account, staffing
from app.identity.errors import StaffCredentialsWrong
from app.identity.models import Staff
from app.identity.one_time_codes import code_at
from app.identity.passwords import hash_password
from app.identity.queries import actor_of
from app.identity.rules import Role
from app.identity.staffing import StaffSignedIn
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind, Scope

RIGHT, WRONG = "right-password", "wrong-password"
HERE = "192.0.2.20"


async def make_clerk(*roles: Role, scope: Scope = Scope(), own: bool = True) -> Staff:  # noqa: B008 - frozen
    """An approver unless other roles are named; without `own` the password still has to be changed."""
    return await Staff.create(
        login=f"clerk-{db.new_id().hex}",
        password_hash=await hash_password(RIGHT),
        password_changed_at=clock.now() if own else None,
        title="测试工位",
        roles=[*(roles or (Role.APPROVER,))],
        department_key=scope.department,
        division_code=scope.division,
    )


async def sign_in(staff: Staff, password: str = RIGHT, code: str | None = None) -> StaffSignedIn:
    # An address of their own each, so that the limit per address is never what refuses.
    return await staffing.sign_in(staff.login, password, code, "", f"{HERE}/{staff.id}")


async def try_wrongly(staff: Staff, times: int) -> None:
    for _ in range(times):
        with pytest.raises(StaffCredentialsWrong):
            await sign_in(staff, WRONG)


async def signed_in_actor(staff: Staff) -> Actor:
    return await actor_of((await sign_in(staff)).tokens.access)


async def enrolled(staff: Staff) -> str:
    """Set up a second factor as its owner does, a minute ago; gives the secret."""
    actor = Actor(ActorKind.STAFF, staff.id, roles=frozenset(staff.roles))
    secret = (await own_account.begin_second_factor(actor)).secret
    with clock.standing_at(clock.now() - timedelta(minutes=2)):
        await own_account.confirm_second_factor(actor, code_at(secret, clock.now()))
    return secret
