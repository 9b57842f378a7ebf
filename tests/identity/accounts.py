"""Residents and staff as a sign-in and a face check leave them, for tests that are about something else."""

from __future__ import annotations

from app.identity import devices, sessions
from app.identity.models import DeviceKind, Resident, Staff
from app.identity.rules import Level, Role
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind, Scope
from app.kernel.privacy import seal
from tests.people import Caller
from tests.portal import Portal

WHOLE_CITY = Scope()


async def make_resident(level: Level = Level.L4) -> Actor:
    """A resident of a level, with a name of their own."""
    row = await Resident.create(level=level, name_sealed=seal("测试居民"), created_at=clock.now())
    return Actor(ActorKind.RESIDENT, row.id)


async def make_staff(*roles: Role, scope: Scope = WHOLE_CITY) -> Actor:
    """A member of staff nobody else uses: windows and lockouts are theirs alone."""
    login = f"staff-{db.new_id().hex}"
    row = await Staff.create(
        login=login,
        password_hash="unusable",
        password_changed_at=clock.now(),
        title="测试工位",
        roles=[*roles],
        department_key=scope.department,
        division_code=scope.division,
    )
    return Actor(ActorKind.STAFF, row.id, roles=frozenset(roles), name=row.title, scope=scope)


async def make_device(portal: Portal, kind: DeviceKind, place: str = "city-hall") -> Caller:
    """A machine that was just put up, with its token."""
    registered = await devices.register(await make_staff(Role.SYSTEM_ADMINISTRATOR), kind, place, "测试设备")
    caller = Caller(portal.url)
    portal.people.append(caller)
    caller.access = registered.token
    return caller


async def caller_of(portal: Portal, actor: Actor, language: str = "zh-CN") -> Caller:
    """The same resident or member of staff over HTTP, in a fresh session."""
    is_staff = actor.kind is ActorKind.STAFF
    tokens = await sessions.open_session(
        channel="staff" if is_staff else "wechat",
        device="测试手机",
        staff_id=actor.id if is_staff else None,
        resident_id=None if is_staff else actor.id,
    )
    caller = Caller(portal.url, language)
    portal.people.append(caller)
    caller.access, caller.refresh = tokens.access, tokens.refresh
    return caller
