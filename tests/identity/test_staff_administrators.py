"""Who administers whom: apart, never oneself, never elsewhere, and never nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.identity import administration
from app.identity.administration import change_account, grant_roles, reset_password, set_active
from app.identity.errors import LastAdministrator, NotOnOneself
from app.identity.models import Staff
from app.identity.rules import Role
from app.kernel import db
from app.kernel.actor import Actor, Scope
from app.kernel.errors import NotAllowed, NotFound
from tests.identity.accounts import make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.portal import Portal

SYSTEM, SECURITY = Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR

ACTS: dict[str, tuple[Role, Callable[[Actor, Any], Awaitable[object]]]] = {
    "change": (SYSTEM, lambda actor, id_: change_account(actor, id_, "别的名字", None, "990102")),
    "disable": (SYSTEM, lambda actor, id_: set_active(actor, id_, active=False)),
    "enable": (SYSTEM, lambda actor, id_: set_active(actor, id_, active=True)),
    "grant": (SECURITY, lambda actor, id_: grant_roles(actor, id_, [Role.CASHIER])),
    "reset password": (SECURITY, reset_password),
    "reset second factor": (SECURITY, administration.reset_second_factor),
}
every_act = pytest.mark.parametrize(("role", "act"), list(ACTS.values()), ids=list(ACTS))


@every_act
@pytest.mark.parametrize("other", sorted(Role))
async def test_only_the_right_administrator_administers(
    portal: Portal, role: Role, act: Callable[[Actor, Any], Awaitable[object]], other: Role
) -> None:
    if other is role:
        return
    clerk, actor = await make_staff(Role.APPROVER), await make_staff(other)
    async with nothing_moves():
        with pytest.raises(NotAllowed):
            await act(actor, clerk.id)


@every_act
async def test_nobody_administers_themself(
    portal: Portal, role: Role, act: Callable[[Actor, Any], Awaitable[object]]
) -> None:
    actor = await make_staff(role)
    async with nothing_moves():
        with pytest.raises(NotOnOneself):
            await act(actor, actor.id)


@every_act
async def test_an_account_elsewhere_in_the_city_is_one_that_does_not_exist(
    portal: Portal, role: Role, act: Callable[[Actor, Any], Awaitable[object]]
) -> None:
    actor = await make_staff(role, scope=Scope(None, "990102"))
    async with nothing_moves():
        for scope in (Scope(None, "990103"), Scope(None, "9901"), Scope()):
            elsewhere = await make_staff(Role.APPROVER, scope=scope)
            with pytest.raises(NotFound) as foreign:
                await act(actor, elsewhere.id)
            with pytest.raises(NotFound) as none:
                await act(actor, db.new_id())
            assert str(foreign.value) == str(none.value)
            await Staff.filter(id=elsewhere.id).delete()


@every_act
async def test_who_was_an_administrator_a_moment_ago_is_none(
    portal: Portal, role: Role, act: Callable[[Actor, Any], Awaitable[object]]
) -> None:
    """A process may trust a session for half a minute; what counts is the account itself."""
    actor, clerk = await make_staff(role), await make_staff(Role.APPROVER)
    await Staff.filter(id=actor.id).update(active=False)
    async with nothing_moves():
        with pytest.raises(NotAllowed):
            await act(actor, clerk.id)
    await Staff.filter(id=actor.id).update(active=True, roles=["CASHIER"])
    async with nothing_moves():
        with pytest.raises(NotAllowed):
            await act(actor, clerk.id)


@asynccontextmanager
async def only_administrators(role: Role, count: int) -> AsyncIterator[list[Actor]]:
    """As many holders of a role as asked for; all others are closed for the time of the test."""
    others = await Staff.filter(active=True, roles__contains=[role.value]).values_list("id", flat=True)
    await Staff.filter(id__in=others).update(active=False)
    try:
        yield [await make_staff(role) for _ in range(count)]
    finally:
        await Staff.filter(id__in=others).update(active=True)


async def test_the_last_security_administrator_is_not_closed(portal: Portal) -> None:
    system = await make_staff(SYSTEM)
    async with only_administrators(SECURITY, 1) as [security]:
        async with nothing_moves():
            with pytest.raises(LastAdministrator):
                await set_active(system, security.staff_id(), active=False)
        await make_staff(SECURITY)
        assert not (await set_active(system, security.staff_id(), active=False)).active


async def test_the_last_system_administrator_keeps_the_role(portal: Portal) -> None:
    security = await make_staff(SECURITY)
    async with only_administrators(SYSTEM, 1) as [system]:
        async with nothing_moves():
            with pytest.raises(LastAdministrator):
                await grant_roles(security, system.staff_id(), [Role.APPROVER])
        await make_staff(SYSTEM)
        assert (await grant_roles(security, system.staff_id(), [Role.APPROVER])).roles == ["APPROVER"]


async def test_who_has_a_part_of_the_city_does_not_take_the_place_of_who_had_all_of_it(portal: Portal) -> None:
    system = await make_staff(SYSTEM)
    async with only_administrators(SECURITY, 1) as [security]:
        await make_staff(SECURITY, scope=Scope(None, "990102"))
        await make_staff(SECURITY, scope=Scope("housing", ""))
        async with nothing_moves():
            with pytest.raises(LastAdministrator):
                await set_active(system, security.staff_id(), active=False)
            with pytest.raises(LastAdministrator):
                await change_account(system, security.staff_id(), "安全管理员", None, "990102")
        renamed = await change_account(system, security.staff_id(), "别的名字", None, "")
        assert renamed.title == "别的名字"
        await make_staff(SECURITY)
        narrowed = await change_account(system, security.staff_id(), "安全管理员", None, "990102")
        assert narrowed.division_code == "990102"


async def test_who_never_had_a_password_of_their_own_is_no_other_administrator(portal: Portal) -> None:
    """Only a security administrator could give them one: without the last nobody ever would."""
    system = await make_staff(SYSTEM)
    async with only_administrators(SECURITY, 1) as [security]:
        other = await make_staff(SECURITY)
        await Staff.filter(id=other.id).update(password_changed_at=None)
        async with nothing_moves():
            with pytest.raises(LastAdministrator):
                await set_active(system, security.staff_id(), active=False)


async def test_two_administrators_who_put_each_other_out_leave_one(portal: Portal) -> None:
    async with only_administrators(SYSTEM, 2) as [one, other]:
        outcomes = await at_once(
            set_active(one, other.staff_id(), active=False), set_active(other, one.staff_id(), active=False)
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NotAllowed", "Staff"]
        assert await Staff.filter(active=True, roles__contains=[SYSTEM.value]).count() == 1


async def test_two_who_take_each_others_role_leave_one(portal: Portal) -> None:
    async with only_administrators(SECURITY, 2) as [one, other]:
        outcomes = await at_once(grant_roles(one, other.staff_id(), []), grant_roles(other, one.staff_id(), []))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NotAllowed", "Staff"]
        assert await Staff.filter(active=True, roles__contains=[SECURITY.value]).count() == 1
